"""The gateway's certificates are read as the user that serves, at the start and at each renewal; and everybody hears of it
when they cannot be."""

import os
import re
import shutil
import stat
import subprocess
import time

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.command import PROGRAM
from sendoff_test.processes import wait_until

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../.."))
HOOK = f"{ROOT}/deploy/certbot-hook"


def subject(gateway):
    host, port = gateway.endpoint("implicit")
    done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}"], input="QUIT\r\n", capture_output=True, text=True, timeout=20)
    found = re.search(r"subject=CN = (\S+)", done.stdout)
    return found and found[1]


def letsencrypt(folder, name):
    """certbot's layout: `live` has links into `archive`, and only root may enter either."""
    live, archive = f"{folder}/letsencrypt/live/{name}", f"{folder}/letsencrypt/archive/{name}"
    os.makedirs(live)
    os.makedirs(archive)
    for made, kind in zip(make_certificate(folder, name, "made"), ("fullchain", "privkey")):
        shutil.move(made, f"{archive}/{kind}1.pem")
        os.symlink(f"../../archive/{name}/{kind}1.pem", f"{live}/{kind}.pem")
    for one in ("live", "archive"):
        os.chmod(f"{folder}/letsencrypt/{one}", 0o700)
    return live


def refused(gateway, *says):
    """At the start, and by `config check` run by root."""
    for words in (("serve",), ("config", "check")):
        result = gateway.sendoff.run(*words)
        assert result.status == 1, words
        for word in says:
            assert word in result.err, (words, result.err)


def handed_over(lab, **configuration):
    return lab.new_gateway().configure(more='user = "nobody"', **configuration).hand_over("nobody")


def test_certbot_as_it_comes(lab):
    gateway = handed_over(lab)
    live = letsencrypt(gateway.folder, "smtp.example.com")
    gateway.configure(more='user = "nobody"', certificate=f"{live}/fullchain.pem", key=f"{live}/privkey.pem")
    refused(gateway, f"user nobody may not enter {gateway.folder}/letsencrypt/live (mode 0700, of root)", "certbot-hook")
    os.chmod(f"{gateway.folder}/letsencrypt/live", 0o755)
    refused(gateway, f"user nobody may not enter {gateway.folder}/letsencrypt/archive (mode 0700, of root)")
    os.chmod(f"{gateway.folder}/letsencrypt/archive", 0o755)
    os.chmod(f"{live}/privkey.pem", 0o600)
    refused(gateway, "user nobody may not read it; run: chgrp nogroup", "privkey1.pem")


def test_certbot_with_the_hook(lab):
    gateway = handed_over(lab)
    to = f"{gateway.folder}/tls"
    env = {**os.environ, "SENDOFF_USER": "nobody", "SENDOFF_TLS_DIR": to}
    live = letsencrypt(gateway.folder, "smtp.example.com")
    subprocess.run([HOOK], env={**env, "RENEWED_LINEAGE": live}, check=True)
    copies = {"certificate": f"{to}/smtp.example.com/fullchain.pem", "key": f"{to}/smtp.example.com/privkey.pem"}
    gateway.configure(more='user = "nobody"', **copies)
    gateway.sendoff("config", "check")
    gateway.start()
    assert subject(gateway) == "smtp.example.com"
    assert stat.S_IMODE(os.stat(copies["key"]).st_mode) == 0o640
    for made, kind in zip(make_certificate(gateway.folder, "renewed.example.com", "made"), ("fullchain", "privkey")):
        shutil.move(made, os.path.realpath(f"{live}/{kind}.pem"))
    subprocess.run([HOOK], env={**env, "RENEWED_LINEAGE": live}, check=True)
    wait_until(lambda: subject(gateway) == "renewed.example.com", "the renewed certificate is in use")
    assert "old one stays" not in gateway.output()
    gateway.stop()


