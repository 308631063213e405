"""Sendoff's plugin in a real WordPress: mail goes out with verified TLS, each refusal is shown with its text, and what may
be the same message again is."""

import email
import email.policy
import re
import socket
import threading

import pytest

from sendoff_test.letters import values
from sendoff_test.losing_proxy import LosingProxy
from sendoff_test.verify import verified
from sendoff_test.wordpress_plugin import new_site

FROM = "shop@example.com"
NAME = "smtp.example.com"


@pytest.fixture(scope="module")
def gateway(lab):
    certificate, key = lab.authority.certificate(NAME)
    return lab.gateway(certificate=certificate, key=key, limits='max_message_size = "1M"')


@pytest.fixture(scope="module")
def accounts(gateway):
    """Those that are refused have a reason that lasts."""
    made = {
        "shop": gateway.add_account("shop"),
        "used": gateway.add_account("used", "--limit", "1rcpt/message"),
        "narrow": gateway.add_account("narrow", "--to", "elsewhere.example"),
        "other": gateway.add_account("other", senders=("example.org",)),
        "gone": gateway.add_account("gone"),
        "hourly": gateway.add_account("hourly", "--limit", "1/hour"),
    }
    gateway.sendoff("account", "suspend", "gone", "--reason", "unpaid")
    gateway.sendoff("suppression", "add", "bounced@dest.example.net", "--account", "shop")
    return made


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def site(lab):
    made = new_site(lab)
    made.install_plugin()
    yield made
    assert not made.complaints()


def define(site, lab, gateway, account, kind="starttls", **more):
    """What `account add --for wordpress` prints; the tests' gateway has an address for its host."""
    host, port = gateway.endpoint(kind)
    settings = {"SENDOFF_HOST": host, "SENDOFF_PORT": port, "SENDOFF_TLS": kind, "SENDOFF_USER": account.name}
    settings |= {"SENDOFF_PASSWORD": account.password, "SENDOFF_FROM": FROM, "SENDOFF_TLS_NAME": NAME}
    site.define(**{**settings, "SENDOFF_CA_FILE": lab.authority.roots, "SENDOFF_TIMEOUT": 60, **more})


@pytest.fixture
def shop(site, lab, gateway, accounts):
    define(site, lab, gateway, accounts["shop"])
    return site


def parsed(arrival):
    return email.message_from_bytes(arrival.content, policy=email.policy.default)


# What is sent.


@pytest.mark.parametrize("kind", ["starttls", "implicit"])
def test_it_arrives(lab, gateway, accounts, site, mx, kind):
    define(site, lab, gateway, accounts["shop"], kind)
    done = site.wp_mail("r@dest.example.net", f"Bestellung über 3 € ({kind})", "Grüße aus Köln.")
    assert done == {"sent": True, "error": "", "data": None, "kept": []}
    arrival = mx.wait_for(kind)
    message = parsed(arrival)
    assert message["Subject"] == f"Bestellung über 3 € ({kind})"
    assert "Grüße aus Köln." in message.get_content()
    assert arrival.sender == FROM and message["From"].addresses[0].addr_spec == FROM
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", message["Message-ID"])
    assert verified(arrival.content, lab.dns) == [("example.com", "ed25519-sha256")]


def test_html_and_attachments(shop, mx):
    with open(f"{shop.folder}/Rechnung.txt", "w") as file:
        file.write("Summe: 3 EUR\n")
    done = shop.wp_mail(
        ["r@dest.example.net", "s@dest.example.net"], "html mail", "<p>Grüße</p>",
        ["Content-Type: text/html; charset=UTF-8", "Cc: t@dest.example.net", "Bcc: u@dest.example.net"], [f"{shop.folder}/Rechnung.txt"],
    )
    assert done["sent"], done
    message = parsed(mx.wait_for("html mail"))
    assert "<p>Grüße</p>" in message.get_body(("html",)).get_content()
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "Rechnung.txt" and "Summe: 3 EUR" in attached.get_content()
    assert message["Bcc"] is None and message["Cc"] == "t@dest.example.net"


