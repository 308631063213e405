"""Exchangers that close, stall, talk nonsense or lie, at every stage. Nothing is lost, nothing is delivered twice that could be
avoided, people are told what happened, and the mail arrives once the exchanger is well again."""

from dataclasses import dataclass, field

import pytest

from sendoff_test.client import connect, submit_marked
from sendoff_test.hostile_mx import HostileExchanger, closes, drips, floods, hangs, resets, says_and_closes
from sendoff_test.letters import letter, marker
from sendoff_test.mx import server_context
from sendoff_test.processes import wait_until

FROM = "a@example.com"
STAGES = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot")
WHERE = {
    **{stage: f"at {stage}" for stage in STAGES},
    **{stage: "while waiting for the greeting" for stage in ("accept", "greeting")},
    **{"content": "while sending the message", "dot": "after the final dot"},
}
TWICE = "; the host may have taken it, so it may arrive twice"
LINE = "x" * 70 + "\r\n"
GARBAGE = b"\xff\xfe HTTP/1.1 400 Bad Request\r\n"
GREETING_ALONE = says_and_closes(b"220 mx\r\n")
LONG_LINE, MANY_LINES = floods(b"250-" + b"x" * 50000), floods(b"250-more\r\n" * 50)
REPLIES = b"220 mx\r\n250 mx\r\n250 a\r\n250 b\r\n250 c\r\n354 d\r\n250 kept\r\n"
ALL_AT_ONCE = {"greeting": REPLIES, "EHLO": b"", "MAIL": b"", "RCPT": b"", "DATA": b"354 d\r\n", "dot": b""}
TOO_EARLY = {"DATA": b"354 go on\r\n250 kept\r\n", "dot": b"550 5.7.1 refused\r\n"}
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure


@dataclass
class Case:
    manner: dict
    text: str  # what the log and the queue say of it
    rule: str
    tls: bool = False
    lines: int = 0  # of the text
    mx: HostileExchanger = field(default=None, repr=False)
    mark: str = ""


def at(stage, text):
    return f"{text} {WHERE[stage]}{TWICE if stage == 'dot' else ''}"


def alert(talk):
    talk.say(b"220 go on\r\n")
    talk.read()  # the ClientHello
    return says_and_closes(ALERT)(talk)


def of(trouble, text, rule, action, stages):
    """A case for each of these stages."""
    return {f"{trouble} at {stage}": Case({stage: action}, at(stage, text), rule) for stage in stages}


CASES = {
    # It closes.
    **of("closes", "the host closed the connection", "closed", closes, ("accept", *STAGES)),
    "closes behind the greeting": Case({"greeting": GREETING_ALONE}, at("EHLO", "the host closed the connection"), "closed"),
    "resets at MAIL": Case({"MAIL": resets}, "connection reset by peer at MAIL", "network"),
    "resets in the middle": Case({"content": resets}, WHERE["content"], "network", lines=100000),
    # It says nothing, or too slowly.
    **of("says nothing", "the host did not answer in time", "timeout", hangs, STAGES),
    **of("octet by octet", "the host did not answer in time", "timeout", drips(b"250-fine\r\n", 0.3), ("greeting", "RCPT", "dot")),
    # It says too much.
    **of("a line without end", "the host's reply has no end", "protocol", LONG_LINE, ("greeting", "EHLO", "dot")),
    **of("lines without end", "the host's reply has no end", "protocol", MANY_LINES, ("EHLO", "MAIL", "dot")),
    # It talks nonsense.
    **of("garbage", "the host does not speak SMTP", "protocol", GARBAGE, STAGES),
    **of("354", "the host's reply makes no sense", "protocol", b"354 go on\r\n", ("greeting", "EHLO", "MAIL", "RCPT", "dot")),
    "250 to DATA": Case({"DATA": b"250 fine\r\n"}, "the host took DATA for done", "protocol"),
    # It replies to what was not asked yet.
    "a reply ahead": Case({"greeting": b"220 mx\r\n250 mx\r\n"}, "the host took DATA for done at DATA", "protocol"),
    "all replies at once": Case(ALL_AT_ONCE, at("content", "the host replied out of turn"), "protocol"),
    "250 behind 354": Case(TOO_EARLY, at("content", "the host replied out of turn"), "protocol"),
    # Its TLS.
    "a TLS alert": Case({"STARTTLS": alert}, "TLS alert from the peer", "tls", tls=True),
    "more in the clear behind STARTTLS": Case(
        {"STARTTLS": b"220 go on\r\n250-mx\r\n250 SIZE 1\r\n"}, "the host sent more in the clear after STARTTLS", "tls", tls=True
    ),
}


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(delivery='reply_timeout = "2s"', retry=["1h"], expire="1d")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module")
def exchanger(lab):
    made = []

    def new(tls=None):
        made.append(HostileExchanger(lab, lab.new_domain(), tls=tls))
        return made[-1]

    yield new
    for mx in made:
        mx.close()


