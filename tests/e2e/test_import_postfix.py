"""`import postfix`: set-ups as people have them become sources, routes, accounts and keys; what cannot be taken over is said line
by line; and main.cf is read as Postfix itself reads it."""

import json
import os
import subprocess
import textwrap

import pytest

from sendoff_test.client import submit
from sendoff_test.command import Account, Command
from sendoff_test.letters import letter
from sendoff_test.postfix import postconf


@pytest.fixture
def sendoff(tmp_path):
    command = Command(f"{tmp_path}/gateway/sendoff.conf")
    command("init", "--hostname", "smtp.example.com", "--data-dir", tmp_path / "data")
    return command


class Setup:
    """Another machine's /etc, which has come here as a folder."""

    def __init__(self, root):
        self.etc = root / "old/etc"
        self.postfix = self.etc / "postfix"
        self.postfix.mkdir(parents=True)

    def write(self, name, text, mode=0o644):
        path = self.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        path.chmod(mode)
        return path

    def key(self, domain, selector="mail"):
        made = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True)
        path = self.write(f"opendkim/keys/{domain}/{selector}.private", "", 0o600)
        path.write_bytes(made.stdout)


@pytest.fixture
def old(tmp_path):
    return Setup(tmp_path)


def imported(sendoff, old, *options, status=1):
    """The findings, and what the imports among them printed; the exit status as expected."""
    result = sendoff.run("--json", "import", "postfix", old.postfix, *(options or ("--yes",)))
    assert result.status == status, result
    lines = [json.loads(line) for line in result.out.splitlines()]
    return [line for line in lines if "where" in line], [line for line in lines if "where" not in line]


def of(findings, what):
    (found,) = [one for one in findings if one["what"].startswith(what)]
    return found


def actions(findings, action):
    return [one["what"] for one in findings if one["action"] == action]


def tutorial(old):
    """Postfix, Dovecot with a passwd-file and OpenDKIM, as the tutorials have it."""
    old.write(
        "postfix/main.cf",
        """\
        # See /usr/share/postfix/main.cf.dist for a commented, more complete version
        smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
        biff = no
        compatibility_level = 3.6
        smtpd_tls_cert_file=/etc/letsencrypt/live/mail.example.com/fullchain.pem
        smtpd_tls_key_file=/etc/letsencrypt/live/mail.example.com/privkey.pem
        smtpd_tls_security_level=may
        smtp_tls_security_level=may
        smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
        smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
        myhostname = mail.example.com
        mydestination = $myhostname, localhost.$mydomain,
          # nothing else
          localhost
        relayhost =
        mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 10.20.0.0/16
        inet_interfaces = all
        message_size_limit = 26214400
        smtp_bind_address = 192.0.2.9
        smtp_bind_address = 192.0.2.25
        smtpd_sasl_type = dovecot
        smtpd_sasl_path = private/auth
        smtpd_sasl_auth_enable = yes
        smtpd_sender_login_maps = hash:/etc/postfix/login_maps
        smtpd_sender_restrictions = reject_sender_login_mismatch
        smtpd_recipient_restrictions = permit_sasl_authenticated, reject_unauth_destination,
            check_policy_service unix:private/policyd-spf, check_policy_service inet:127.0.0.1:10023,
            check_sender_access hash:/etc/postfix/access
        smtpd_client_message_rate_limit = 100
        virtual_mailbox_domains = example.com
        virtual_transport = lmtp:unix:private/dovecot-lmtp
        milter_default_action = accept
        smtpd_milters = local:opendkim/opendkim.sock
        non_smtpd_milters = $smtpd_milters
        frobnicate = yes
        """,
    )
    old.write(
        "postfix/master.cf",
        """\
        smtp      inet  n       -       y       -       -       smtpd
        submission inet n       -       y       -       -       smtpd
          -o syslog_name=postfix/submission
          -o smtpd_tls_security_level=encrypt
          -o { smtpd_client_restrictions = permit_sasl_authenticated, reject }
          -o { smtpd_sender_restrictions = check_policy_service unix:quota, permit }
          -o content_filter=scan:[127.0.0.1]:10025
        2465      inet  n       -       y       -       -       smtpd -o smtpd_tls_wrappermode=yes
        pickup    unix  n       -       y       60      1       pickup
        smtp      unix  -       -       y       -       -       smtp
        maildrop  unix  -       n       n       -       -       pipe
          flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}
        """,
    )
    old.write(
        "postfix/login_maps",
        """\
        # who may send as whom
        shop@example.com   shop@example.com
        info@example.com   shop@example.com,
          blog@example.com
        @example.org       blog@example.com
        """,
    )
    old.write("dovecot/conf.d/auth-passwdfile.conf.ext", "passdb {\n  driver = passwd-file\n  args = scheme=CRYPT /etc/dovecot/mail-users\n}\n")
    old.write(
        "dovecot/mail-users",
        """\
        # users
        shop@example.com:{PLAIN}correct horse battery::::::
        blog@example.com:{SHA512-CRYPT}$6$abc$def:5000:5000::/var/mail::
        bare@example.com:$2y$05$abc:5000:5000::/var/mail::
        """,
    )
    old.key("example.com")
    old.key("example.org")