@pytest.mark.parametrize(
    "header, sent_as, reply_to",
    [
        ([], FROM, None),  # wordpress@ this site
        (["From: Orders <orders@example.com>"], "orders@example.com", None),
        (["From: Jane <jane@visitor.example>"], FROM, "jane@visitor.example"),
        (["From: jane@visitor.example", "Reply-To: desk@example.com"], FROM, "desk@example.com"),
        (["From: x@friend.example"], "x@friend.example", None),
    ],
)
def test_from(lab, gateway, site, accounts, mx, header, sent_as, reply_to):
    gateway.sendoff("account", "set", "shop", "--sender", "example.com", "--sender", "friend.example")
    define(site, lab, gateway, accounts["shop"], SENDOFF_SENDERS="example.com, friend.example")
    subject = f"from {header or 'nobody'}".replace("@", " at ").replace("<", "").replace(">", "")
    subject = re.sub("[^a-z ]", "", subject)
    done = site.wp_mail("r@dest.example.net", subject, headers=header)
    assert done["sent"], done
    arrival = mx.wait_for(f"Subject: {subject}")
    assert arrival.sender == sent_as
    assert parsed(arrival)["From"].addresses[0].addr_spec == sent_as
    replies = parsed(arrival)["Reply-To"]
    assert (replies.addresses[0].addr_spec if replies else None) == reply_to


def test_a_message_id_and_date_of_the_callers(shop, mx):
    """PHPMailer alone would write a second field of each, which is refused."""
    own = ["Message-ID: <order-1@example.com>", "Date: Mon, 23 Nov 2026 10:00:00 +0000"]
    done = shop.wp_mail("r@dest.example.net", "own fields", headers=own)
    assert done["sent"], done
    content = mx.wait_for("own fields").content
    assert values(content, "Message-ID") == ["<order-1@example.com>"]
    assert values(content, "Date") == ["Mon, 23 Nov 2026 10:00:00 +0000"]


# What is refused: account, what is sent, the stage, and the text that the site's owner must see.