@pytest.fixture(scope="module")
def cases(lab, gateway, account, exchanger):
    """All of them at once, since many wait for a timeout; each with its message."""
    good = server_context(*lab.certificate())
    for case in CASES.values():
        case.mx = exchanger(good if case.tls else None)
        case.mx.manner = case.manner
        case.mark = submit_marked(gateway, account, FROM, recipients(case.mx), LINE * case.lines)
    return CASES


def recipients(mx, count=2):
    return [f"r{n}@{mx.domain}" for n in range(count)]


def arrived(mx, mark, count=2):
    """The copies that it took: one for each recipient."""
    wait_until(lambda: sum(len(copy.recipients) for copy in mx.taken(mark)) >= count, f"{mx.name} has it", timeout=60)
    copies = mx.taken(mark)
    assert sorted(to for copy in copies for to in copy.recipients) == sorted(recipients(mx, count)), copies
    return copies


@pytest.mark.parametrize("name", CASES)
def test_it_waits_and_arrives_once_the_host_is_well(gateway, cases, name):
    case = cases[name]
    mx = case.mx
    (event, *_) = gateway.wait_event("deferred", "--to", f"*@{mx.domain}", count=2, timeout=60)
    assert case.text in event["text"] and event["rule"] == case.rule and mx.name in event["host"], event
    shown = [row["last"] for row in gateway.queue("--to", f"*@{mx.domain}")]
    assert len(shown) == 2 and all(case.text in last for last in shown), shown
    assert [copy.taken for copy in mx.copies] == [False] * case.text.endswith(TWICE), mx.copies
    mx.manner = {}
    gateway.sendoff("queue", "retry", "--to", f"*@{mx.domain}", "--yes")
    gateway.wait_event("delivered", "--to", f"*@{mx.domain}", count=2, timeout=60)
    (copy,) = arrived(mx, case.mark)
    assert copy.tls == case.tls
    assert gateway.story(event["message"]) == ["accepted", *["deferred"] * 2, "released", *["delivered"] * 2]


# What is borne: nothing has to wait.


def over_and_over(text):
    """Replies of that kind to everything that has a 250."""
    return {stage: text for stage in ("MAIL", "RCPT", "dot")}


def after_three_messages(talk):
    return says_and_closes(b"421 4.7.0 three messages are enough\r\n")(talk) if talk.messages >= 3 else None


def three_recipients(talk):
    """RFC 5321 4.5.3.1.10: the others come in transactions of their own."""
    return b"452 4.5.3 too many recipients\r\n" if len(talk.recipients) >= 3 else None


BORNE = {
    "no reply to QUIT": {"QUIT": hangs},
    "closes at QUIT": {"QUIT": closes},
    "closes behind the last 250": {"dot": says_and_closes(b"250 2.0.0 kept\r\n")},
    "421 behind the last 250": {"dot": says_and_closes(b"250 2.0.0 kept\r\n421 4.3.2 closing\r\n")},
    "421 after three messages": {"MAIL": after_three_messages},
    "452 after three recipients": {"RCPT": three_recipients},
    "NUL in replies": over_and_over(b"250 2.0.0 fi\0ne\r\n"),
    "bare LF": {"greeting": b"220-mx\n220 mx\n", **over_and_over(b"250-fi\n250 ne\n")},
    "bare CR in replies": over_and_over(b"250 fi\rne\r\n"),
    "a long reply": over_and_over(b"250-" + b"x" * 10000 + b"\r\n250 fine\r\n"),
    "the certificate of another name": {},
    "an expired certificate": {},
}


@pytest.mark.parametrize("name", BORNE)
def test_it_arrives_at_once(lab, gateway, account, exchanger, name):
    tls = "certificate" in name
    made = lab.authority.certificate("mx.example", days=-1 if "expired" in name else 30) if tls else None
    mx = exchanger(server_context(*made) if tls else None)
    mx.manner = BORNE[name]
    marks, count = [marker() for _ in range(8)], 10 if name.startswith("452") else 2
    with connect(gateway, account) as session:
        for mark in marks:
            session.sendmail(FROM, recipients(mx, count), letter(FROM, "r@example.net", mark + "\r\n"))
    copies = sum((arrived(mx, mark, count) for mark in marks), [])
    assert all(copy.tls == tls for copy in copies), copies
    events = gateway.wait_event("delivered", "--to", f"*@{mx.domain}", "--limit", "0", count=len(marks) * count)
    assert {event["event"] for event in gateway.log("--to", f"*@{mx.domain}", "--limit", "0")} == {"delivered"}
    assert all(event["text"].isprintable() for event in events), events
    if "QUIT" in mx.manner:
        wait_until(lambda: "QUIT" in mx.stages, "the connection is no longer needed")
        arrived(mx, submit_marked(gateway, account, FROM, recipients(mx)))
