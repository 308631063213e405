"""What people see of each answer of the policy: what PHPMailer, Nodemailer and swaks tell those who use them, and what
WordPress puts into its WP_Error, which mail plug-ins show."""

import re

import pytest

from sendoff_test import restricted
from sendoff_test.applications import Mail, nodemailer_says, phpmailer_says, swaks_says
from sendoff_test.wordpress import WordPress

TO = "r@dest.example.net"
FROM = "a@example.com"
BOSS = "boss@bank.example"


def mail(sender=FROM, to=TO, path=None, header=""):
    return Mail(sender, to if isinstance(to, list) else [to], path or sender, header)


def three():
    return [f"{one}@dest.example.net" for one in "rst"]


# At MAIL and RCPT: whose account, its mail, and the end of the line that its users must see.
ENVELOPE = {
    "limit of a day": ("daily", mail(), "daily: 1 of 1 messages today; resets "),
    "limit that defers": ("patient", mail(), "patient: 1 of 1 messages today; resets "),
    "limit that rolls": ("hourly", mail(to=three()[:2]), "hourly: * of 2 recipients in an hour*; next possible "),
    "limit of a domain": ("shared", mail("a@full.example"), "full.example: 1 of 1 messages today; resets "),
    "limit of a window, by itself": ("narrow", mail(to=three()), "narrow: * recipients *day*; "),
    "limit of a message": ("small", mail(to=three()), "small: 3 recipients in this message, 2 allowed"),
    "limit of a message that defers": ("few", mail(to=three()), "few: 3 recipients in this message, 2 allowed"),
    "smooth, with more than a day's mail": ("stuck", mail(), "stuck: more than a day's mail waits behind the limit 1/month:smooth; room again "),
    "recipient": ("staging", mail(to="x@else.example"), "staging may not write to x@else.example; allowed: dest.example.net"),
    "recipient that is not allowed": ("staging", mail(to="ceo@dest.example.net"), "staging may not write to ceo@dest.example.net; not allowed: ceo@dest.example.net"),
    "suppressed": ("lists", mail(to="asked@dest.example.net"), "asked@dest.example.net is suppressed: asked us to; until it is removed"),
    "suppressed by a bounce": ("lists", mail(to="bounced@dest.example.net"), "bounced@dest.example.net is suppressed: its mail bounced with 550 5.1.1; until it is removed"),
    "reverse-path": ("staging", mail(path=BOSS), f"staging may not send as {BOSS}; allowed: example.com"),
    "SPF": ("strict", mail("a@strict.example"), 'strict.example does not list 127.0.0.2 (v=spf1 -all); add ip4:127.0.0.2 to the SPF record of strict.example'),
    "suspended by the brake": ("braked", mail(), f"braked is suspended: {restricted.BRAKED}"),
}

# Behind the content: not every client shows those.
CONTENT = {
    "limit of a stream": ("streams", mail(header="Precedence: bulk"), "streams/bulk: 1 of 1 messages today; resets "),
    "From": ("staging", mail(BOSS, path=FROM), f"staging may not send with From: {BOSS}; allowed: example.com"),
    "Sender": ("staging", mail(header=f"Sender: {BOSS}"), f"staging may not send with Sender: {BOSS}; allowed: example.com"),
    "stream": ("staging", mail(header="X-Sendoff-Stream: news"), 'X-Sendoff-Stream is "news"; write transactional or bulk'),
    "DMARC": ("dmarc", mail("a@reject.example"), 'add ip4:127.0.0.2 to the SPF record of reject.example'),
    "bulk rules": ("bulk", mail(), "bulk mail of example.com lacks List-Unsubscribe with one https URI, List-Unsubscribe-Post: List-Unsubscribe=One-Click for Gmail (5000/day), Yahoo; Feedback-ID for Orange (1000/day)"),
}

# Taken, and not sent at once: nobody is alarmed.
TAKEN = {
    "smooth": ("paced", "; leaves ", ", at 100/day:smooth"),
    "slowed by the brake": ("slowed", "; leaves ", ", slowed by the brake"),
    "held by the brake": ("withheld", "; held for the operator's review", ""),
    "suppressed and dropped": ("dropping", "accepted as ", ""),
}

CLIENTS = {"PHPMailer": phpmailer_says, "Nodemailer": nodemailer_says, "swaks": swaks_says}


@pytest.fixture(scope="module")
def gateway(lab):
    lab.exchanger("dest.example.net")
    return lab.gateway()


@pytest.fixture(scope="module")
def accounts(lab, gateway):
    return restricted.prepare(lab, gateway)


@pytest.fixture(scope="module")
def site(lab, gateway, accounts):
    made = WordPress(lab.processes, f"{lab.folder}/wordpress", lab.block.new_address(), lab.block.new_port())
    staging = accounts["staging"]
    made.install("boss@dest.example.net", FROM, *gateway.endpoint("starttls"), staging.name, staging.password)
    return made


def words(text):
    """Without the line breaks and markup that clients put in."""
    return " ".join(text.replace("\\'", "'").split())


def says(text, shown):
    """*: what has changed since mailers before have sent to those recipients that were taken."""
    pattern = ".*".join(re.escape(part) for part in shown.split("*"))
    return re.search(pattern + ".*sendoff why [0-9A-Z]{8}", text)


def some_are_taken(sent):
    """Recipients before the one that is refused."""
    return len(sent.to) > 1


@pytest.mark.parametrize("what", {**ENVELOPE, **CONTENT})
@pytest.mark.parametrize("client", CLIENTS)
def test_refused(gateway, accounts, client, what):
    """The whole text, with the reference: of PHPMailer in ErrorInfo, of Nodemailer in its error."""
    name, sent, shown = {**ENVELOPE, **CONTENT}[what]
    text = words(CLIENTS[client](gateway, accounts[name], sent))
    if client == "Nodemailer" and some_are_taken(sent):
        # It sends to those that are taken, and calls that a success; the others are in its info.rejected.
        assert text.startswith("250 2.0.0 accepted as ") or says(text, shown), text
        event = gateway.log("--account", name, "--event", "refused")[-1]
        assert says(f"{event['text']}. sendoff why {event['ref']}", shown), event
        return
    assert says(text, shown), text


@pytest.mark.parametrize("what", ENVELOPE)
def test_refused_in_wordpress(accounts, site, what):
    name, sent, shown = ENVELOPE[what]
    text = words(site.mail(accounts[name], sent))
    assert says(text, shown), text


@pytest.mark.parametrize("what", CONTENT)
def test_refused_in_wordpress_behind_the_content(gateway, accounts, site, what):
    """PHPMailer's exception, which WordPress takes, has nothing of what came behind the content; the log has it."""
    name, sent, shown = CONTENT[what]
    assert site.mail(accounts[name], sent) == "SMTP Error: data not accepted."
    assert phpmailer_says(gateway, accounts[name], sent, info=False) == "SMTP Error: data not accepted."
    events = gateway.log("--account", name, "--event", "refused")
    assert any(shown in event["text"] and event["ref"] for event in events), events


@pytest.mark.parametrize("what", TAKEN)
def test_taken(gateway, accounts, site, what):
    name, *pieces = TAKEN[what]
    sent = mail(to="asked@dest.example.net") if name == "dropping" else mail()
    assert site.mail(accounts[name], sent) == "sent"
    assert phpmailer_says(gateway, accounts[name], sent) == ""
    for client in (nodemailer_says, swaks_says):
        text = words(client(gateway, accounts[name], sent))
        assert "250 2.0.0 accepted as " in text and all(piece in text for piece in pieces), text