@pytest.mark.parametrize("broken", ["privkey", "fullchain"])
def test_the_hook_keeps_what_was_before_a_renewal_that_cannot_be_used(lab, broken):
    gateway = handed_over(lab)
    live, to = letsencrypt(gateway.folder, "smtp.example.com"), f"{gateway.folder}/tls"
    path = f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "SENDOFF_USER": "nobody", "SENDOFF_TLS_DIR": to, "RENEWED_LINEAGE": live}
    subprocess.run([HOOK], env=env, check=True)
    before = files(f"{to}/smtp.example.com")
    _, key = make_certificate(gateway.folder, "other.example.com", "made")
    if broken == "privkey":
        shutil.move(key, os.path.realpath(f"{live}/privkey.pem"))
    else:
        os.truncate(os.path.realpath(f"{live}/fullchain.pem"), 200)
    done = subprocess.run([HOOK], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "fullchain.pem.new" in done.stderr
    assert files(f"{to}/smtp.example.com") == before


@pytest.mark.parametrize("name", ["mail", "smtp.example.com-0001", "My_Mail"])
def test_the_hook_takes_any_name_of_a_lineage(lab, name):
    """certbot's --cert-name need not be a host name."""
    gateway = handed_over(lab)
    live = letsencrypt(gateway.folder, name)
    path = f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "SENDOFF_USER": "nobody", "SENDOFF_TLS_DIR": f"{gateway.folder}/tls", "RENEWED_LINEAGE": live}
    subprocess.run([HOOK], env=env, check=True)
    assert set(files(f"{gateway.folder}/tls/{name}")) == {"fullchain.pem", "privkey.pem"}


def files(folder):
    return {name: open(f"{folder}/{name}", "rb").read() for name in os.listdir(folder)}