def test_a_tutorial(sendoff, old):
    tutorial(old)
    dry, _ = imported(sendoff, old, "--dry-run")
    assert sendoff.json("account", "list") == sendoff.json("source", "list") == sendoff.json("domain", "list") == []
    findings, made = imported(sendoff, old)
    assert [one["what"] for one in findings] == [one["what"] for one in dry]
    taken = {one["what"]: one["command"] for one in findings if one["action"] == "taken"}
    assert taken["smtp_bind_address = 192.0.2.25"] == "sendoff source add 192.0.2.25 --helo mail.example.com"
    assert "correct horse" not in json.dumps(findings)
    assert {one["account"]: one["senders"] for one in sendoff.json("account", "list")} == {
        "mynetworks": ["*"],
        "shop@example.com": ["shop@example.com", "info@example.com"],
        "blog@example.com": ["info@example.com", "example.org"],
    }
    assert {tuple(one["limits"]) for one in sendoff.json("account", "list")} == {("100/minute",)}
    assert [one["client_ips"] for one in sendoff.json("account", "list") if one["account"] == "mynetworks"] == [["127.0.0.0/8", "::1/128", "10.20.0.0/16"]]
    assert {one["account"]: one["login"] for one in made if "account" in one}["shop@example.com"] == "given"
    assert sorted(one["domain"] for one in sendoff.json("domain", "list")) == ["example.com", "example.org"]
    assert [(one["address"], one["helo"]) for one in sendoff.json("source", "list")] == [("192.0.2.25", "mail.example.com")]
    reasons = {one["what"]: one["text"] for one in findings if one["action"] == "left out"}
    for what, reason in {
        "submission: -o smtpd_sender_restrictions=": "a policy daemon is not asked",
        "submission: -o content_filter=scan:[127.0.0.1]:10025": "a setting of this service alone",
        "smtp inet smtpd": "Sendoff takes no mail of strangers",
        "maildrop unix pipe": "not to programs",
        "user bare@example.com": "smtpd_sender_login_maps lets it send as nobody",
        "smtpd_recipient_restrictions: check_policy_service unix:private/policyd-spf": "a policy daemon is not asked",
        "smtpd_recipient_restrictions: check_policy_service inet:127.0.0.1:10023": "a policy daemon is not asked",
        "smtpd_recipient_restrictions: hash:/etc/postfix/access": "access tables are not taken",
        "virtual_mailbox_domains = example.com": "Sendoff keeps no mailboxes",
        "frobnicate = yes": "no counterpart of it is known",
    }.items():
        (whole,) = [one for one in reasons if one.startswith(what)]
        assert reason in reasons.pop(whole), what
    assert list(reasons) == ["virtual_transport = lmtp:unix:private/dovecot-lmtp"]
    assert of(findings, "myhostname")["config"] == 'hostname = "mail.example.com"'
    assert of(findings, "2465 inet")["config"] == 'listen "0.0.0.0:2465" { tls = "implicit" }'
    assert of(findings, "message_size_limit")["config"] == 'limits { max_message_size = "26214400" }'
    assert of(findings, "smtp_bind_address = 192.0.2.9")["text"] == "the same name comes once more, and the last one counts"
    assert "OpenDKIM" in of(findings, "smtpd_milters")["text"]
    assert "of which no SCRAM verifier can be made" in of(findings, "user blog@example.com")["text"]
    again, _ = imported(sendoff, old)
    assert not set(actions(again, "failed")) and "user shop@example.com" in actions(again, "present")