REFUSED = {
    "limit of a window": ("hourly", {"to": "r@dest.example.net", "times": 2}, "mail", 452, "hourly: 1 of 1 messages in an hour; next possible "),
    "limit": ("used", {"to": ["r@dest.example.net", "s@dest.example.net"]}, "rcpt", 550, "used: 2 recipients in this message, 1 allowed"),
    "sender": ("other", {"to": "r@dest.example.net"}, "mail", 553, f"other may not send as {FROM}; allowed: example.org"),
    "suspended": ("gone", {"to": "r@dest.example.net"}, "mail", 550, "gone is suspended: unpaid"),
    "recipient": ("narrow", {"to": "r@dest.example.net"}, "rcpt", 550, "narrow may not write to r@dest.example.net; allowed: elsewhere.example"),
    "suppressed": ("shop", {"to": "bounced@dest.example.net"}, "rcpt", 550, "bounced@dest.example.net is suppressed: "),
    "stream": ("shop", {"to": "r@dest.example.net", "headers": ["X-Sendoff-Stream: news"]}, "data", 550, 'X-Sendoff-Stream is "news"; write transactional or bulk'),
    "too large": ("shop", {"to": "r@dest.example.net", "message": "0123456789\n" * 300_000}, "mail", 552, "; this gateway takes 1048576 at most"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(lab, gateway, accounts, site, mx, what):
    name, mail, stage, code, text = REFUSED[what]
    define(site, lab, gateway, accounts[name])
    done = site.wp_mail(**mail)
    assert done["sent"] is False
    assert text in done["error"] and "sendoff why " in done["error"], done["error"]
    (kept,) = done["kept"]
    assert (kept["stage"], kept["code"], kept["domains"]) == (stage, code, "dest.example.net")
    assert text in kept["text"]
    assert text in gateway.sendoff("why", kept["ref"])
    assert name in kept["advice"] or (what in ("too large", "stream") and kept["advice"]), kept


def test_wrong_password(lab, gateway, accounts, site):
    define(site, lab, gateway, accounts["shop"], SENDOFF_PASSWORD="wrong-wrong")
    done = site.wp_mail("r@dest.example.net")
    assert "Could not authenticate. The gateway said: 535 5.7.8 user name or password is wrong. sendoff why " in done["error"]
    (kept,) = done["kept"]
    assert kept["ref"] and kept["stage"] == "auth"
    assert "sendoff account password shop" in kept["advice"]


UNTRUSTED = {
    "no authority": ({"SENDOFF_CA_FILE": ""}, "certificate verify failed", "certbot certonly"),
    "another name": ({"SENDOFF_TLS_NAME": "other.example.com"}, "did not match", "SENDOFF_TLS_NAME"),
    "address": ({"SENDOFF_TLS_NAME": ""}, "did not match", "SENDOFF_TLS_NAME"),
}


@pytest.mark.parametrize("kind", ["starttls", "implicit"])
@pytest.mark.parametrize("why", UNTRUSTED)
def test_untrusted(lab, gateway, accounts, site, why, kind):
    settings, text, fix = UNTRUSTED[why]
    define(site, lab, gateway, accounts["shop"], kind, **settings)
    done = site.wp_mail("r@dest.example.net")
    assert done["sent"] is False and text in done["error"], done["error"]
    (kept,) = done["kept"]
    assert kept["stage"] == "tls", kept
    assert fix in kept["advice"]


def test_nothing_there(lab, gateway, accounts, site):
    define(site, lab, gateway, accounts["shop"], SENDOFF_PORT=lab.block.new_port())
    done = site.wp_mail("r@dest.example.net")
    assert "No reply of the gateway: " in done["error"] and "refused" in done["error"], done["error"]
    (kept,) = done["kept"]
    assert kept["stage"] == "connect"


def test_tls_that_is_not_the_ports(lab, gateway, accounts, site):
    define(site, lab, gateway, accounts["shop"], "starttls", SENDOFF_TLS="implicit")
    done = site.wp_mail("r@dest.example.net")
    (kept,) = done["kept"]
    assert kept["stage"] == "tls", kept
    assert "465" in kept["advice"]


def test_a_self_signed_certificate_that_was_copied(lab, site, mx):
    gateway = lab.gateway()
    account = gateway.add_account("shop")
    define(site, lab, gateway, account)  # trusts others
    assert "certificate verify failed" in site.wp_mail("r@dest.example.net")["error"]
    define(site, lab, gateway, account, SENDOFF_CA_FILE=f"{gateway.folder}/certificate.pem")
    done = site.wp_mail("r@dest.example.net", "self signed")
    assert done["sent"], done
    mx.wait_for("self signed")
    gateway.stop()


def test_no_password_in_the_clear(lab, gateway, accounts, site):
    """TLS is required but on this machine; there, a listener with "optional" will do."""
    define(site, lab, gateway, accounts["shop"], SENDOFF_TLS="none", SENDOFF_HOST="gateway.invalid")
    assert "this machine" in site.inside("return Sendoff_Settings::problem();")
    assert not site.wp_mail("r@dest.example.net")["sent"]


def test_on_the_gateways_machine(lab, gateway, accounts, site, mx):
    define(site, lab, gateway, accounts["shop"], "optional", SENDOFF_TLS="none")
    assert site.inside("return Sendoff_Settings::problem();") == ""
    done = site.wp_mail("r@dest.example.net", "without TLS")
    assert done["sent"], done
    mx.wait_for("without TLS")


def test_a_greeting_that_refuses(lab, gateway, accounts, site):
    """As a gateway greets an address with too many failed logins, or too many sessions."""
    with socket.create_server((lab.block.new_address(), 0)) as server:
        server.settimeout(60)
        greeter = threading.Thread(target=greet, args=(server, b"554 5.7.0 too many failed logins from your address; try again in 9m. sendoff why 7QF2K9AB\r\n"))
        greeter.start()
        host, port = server.getsockname()
        define(site, lab, gateway, accounts["shop"], SENDOFF_HOST=host, SENDOFF_PORT=port)
        done = site.wp_mail("r@dest.example.net")
        greeter.join(60)
    (kept,) = done["kept"]
    assert (kept["stage"], kept["code"], kept["enhanced"], kept["ref"]) == ("greeting", 554, "5.7.0", "7QF2K9AB")
    assert "too many failed logins from your address" in done["error"] and "sendoff unban" in kept["advice"]


def greet(server, line):
    client, _ = server.accept()
    with client:
        client.sendall(line)
        client.settimeout(60)
        while client.recv(1000):
            client.sendall(b"221 2.0.0 bye\r\n")


def test_it_keeps_a_bounded_number(lab, gateway, accounts, site):
    define(site, lab, gateway, accounts["narrow"])
    done = site.wp_mail("r@dest.example.net", times=3)
    (kept,) = done["kept"]
    assert kept["count"] == 3
    failure = {"stage": "mail", "code": 550, "enhanced": "5.7.1", "text": "", "to": "", "ref": ""}
    site.inside("for ($i = 0; $i < 120; $i++) { Sendoff_Refusals::add(array('text' => \"no $i\") + $in['failure'], \"d$i.example\"); } return 0;", failure=failure)
    kept = site.option("sendoff_refusals")
    assert len(kept) == 50 and kept[0]["text"] == "no 119"
    assert site.inside("global $wpdb; return $wpdb->get_var(\"SELECT autoload FROM $wpdb->options WHERE option_name = 'sendoff_refusals'\");") == "no"


# The same again.


@pytest.fixture(scope="module")
def proxy(lab, gateway):
    made = LosingProxy(lab.block, gateway, *lab.authority.certificate(NAME))
    yield made
    made.close()


@pytest.fixture
def behind_proxy(site, lab, gateway, accounts, proxy):
    define(site, lab, gateway, accounts["shop"], "implicit", SENDOFF_HOST=proxy.address, SENDOFF_PORT=proxy.port)
    proxy.lost = 0
    return site


def test_two_mails_of_the_same_text_are_two(shop, mx, gateway):
    assert shop.wp_mail("r@dest.example.net", "same text twice", times=2)["sent"]
    gateway.wait_empty()
    assert len([a for a in mx.arrivals if b"same text twice" in a.content]) == 2


def test_a_lost_reply_is_asked_for_again(behind_proxy, mx, gateway, proxy):
    proxy.lose = 1
    with open(f"{behind_proxy.folder}/a.txt", "w") as file:
        file.write("attached")
    done = behind_proxy.wp_mail("r@dest.example.net", "reply lost once", attachments=[f"{behind_proxy.folder}/a.txt"])
    assert done["sent"] and proxy.lost == 1, done
    gateway.wait_empty()
    assert len([a for a in mx.arrivals if b"reply lost once" in a.content]) == 1
    assert not done["kept"]


def test_one_connection_for_many(behind_proxy, mx, gateway, proxy):
    """As newsletter plugins ask PHPMailer for it; one of them is refused in between."""
    keep = "add_action('phpmailer_init', function ($mailer) { $mailer->SMTPKeepAlive = true; }); wp_mail('r@dest.example.net', 'kept 1', 'x'); wp_mail('bounced@dest.example.net', 'kept 2', 'x');"
    before = proxy.accepted
    done = behind_proxy.wp_mail("r@dest.example.net", "kept 3", before=keep)
    assert done["sent"] and proxy.accepted == before + 1, done
    gateway.wait_empty()
    assert [len([a for a in mx.arrivals if f"Subject: kept {n}".encode() in a.content]) for n in (1, 2, 3)] == [1, 0, 1]


def test_a_retry_after_an_unknown_end_is_the_same(behind_proxy, mx, gateway, proxy):
    """As a plugin with a queue does: wp_mail() again, in another request, a while later."""
    proxy.lose = 2  # also the reply to the repetition
    with open(f"{behind_proxy.folder}/b.txt", "w") as file:
        file.write("attached")
    mail = {"to": "r@dest.example.net", "subject": "reply lost twice", "attachments": [f"{behind_proxy.folder}/b.txt"]}
    done = behind_proxy.wp_mail(**mail)
    assert not done["sent"] and proxy.lost == 2, done
    (kept,) = done["kept"]
    assert (kept["stage"], kept["code"]) == ("data", 0)
    assert "delivered once" in kept["advice"]
    for sent in (1, 2):  # the retry; then another of the same text
        assert behind_proxy.wp_mail(**mail)["sent"]
        gateway.wait_empty()
        assert len([a for a in mx.arrivals if b"reply lost twice" in a.content]) == sent


def test_a_retry_after_some_were_refused_reaches_the_others_once(shop, mx, gateway):
    mail = {"to": ["r@dest.example.net", "bounced@dest.example.net"], "subject": "some of them"}
    for _ in range(2):
        assert not shop.wp_mail(**mail)["sent"]
    gateway.wait_empty()
    assert [a.recipients for a in mx.arrivals if b"some of them" in a.content] == [["r@dest.example.net"]]


def test_a_key_of_the_callers(shop, mx, gateway):
    with open(f"{shop.folder}/c.txt", "w") as file:
        file.write("attached")
    mail = {"to": "r@dest.example.net", "subject": "order with key", "attachments": [f"{shop.folder}/c.txt"]}
    for key in ("order-7", "order-7", "order-8"):
        assert shop.wp_mail(**mail, headers=[f"Idempotency-Key: {key}"])["sent"]
    gateway.wait_empty()
    arrived = [a for a in mx.arrivals if b"order with key" in a.content]
    assert len(arrived) == 2
    assert not values(arrived[0].content, "Idempotency-Key")
    # Message-ID and boundaries come from the key, whatever the site remembers.
    shop.inside("global $wpdb; return $wpdb->query(\"DELETE FROM $wpdb->options WHERE option_name LIKE '%sendoff_once%'\");")
    assert shop.wp_mail(**{**mail, "subject": "order with a key"}, headers=["Idempotency-Key: order-7"])["sent"]
    third = mx.wait_for("order with a key").content
    assert values(third, "Message-ID") == values(arrived[0].content, "Message-ID")
    assert values(third, "Content-Type") == values(arrived[0].content, "Content-Type")


def test_both_places_at_once(shop):
    """In plugins and in mu-plugins: the one that comes first does it all."""
    shop.install_plugin("mu-plugins")
    assert shop.inside("return Sendoff_Settings::is_mu_plugin();") is True
    assert shop.wp_mail("r@dest.example.net")["sent"]