def test_the_hook_wants_to_be_one():
    done = subprocess.run([HOOK], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode != 0 and "deploy hook" in done.stderr


def test_config_check_by_somebody_else(lab):
    """He may not be able to tell, and is told so."""
    gateway = lab.new_gateway().configure(more='user = "daemon"').hand_over("nobody")
    words = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", os.environ["SENDOFF"], "--config", gateway.config, "config", "check"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0 and "only root or daemon can check" in done.stderr, done.stderr
    refused(gateway, "user daemon may not read it")


@pytest.mark.parametrize("user", ["", 'user = "daemon"'])
def test_nobody_is_given_the_key(lab, user):
    """Somebody else's question is no reason to advise that the key be given to his group."""
    gateway = lab.new_gateway().configure(more=user).hand_over("daemon")
    for path in (os.path.dirname(gateway.folder), gateway.folder):
        os.chmod(path, 0o755)
    for words in ("config", "check"), ("doctor", "--all"):
        result = gateway.sendoff.run(*words, wrapper=("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"))
        assert not re.search("chgrp|chmod|not about to expire", result.out + result.err), result
    gateway.sendoff("config", "check")


def test_a_renewal_that_cannot_be_read(lab):
    gateway = handed_over(lab)
    certificate, key = make_certificate(gateway.folder, "old.example.com", "live")
    for path in (certificate, key):
        shutil.chown(path, "nobody")
    gateway.configure(more='user = "nobody"', certificate=certificate, key=key).start()
    before = gateway.shown_status()
    assert before["certificates_problem"] is None
    for made, used in zip(make_certificate(gateway.folder, "new.example.com", "next"), (certificate, key)):
        os.rename(made, used)  # root's, as it would be without a hook
    wait_until(lambda: "the old one stays" in gateway.output(), "the log says so")
    (line,) = (line for line in gateway.output().split("\n") if "the old one stays" in line)
    (used,) = before["certificates"]
    assert "user nobody may not read it" in line and f"expires={used['expires']}" in line
    told = gateway.shown_status()
    assert told["certificates"][0]["expires"] == used["expires"] and "may not read it" in told["certificates_problem"]
    assert "NOT RENEWED: " in gateway.sendoff("status")
    assert subject(gateway) == "old.example.com"
    shutil.chown(key, "nobody")  # changes no octet of it
    wait_until(lambda: subject(gateway) == "new.example.com", "it is read once it may be")
    assert gateway.shown_status()["certificates_problem"] is None
    gateway.stop()


def test_sighup_takes_changed_paths(lab):
    gateway = lab.new_gateway()
    pairs = [make_certificate(gateway.folder, f"{stem}.example.com", stem) for stem in ("one", "two")]
    gateway.configure(certificate=pairs[0][0], key=pairs[0][1]).start()
    assert subject(gateway) == "one.example.com"
    gateway.configure(certificate=pairs[1][0], key=pairs[1][1])
    gateway.reload()
    wait_until(lambda: subject(gateway) == "two.example.com", "the other path")
    assert [c["file"] for c in gateway.shown_status()["certificates"]] == [pairs[1][0]]
    three = make_certificate(gateway.folder, "three.example.com", "three")
    shutil.copy(three[0], pairs[1][0])
    shutil.copy(three[1], pairs[1][1])
    wait_until(lambda: subject(gateway) == "three.example.com", "the new path is watched")
    gateway.stop()


def test_sighup_with_a_path_that_leads_nowhere(lab):
    gateway = lab.new_gateway()
    certificate, key = make_certificate(gateway.folder, "one.example.com", "one")
    gateway.configure(certificate=certificate, key=key).start()
    gateway.configure(certificate=f"{gateway.folder}/later.pem", key=f"{gateway.folder}/later.key")
    gateway.reload()
    wait_until(lambda: "later.pem: No such file" in gateway.output(), "the log says so")
    assert subject(gateway) == "one.example.com"
    make_certificate(gateway.folder, "later.example.com", "later")
    wait_until(lambda: subject(gateway) == "later.example.com", "it is taken when it comes")
    gateway.stop()


def test_sighup_with_a_configuration_that_cannot_be_read(lab):
    gateway = lab.new_gateway().configure().start()
    before = subject(gateway)
    for text, says in (("nonsense = 1\n", "no such option 'nonsense'"), (None, "TLS takes a restart")):
        with open(gateway.config) as config:
            was = config.read()
        with open(gateway.config, "w") as config:
            lines = [line for line in was.split("\n") if not line.startswith("tls ") and '"starttls"' not in line and '"implicit"' not in line]
            config.write(text + was if text else "\n".join(lines))
        gateway.reload()
        wait_until(lambda says=says: says in gateway.output(), says)
        assert subject(gateway) == before
        if not text:  # a command reads the configuration, too
            assert says in gateway.shown_status()["certificates_problem"]
            assert "NOT RENEWED: " in gateway.sendoff("status")
        with open(gateway.config, "w") as config:
            config.write(was)
    gateway.reload()
    wait_until(lambda: gateway.shown_status()["certificates_problem"] is None, "it is over when the file is right again")
    gateway.stop()


def test_a_renewal_takes_changed_paths(lab):
    """A client that writes its certificates elsewhere from now on, and changes the old ones once more: without SIGHUP."""
    gateway = lab.new_gateway()
    one, two = (make_certificate(gateway.folder, f"{stem}.example.com", stem) for stem in ("one", "two"))
    gateway.configure(certificate=one[0], key=one[1]).start()
    gateway.configure(certificate=two[0], key=two[1])
    os.utime(one[0])
    wait_until(lambda: subject(gateway) == "two.example.com", "the other path")
    gateway.stop()


@pytest.mark.parametrize("half", ["the certificate alone", "the key alone", "a certificate cut off", "a chain cut off", "a key cut off"])
def test_half_a_renewal(lab, half):
    """What a deploy hook that was interrupted leaves: the old pair serves, the alarm is there, and the rest ends it."""
    gateway = lab.new_gateway()
    certificate, key = make_certificate(gateway.folder, "old.example.com", "live")
    gateway.configure(certificate=certificate, key=key).start()
    made = make_certificate(gateway.folder, "new.example.com", "next")
    pairs = dict(zip((certificate, key), made))
    if half == "the key alone":
        shutil.copy(pairs[key], key)
    elif half == "the certificate alone":
        shutil.copy(pairs[certificate], certificate)
    else:
        used = key if "key" in half else certificate
        with open(pairs[used]) as whole, open(used, "w") as cut:
            text = whole.read()
            cut.write((text if "chain" in half else "") + text[:150])
    said = wait_until(lambda: gateway.shown_status()["certificates_problem"], "the alarm")
    assert ("is it still being written?" in said) == (half in ("a certificate cut off", "a chain cut off")), said
    assert subject(gateway) == "old.example.com"
    for used, new in pairs.items():
        shutil.copy(new, used)
    wait_until(lambda: subject(gateway) == "new.example.com", "the rest has come")
    assert gateway.shown_status()["certificates_problem"] is None
    gateway.stop()


def expiring(folder, name, stem, hours):
    """A certificate that ends so many hours from now."""
    certificate, key = f"{folder}/{stem}.pem", f"{folder}/{stem}.key"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True, capture_output=True)
    os.chmod(key, 0o600)
    end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + hours * 3600))
    with open(f"{folder}/{stem}.index", "w"), open(f"{folder}/{stem}.serial", "w") as serial:
        serial.write("01\n")
    with open(f"{folder}/{stem}.cnf", "w") as config:
        config.write(f"[ca]\ndefault_ca=here\n[here]\ndatabase={folder}/{stem}.index\nserial={folder}/{stem}.serial\n")
        config.write(f"new_certs_dir={folder}\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n[req]\ndistinguished_name=dn\n[dn]\n")
    request = f"{folder}/{stem}.csr"
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", f"/CN={name}", "-config", f"{folder}/{stem}.cnf", "-out", request], check=True)
    words = ["openssl", "ca", "-batch", "-selfsign", "-config", f"{folder}/{stem}.cnf", "-keyfile", key, "-in", request, "-out", certificate]
    subprocess.run([*words, "-startdate", "20260101000000Z", "-enddate", end], check=True, capture_output=True)
    return certificate, key