def test_what_it_prints_for_people(sendoff, old):
    tutorial(old)
    result = sendoff.run("import", "postfix", old.postfix, "--dry-run")
    assert result.status == 1 and "lines would be left out" in result.err
    before, _, conf = result.out.partition("Write what you want of this into ")
    assert "take       main.cf:" in before and "           sendoff source add 192.0.2.25 --helo mail.example.com\n" in before
    assert "sendoff import accounts - --yes < accounts.csv" in before and "biff" not in before
    assert 'hostname = "mail.example.com"\n' in conf and conf.count("limits {") == 1
    assert "biff = no" in sendoff.run("import", "postfix", old.postfix, "--dry-run", "--all").out
    result = sendoff.run("import", "postfix", old.postfix)
    assert result.status == 2 and "--yes does it without a question" in result.err and sendoff.json("account", "list") == []


def test_what_it_says_to_write_is_a_configuration(sendoff, old, tmp_path):
    tutorial(old)
    conf = sendoff.run("import", "postfix", old.postfix, "--dry-run").out.partition("sendoff config check\n\n")[2].partition("\n\n")[0]
    with open(sendoff.config) as file:
        (data,) = [line for line in file if line.startswith("data_dir")]
    (tmp_path / "new.conf").write_text(data + conf + '\nlisten "127.0.0.1:2525" { tls = "optional" }\n')
    result = Command(str(tmp_path / "new.conf")).run("config", "check")
    assert "write" not in result.err.replace("readable", ""), result


def test_they_log_in(lab, gateway, old):
    domain = lab.new_domain()
    mx = lab.exchanger(domain)
    tutorial(old)
    (old.postfix / "main.cf").write_text((old.postfix / "main.cf").read_text().replace("mynetworks = ", "mynetworks = 192.0.2.1 #"))
    _, made = imported(gateway.sendoff, old)
    passwords = {one["account"]: one["password"] for one in made if "account" in one}
    assert passwords["shop@example.com"] is None
    for name, password, sender in (
        ("shop@example.com", "correct horse battery", "info@example.com"),
        ("blog@example.com", passwords["blog@example.com"], "any@example.org"),
    ):
        submit(gateway, Account(name, password), sender, [f"r@{domain}"], letter(sender, f"r@{domain}"))
    signed = [one.content.count(b"DKIM-Signature") for one in mx.wait(2, timeout=60)]
    assert min(signed) >= 1


def test_a_smarthost_that_relays(sendoff, old):
    """A server of applications whose mail goes to a provider's relay."""
    old.write(
        "postfix/main.cf",
        """\
        myhostname = web1.example.com
        inet_interfaces = loopback-only
        mydestination = $myhostname, example.com
        relayhost = [smtp.relay.example]:587
        smtp_sasl_auth_enable = yes
        smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
        smtp_sasl_security_options = noanonymous
        smtp_tls_security_level = encrypt
        sender_dependent_relayhost_maps = texthash:/etc/postfix/sender_relay
        smtp_sender_dependent_authentication = yes
        transport_maps = inline:{ { plain.example = smtp:mx.plain.example }, { other.example = uucp:other } }, hash:$config_directory/transport
        smtpd_relay_restrictions = permit_mynetworks, reject
        mynetworks = 127.0.0.0/8, !10.0.0.1, cidr:/etc/postfix/nets
        maximal_queue_lifetime = 3d
        delay_warning_time = 4h
        smtp_helo_name = out.example.com
        """,
    )
    old.write("postfix/master.cf", "smtp inet n - y - - smtpd\n")
    old.write("postfix/sasl_passwd", "# relay\n[smtp.relay.example]:587  apikey:s3cret:with:colons\n@example.org other:o'ther \"secret\"\n", 0o600)
    old.write("postfix/sender_relay", "@example.org [relay2.example]:465\nceo@example.net [relay3.example]\n@mx.example relay4.example\n")
    old.write("postfix/transport", ".sub.example relay:[192.0.2.7]:2525\ndirect.example smtp:\n*  :\nu@local.example smtp:[x.example]\nbad.example error:no mail\n")
    findings, _ = imported(sendoff, old)
    assert "s3cret" not in json.dumps(findings) and "o'ther" not in json.dumps(findings)
    routes = {(one["to"], one["sender"]): one for one in sendoff.json("route", "list")}
    shown = {key: (r["host"], r["port"], r["tls"], r["user"], r["lookup"]) for key, r in routes.items()}
    assert shown[("*", None)] == ("smtp.relay.example", 587, "verify", "apikey", "address")
    assert shown[("*", "example.org")][:4] == ("relay2.example", 465, "verify", "other")
    assert shown[("*", "mx.example")][0] == "relay4.example" and shown[("*", "mx.example")][3] is None
    assert shown[("plain.example", None)][0] == "mx.plain.example" and shown[("*.sub.example", None)][:2] == ("[192.0.2.7]", 2525)
    assert ("direct.example", None) in shown
    reasons = {one["what"]: one["text"] for one in findings if one["action"] == "left out"}
    assert "keeps no mailboxes" in reasons["mydestination = web1.example.com, example.com"]
    assert "not by address" in reasons["ceo@example.net  [relay3.example]"] and "not by address" in reasons["u@local.example  smtp:[x.example]"]
    assert "only mail by SMTP" in reasons["other.example  uucp:other"] and "only mail by SMTP" in reasons["bad.example  error:no mail"]
    assert "not files and tables" in reasons["mynetworks: cidr:/etc/postfix/nets"]
    assert of(findings, "smtp_bind_address is not set")["command"] == "sendoff source add ADDRESS --helo out.example.com"
    assert of(findings, "smtp inet smtpd")["config"] == 'listen "127.0.0.1:25" { tls = "optional" }'
    assert of(findings, "maximal_queue_lifetime")["config"] == 'delivery { expire = "3d" }'
    assert of(findings, "delay_warning_time")["action"] == "present"


def test_mailcow(sendoff, old):
    """All in SQL: nothing of it can be taken, and it is said what to do."""
    old.write(
        "postfix/main.cf",
        """\
        myhostname = mail.example.com
        smtpd_sasl_auth_enable = yes
        smtpd_sasl_type = dovecot
        smtpd_sasl_path = inet:dovecot:10001
        smtpd_sender_login_maps = proxy:mysql:/opt/postfix/conf/sql/mysql_virtual_sender_acl.cf
        sender_dependent_default_transport_maps = proxy:mysql:/opt/postfix/conf/sql/mysql_sender_dependent_default_transport_maps.cf
        transport_maps = pcre:/opt/postfix/conf/custom_transport.pcre, proxy:mysql:/opt/postfix/conf/sql/mysql_transport_maps.cf
        smtp_sasl_auth_enable = yes
        smtp_sasl_password_maps = proxy:mysql:/opt/postfix/conf/sql/mysql_sasl_passwd_maps.cf
        virtual_alias_maps = proxy:mysql:/opt/postfix/conf/sql/mysql_virtual_alias_maps.cf, socketmap:inet:x:1:y
        mynetworks = 127.0.0.0/8 172.22.1.0/24 [fd4d:6169:6c63:6f77::]/64
        smtpd_milters = inet:rspamd:9900
        postscreen_dnsbl_sites = wl.mailspike.net=127.0.0.[18;19;20]*-2
        smtpd_tls_chain_files = /etc/ssl/mail/key.pem, /etc/ssl/mail/cert.pem
        """,
    )
    old.write("postfix/master.cf", "smtp inet n - n - 1 postscreen\n10587 inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n")
    findings, _ = imported(sendoff, old)
    reasons = {one["what"].split(" =")[0]: one["text"] for one in findings if one["action"] == "left out"}
    assert "mysql: is a database, which is not asked" in reasons["smtpd_sender_login_maps"]
    assert "mysql: is a database" in reasons["smtp_sasl_password_maps"]
    texts = [one["text"] for one in findings if one["what"].startswith("transport_maps")]
    assert "pcre: holds patterns" in texts[0] and "mysql: is a database" in texts[1]
    assert "no passwd-file of Dovecot was found; name it with --users FILE" in reasons["AUTH, smtpd_sasl_type"]
    assert "there are no milters" in reasons["smtpd_milters"] and "Sendoff keeps no mailboxes" in reasons["virtual_alias_maps"]
    assert "sender_dependent_default_transport_maps" in reasons
    assert of(findings, "smtpd_tls_chain_files")["config"].startswith('tls { certificate = "/etc/ssl/mail/cert.pem"  key = "/etc/ssl/mail/key.pem" }')
    assert [one["account"] for one in sendoff.json("account", "list")] == ["mynetworks"]