def test_status_shows_when_each_expires(lab):
    gateway = lab.new_gateway()
    long = make_certificate(gateway.folder, "long.example.com", "long")
    soon = expiring(gateway.folder, "soon.example.com", "soon", 50)
    fortnight = expiring(gateway.folder, "fortnight.example.com", "fortnight", 13 * 24)
    month = expiring(gateway.folder, "month.example.com", "month", 15 * 24)
    over = expiring(gateway.folder, "over.example.com", "over", -3)
    more = "\n".join(f'tls {{ certificate = "{c}"  key = "{k}" }}' for c, k in (soon, over, fortnight, month))
    gateway.configure(certificate=long[0], key=long[1], more=more).start()
    told = gateway.shown_status()["certificates"]
    assert [(c["file"], c["names"], c["self_signed"]) for c in told] == [
        (long[0], "long.example.com", True),
        (soon[0], "soon.example.com", True),
        (over[0], "over.example.com", True),
        (fortnight[0], "fortnight.example.com", True),
        (month[0], "month.example.com", True),
    ]
    assert [c["alarm"] for c in told] == [None, "expires soon", "expired", "expires soon", None]
    assert 29 * 86400 < told[0]["seconds_left"] <= 30 * 86400
    assert 49 * 3600 < told[1]["seconds_left"] <= 50 * 3600 and told[2]["seconds_left"] < 0
    text = gateway.sendoff("status")
    assert f"{soon[0]}: soon.example.com, expires {told[1]['expires']} (in 2d1h), self-signed: RENEW IT" in text
    assert f"{over[0]}: over.example.com, EXPIRED {told[2]['expires']} (3h" in text
    wait_until(lambda: "certificate has expired" in gateway.output() and "certificate expires soon" in gateway.output(), "it is logged, too")
    assert long[0] not in gateway.output() and month[0] not in gateway.output() and fortnight[0] in gateway.output()
    checked = gateway.sendoff.run("config", "check")
    assert checked.status == 0 and "has expired" in checked.err and "expires in 2d1h" in checked.err and long[0] not in checked.err
    gateway.stop()


def test_a_new_account_hears_of_a_self_signed_certificate(lab):
    gateway = lab.new_gateway().configure()
    text = gateway.sendoff("account", "add", "blog", "--sender", "example.com")
    assert "self-signed: WordPress" in text and "certbot certonly" in text and gateway.config in text
    made = gateway.sendoff.run("--json", "account", "add", "shop", "--sender", "example.com")
    assert made.status == 0 and "self-signed" in made.err and "self-signed" not in made.out
    certificate, key = lab.authority.certificate("smtp.example.com")
    gateway.configure(certificate=certificate, key=key)
    for words in (("account", "add", "news", "--sender", "example.com"), ("account", "password", "news")):
        result = gateway.sendoff.run(*words)
        assert "self-signed" not in result.out + result.err and "password" in result.out


@pytest.fixture
def without_user(tmp_path):
    """Before a command: it finds no user of the name sendoff on this machine."""
    others = [entry for entry in open("/etc/passwd") if not entry.startswith("sendoff:")]
    (tmp_path / "passwd").write_text("".join(others))
    script = f'mount --bind {tmp_path}/passwd /etc/passwd && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def test_nobody_to_become(lab, without_user):
    gateway = lab.new_gateway()
    os.remove(gateway.config)
    words = ["init", "--hostname", "smtp.example.com", "--data-dir", gateway.data]
    made = gateway.sendoff.run(*words, wrapper=without_user)
    assert made.status == 0 and "will stay root" in made.err and "adduser --system --group sendoff" in made.err
    gateway.configure().start(without_user)
    assert 'event="running as root"' in gateway.output()
    gateway.stop()
    gateway.configure(more='user = "root"').start(without_user)
    assert 'event="running as root"' not in gateway.output()
    gateway.stop()