def test_tables_without_their_text(sendoff, old):
    old.write(
        "postfix/main.cf",
        """\
        relayhost = smtp.relay.example
        smtp_sasl_auth_enable = yes
        smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
        transport_maps = lmdb:/etc/postfix/transport hash:/etc/postfix/gone
        smtpd_sasl_auth_enable = yes
        smtpd_sasl_type = cyrus
        smtpd_sender_login_maps = btree:/etc/postfix/logins
        """,
    )
    old.write("postfix/master.cf", "587 inet n - n - - smtpd\n")
    old.write("postfix/sasl_passwd.db", "\0\0")
    old.write("postfix/transport.lmdb", "\0\0")
    old.write("postfix/logins", "a@example.com  one\n@example.net  one, two\n")
    findings, made = imported(sendoff, old)
    reasons = {one["what"].split(" =")[0]: one["text"] for one in findings if one["action"] == "left out"}
    assert "postmap -s hash:/etc/postfix/sasl_passwd > /etc/postfix/sasl_passwd" in reasons["smtp_sasl_password_maps"]
    texts = [one["text"] for one in findings if one["what"].startswith("transport_maps")]
    assert "postmap -s lmdb:/etc/postfix/transport > /etc/postfix/transport" in texts[0] and "/etc/postfix/gone is not here" in texts[1]
    assert "sasldblistusers2" in reasons["AUTH, smtpd_sasl_type"]
    assert "has no login for it" in of(findings, "relayhost")["text"]
    assert {one["account"]: one["senders"] for one in sendoff.json("account", "list")} == {"one": ["a@example.com", "example.net"], "two": ["example.net"]}
    assert {one["login"] for one in made} == {"made"}


def test_opendkim_without_its_keys(sendoff, old):
    """Its mail would go unsigned: that is said."""
    old.write("postfix/main.cf", "smtpd_milters = inet:localhost:8891\nnon_smtpd_milters = $smtpd_milters\n")
    findings, _ = imported(sendoff, old, "--dry-run")
    assert "name theirs with --opendkim DIR" in of(findings, "smtpd_milters")["text"]
    old.write("dkimkeys/README.PrivateKeys", "as Debian has it")
    findings, _ = imported(sendoff, old, "--dry-run", "--all")
    assert of(findings, "domains and keys")["command"].endswith("/dkimkeys --yes")
    assert of(findings, "smtpd_milters")["action"] != "left out"


def test_files_of_this_machine_are_not_those_of_another(sendoff, old, tmp_path):
    """A path in a set-up that was copied is one of the other machine."""
    here = tmp_path / "here/sasl_passwd"
    here.parent.mkdir()
    here.write_text("[smtp.relay.example] user:of this machine\n")
    old.write("postfix/main.cf", f"relayhost = [smtp.relay.example]\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:{here}\n")
    findings, _ = imported(sendoff, old)
    assert "is not here" in of([one for one in findings if one["action"] == "left out"], "smtp_sasl_password_maps")["text"]
    (route,) = sendoff.json("route", "list")
    assert route["user"] is None


RELAY = {
    "exceptions that come too late": ("mynetworks = 10.0.0.0/8, !10.0.0.5", "taken", "narrow it"),
    "not to relay": ("smtpd_relay_restrictions = permit_sasl_authenticated, reject\nsmtpd_client_restrictions = permit_mynetworks, reject\nmynetworks = 10.0.0.0/8", "nothing", "does not let them relay"),
    "as before 2.10": ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, reject\nmynetworks = 10.0.0.0/8", "taken", "narrow it"),
    "nobody": ("smtpd_relay_restrictions =\nmynetworks = 10.0.0.0/8", "nothing", "does not let them relay"),
    "by default": ("mynetworks = 10.0.0.0/8", "taken", "narrow it"),
}


@pytest.mark.parametrize("name", RELAY)
def test_networks_are_not_widened(sendoff, old, name):
    """Nobody may relay here who may not there."""
    settings, action, text = RELAY[name]
    old.write("postfix/main.cf", f"myhostname = mail.example.com\n{settings}\n")
    findings, _ = imported(sendoff, old)
    found = of(findings, "mynetworks = ")
    assert found["action"] == action and text in found["text"], found
    accounts = [one["account"] for one in sendoff.json("account", "list")]
    assert accounts == (["mynetworks"] if action == "taken" else [])


@pytest.mark.parametrize("exception", ["!10.0.0.5", "!10.0.0.0/8", "!10.0.0.0/7", "!/etc/postfix/nets"])
def test_networks_with_exceptions(sendoff, old, exception):
    old.write("postfix/main.cf", f"myhostname = mail.example.com\nmynetworks = 127.0.0.0/8 {exception} 10.0.0.0/8 192.0.2.0/24\n")
    findings, _ = imported(sendoff, old)
    assert "an exception stands before it" in of(findings, "mynetworks: 10.0.0.0/8")["text"]
    (account,) = sendoff.json("account", "list")
    assert account["client_ips"] == ["127.0.0.0/8"] + (["192.0.2.0/24"] if "etc" not in exception else [])


def test_settings_that_would_be_lost(sendoff, old):
    old.write(
        "postfix/main.cf",
        """\
        default_transport = smtp:[relay.example.net]:2525
        relayhost = other.example.net
        maximal_queue_lifetime = 0
        multi_instance_directories = /etc/postfix-out
        smtp_tls_policy_maps = hash:/etc/postfix/tls
        """,
    )
    findings, _ = imported(sendoff, old)
    assert of(findings, "relayhost")["action"] == "nothing" and of(findings, "default_transport")["action"] == "taken"
    assert [(one["to"], one["host"], one["port"]) for one in sendoff.json("route", "list")] == [("*", "relay.example.net", 2525)]
    for what, text in (("maximal_queue_lifetime", "always a time"), ("multi_instance", "by itself"), ("smtp_tls_policy_maps", "direct --tls verify")):
        found = of(findings, what)
        assert found["action"] == "left out" and text in found["text"], found
    old.write("postfix/main.cf", "smtp_tls_security_level = encrypt\ndefault_transport = smtp-out\n")
    findings, _ = imported(sendoff, old)
    assert of(findings, "smtp_tls_security_level")["action"] == of(findings, "default_transport")["action"] == "left out"
    old.write("postfix/main.cf", "smtp_tls_security_level = dane\ndefault_transport = smtp\n")
    findings, _ = imported(sendoff, old)
    assert of(findings, "smtp_tls_security_level")["action"] == of(findings, "default_transport")["action"] == "nothing"


def test_a_users_file_that_is_named(sendoff, old, tmp_path):
    old.write("postfix/main.cf", "myhostname = mail.example.com\n")
    old.write("postfix/master.cf", "submission inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes\n")
    (tmp_path / "users").write_text("one:{plain}a password of its own\nbad name:{plain}a password of its own\n")
    passwords = tmp_path / "made.csv"
    findings, _ = imported(sendoff, old, "--users", tmp_path / "users", "--passwords", passwords, "--yes")
    assert [(one["account"], one["senders"]) for one in sendoff.json("account", "list")] == [("one", ["*"])]
    assert "it may send as anybody, as with Postfix" in of(findings, "user one")["text"]
    assert "that is no name of an account" in of(findings, "user bad name")["text"]


def test_what_fails_is_said(sendoff, old):
    old.write("postfix/main.cf", "smtp_bind_address = 192.0.2.9\nsmtp_helo_name = not a name\nsmtp_bind_address6 = ::\n")
    findings, _ = imported(sendoff, old)
    failed = of(findings, "smtp_bind_address = ")
    assert failed["action"] == "failed" and "not a name" in failed["text"]


def test_what_cannot_be_read(sendoff, old, tmp_path):
    for words, reason in (
        ((tmp_path / "nowhere",), "is no folder here"),
        ((old.postfix,), "main.cf: No such file"),
    ):
        result = sendoff.run("import", "postfix", *words, "--dry-run")
        assert result.status == 1 and reason in result.err
    old.write("postfix/main.cf", "a = b\nthis is no setting\n")
    result = sendoff.run("import", "postfix", old.postfix, "--dry-run")
    assert result.status == 1 and "main.cf: line 2 is no setting" in result.err
    old.write("postfix/main.cf", "a = b\n")
    old.write("postfix/master.cf", "smtp inet n\n")
    result = sendoff.run("import", "postfix", old.postfix, "--dry-run")
    assert result.status == 1 and "master.cf: line 1 is no service" in result.err


VALUES = r"""
# a comment
myhostname = mail.example.com
mydomain = example.com
  # a comment that is indented
plain = one two
continued = one,
    two,

# in between
	three
reference = $plain and ${plain} and $(plain)
dollar = costs $$5
joined = $mydomain$plain.${mydomain}x
yes = ${plain?yes}
no = ${empty?no}
otherwise = ${empty:otherwise}
not_otherwise = ${plain:otherwise}
braces = ${plain?{is $plain}:{is not}}
braces_else = ${empty?{is}:{is not $mydomain}}
nested = ${plain?{${empty:{deep $mydomain}}}}
equal = ${{$plain} == {one two} ? {same} : {other}}
unequal = ${{$plain} != {one two} ? {other} : {same}}
less = ${{9} < {10} ? {number} : {text}}
empty =
undefined = [$nothing_of_that_name]
derived = $derived_one
derived_one = ${derived_two}
derived_two = end
twice = first
twice = second
tail = trailing blanks   	 
equals = a=b = c
unicode = naïve
"""


def test_values_are_those_that_postfix_has(sendoff, old):
    names = [line.partition(" = ")[0] for line in VALUES.splitlines() if line[:1].isalpha()]
    used = "".join(f"${name} " for name in dict.fromkeys(names))  # postconf shows only what something refers to
    path = old.write("postfix/main.cf", f"{VALUES}mail_name = {used}\n")
    findings, _ = imported(sendoff, old, "--dry-run")
    lines = path.read_text().splitlines()
    seen = 0
    for one in findings:
        name, equals, value = one["what"].partition(" = ")
        if name == "mail_name" or not equals or not one["where"].startswith("main.cf:") or "comes once more" in (one["text"] or ""):
            continue
        seen += 1
        assert value.split() == postconf(old.postfix, name).split(), name  # postconf prints one blank for several
        assert lines[int(one["where"].partition(":")[2]) - 1].startswith(name)
    assert seen >= 25


@pytest.mark.parametrize("text", ["a = $a", "a = $b\nb = ${c?$a}\nc = ${a:x}", "a = ${b", "a = $", "a = ${}", "a = " + "$b" * 60 + "\nb = " + "$c" * 60 + "\nc = " + "$d" * 60 + "\nd = " + "$e" * 60])
def test_values_that_lead_nowhere(sendoff, old, text):
    old.write("postfix/main.cf", text + "\n")
    findings, _ = imported(sendoff, old, "--dry-run")
    assert [one for one in findings if one["what"].startswith("a = ")]


def test_long_files(sendoff, old):
    old.write("postfix/main.cf", "".join(f"smtpd_tls_x{n} = yes\n" for n in range(4000)) + "mynetworks = " + " ".join(f"10.{n // 200}.{n % 200}.1" for n in range(200)) + "\n")
    old.write("postfix/master.cf", "")
    findings, _ = imported(sendoff, old)
    assert len(findings) > 4000
    (account,) = sendoff.json("account", "list")
    assert len(account["client_ips"]) == 200
    old.write("postfix/main.cf", "".join(f"x{n} = yes\n" for n in range(5000)))
    result = sendoff.run("import", "postfix", old.postfix, "--dry-run")
    assert result.status == 1 and "main.cf: line 4097" in result.err
    assert os.path.exists(old.postfix)
