"""sendmail: a message from standard input to the gateway's local socket (docs/local.md)."""

import os
import socket
import subprocess
import threading
import time

import pytest

from sendoff_test.letters import fields, marker, values
from sendoff_test.local import Place, as_user

FROM, TO, OTHER = "blog@example.com", "r@dest.example.net", "s@dest.example.net"
OK, USAGE, NOUSER, UNAVAILABLE, TEMPFAIL, NOPERM = 0, 64, 67, 69, 75, 77


@pytest.fixture(scope="module")
def place():
    made = Place()
    with open(made.mailname, "w") as file:
        file.write("example.com\n")
    with open(made.aliases, "w") as file:
        file.write(
            "# comment: no\n"
            "root: admin@dest.example.net, ops\n"
            'Ops:\tops@dest.example.net,\n  "A. B." <second@dest.example.net>\n'
            "circle: circle2\ncircle2: circle\nitself: Itself, s@dest.example.net\n"
            'program: "|/bin/true"\nfile: /var/mail/x\ninclude: :include:/etc/list\n'
        )
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(lab, place):
    made = lab.gateway(more=place.listen, limits='max_message_size = "6M"  max_recipients = 200')
    made.add_account("blog", "--local-user", "www-data")
    return made


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net", utf8=True)


@pytest.fixture
def send(place, gateway, mx):
    """Sends, and returns what has arrived for it: arrivals with a marker of their own."""

    def run(*words, text, user="www-data", **options):
        mark = marker()
        done = place.run(*words, text=text.replace("MARK", mark).encode() if isinstance(text, str) else text.replace(b"MARK", mark.encode()), user=user, **options)
        assert done.returncode == OK, done.stderr
        assert done.stderr == "", done.stderr
        return mx.wait_for(mark)

    return run


def recipients(arrival):
    return sorted(arrival.recipients)


def body(arrival):
    return arrival.content.partition(b"\r\n\r\n")[2]


def test_as_php_calls_it(send):
    text = f"To: {TO}\nSubject: x\nFrom: Blog <{FROM}>\nBcc: {OTHER}\n\nHello MARK\n.\nmore\n"
    arrival = send("-t", "-i", text=text)
    assert recipients(arrival) == [TO, OTHER]
    assert arrival.sender == FROM, "From's author, as nobody says -f"
    assert values(arrival.content, "bcc") == []
    assert len(values(arrival.content, "date")) == len(values(arrival.content, "message-id")) == 1
    assert body(arrival).endswith(b"\r\n.\r\nmore\r\n")


def test_a_dot_ends_it(send, place):
    arrival = send(TO, text=f"From: {FROM}\n\nMARK\n..\n.x\n.\nnot sent\n")
    assert body(arrival).endswith(b"\r\n..\r\n.x\r\n")
    arrival = send("-oi", TO, text=f"From: {FROM}\r\n\r\nMARK\r\n.\r\nsent")
    assert body(arrival).endswith(b"\r\n.\r\nsent\r\n")


def test_nothing_but_text(send):
    arrival = send("-F", 'Web "Shop" \\', TO, text="just MARK, no header\nmore: text\n")
    assert values(arrival.content, "from") == ['"Web \\"Shop\\" \\\\" <www-data@example.com>']
    assert body(arrival).startswith(b"just marker") and arrival.sender == "www-data@example.com"
    arrival = send(TO, text="\nMARK: first line after an empty header\n")
    assert values(arrival.content, "from") == ["<www-data@example.com>"]


def test_recipients_of_the_line_and_of_the_header(send):
    text = f"From: {FROM}\nTo: Some, Body <{TO}>, (c) {OTHER};\nCc: friends: a@dest.example.net, {TO}, b@DEST.example.net;\n\nMARK\n"
    arrival = send("-t", "-i", "--", f"X <c@dest.example.net>, {OTHER}", text=text.replace("Some, Body", '"Some, Body"'))
    assert recipients(arrival) == sorted(
        [TO, OTHER, "a@dest.example.net", "b@DEST.example.net", "c@dest.example.net"]
    ), "Postfix adds those of the line, too; each once"


def test_a_message_that_is_sent_again(send):
    text = f"Resent-To: {TO}\nResent-Bcc: {OTHER}\nFrom: {FROM}\nTo: first@dest.example.net\nBcc: x@dest.example.net\n\nMARK\n"
    assert recipients(send("-t", text=text)) == [TO, OTHER]


def test_an_mbox(send):
    arrival = send("-t", text=f"From blog Thu Jan  1 00:00:00 2026\nFrom: {FROM}\nTo: {TO}\n\nMARK\n")
    assert fields(arrival.content)[-1][1] == TO and b"From blog Thu" not in arrival.content


def test_names_without_a_domain(send, place):
    text = "From: root (Cron Daemon)\nTo: root\nSubject: Cron\n\nMARK\n"
    arrival = send("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", text=text)
    assert recipients(arrival) == ["admin@dest.example.net", "ops@dest.example.net", "second@dest.example.net"]
    assert values(arrival.content, "from") == ["root@example.com (Cron Daemon)"]
    assert values(arrival.content, "to") == ["root@example.com"]
    assert arrival.sender == "root@example.com"
    assert recipients(send("-t", text=f"From: {FROM}\nTo: OPS@localhost\n\nMARK\n"))[0] == "ops@dest.example.net"
    assert recipients(send("itself", text=f"From: {FROM}\n\nMARK\n")) == [OTHER], "and itself@example.com, which is elsewhere"


@pytest.mark.parametrize(
    "name, says", [("circle", "leads in a circle"), ("program", "a file or a program"), ("file", "a file or"), ("include", "a file or")]
)
def test_aliases_that_lead_nowhere(place, gateway, name, says):
    done = place.run(name, text="x")
    assert done.returncode == USAGE and says in done.stderr


def test_the_sender(send, place, gateway):
    text = f"From: {FROM}\nTo: {TO}\n\nMARK\n"
    assert send("-t", "-fother@example.com", text=text).sender == "other@example.com"
    assert send("-t", "-r", "Other <other@example.com>", text=text).sender == "other@example.com"
    assert send("-t", "-f", "wordpress", text=text).sender == "wordpress@example.com"
    assert send("-t", "-f", "", text=text).sender == ""
    assert send("-t", "-f", "<>", text=text).sender == ""
    refused = place.run("-t", "-f", "a@b c", text=text)
    assert refused.returncode == USAGE and refused.stderr.startswith("sendmail: -f a@b c: ")


def test_dsn(lab, place, gateway):
    domain, mark = lab.new_domain(), marker()
    mx = lab.exchanger(domain, offers=["DSN"])
    text = f"From: {FROM}\nTo: r@{domain}\n\n{mark}\n"
    assert place.run("-N", "success,delay", "-R", "hdrs", "-V", "id+1", "-t", text=text).returncode == OK
    arrival = mx.wait_for(mark)
    assert arrival.mail["RET"] == "HDRS" and arrival.mail["ENVID"] == "id+2B1"
    assert arrival.rcpt[0]["NOTIFY"] == "SUCCESS,DELAY"


def test_eight_bit_and_utf8(send, gateway):
    arrival = send("-t", "-i", text=f"From: {FROM}\nTo: {TO}\nSubject: Grüße\nContent-Type: text/plain; charset=utf-8\n\nMARK äöü\n")
    assert "äöü".encode() in arrival.content
    gateway.sendoff("account", "set", "blog", "--add-sender", "xn--bcher-kva.example")
    arrival = send("-t", text=f"From: {FROM}\nTo: jürgen@dest.example.net\n\nMARK\n")
    assert recipients(arrival) == ["jürgen@dest.example.net"]


def test_line_ends(send, place):
    arrival = send("-t", "-i", text=f"From: {FROM}\r\nTo: {TO}\nSubject: mixed\r\r\n\r\nMARK one\r\r\ntwo\nthree\r\nfour")
    assert body(arrival).endswith(b"one\r\ntwo\r\nthree\r\nfour\r\n")
    arrival = send("-t", "-i", text=f"\nFrom: {FROM}\nTo: {TO}\n\nMARK 1%\r2%\r.\r.\r\r3%\n" + "4%\r" * 50000 + "end\r")
    assert body(arrival).endswith(b" 1%\r\n2%\r\n.\r\n.\r\n\r\n3%\r\n" + b"4%\r\n" * 50000 + b"end\r\n"), "as wget and dd write them"
    hidden = place.run("-t", "-i", text=f"\n\nFrom: {FROM}\nTo: {TO}\nSubject: x\rBcc: victim@dest.example.net\n\nx\n")
    assert hidden.returncode == UNAVAILABLE and "5.6.11" in hidden.stderr
    hidden = place.run("-t", "-i", text=f"From: {FROM}\nTo: {TO}\nSubject: x\rBcc: victim@dest.example.net\n\nx\n")
    assert hidden.returncode == UNAVAILABLE and "5.6.11" in hidden.stderr, "a CR alone is no end of a line, and not sent"


def test_what_the_gateway_refuses(place, gateway):
    nul = place.run("-t", text=f"From: {FROM}\nTo: {TO}\n\na\0b\n")
    assert nul.returncode == UNAVAILABLE and "NUL" in nul.stderr
    denied = place.run("-t", text=f"From: ceo@bank.example\nTo: {TO}\n\nx\n")
    assert denied.returncode == NOPERM
    assert denied.stderr.startswith("sendmail: 553 5.7.1 blog may not send as ceo@bank.example; allowed: ")
    assert "sendoff why " in denied.stderr
    stranger = place.run("-t", text=f"From: {FROM}\nTo: {TO}\n\nx\n", user="games")
    assert stranger.returncode == NOPERM and "sendoff account set ACCOUNT --local-user games" in stranger.stderr
    gateway.sendoff("account", "suspend", "blog", "--reason", "unpaid")
    suspended = place.run("-t", text=f"From: {FROM}\nTo: {TO}\n\nx\n")
    gateway.sendoff("account", "resume", "blog")
    assert suspended.returncode == NOPERM and "blog is suspended: unpaid" in suspended.stderr


def test_some_recipients_are_refused(place, gateway, mx):
    """The others get it, and the caller learns which did not."""
    gateway.sendoff("account", "set", "blog", "--not-to", "no.example.net")
    mark = marker()
    done = place.run("-i", TO, "a@no.example.net", OTHER, "b@no.example.net", text=f"From: {FROM}\n\n{mark}\n")
    assert done.returncode == NOPERM
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and lines[0].startswith("sendmail: a@no.example.net: 550 5.7.1 ")
    assert recipients(mx.wait_for(mark)) == [TO, OTHER]
    none = place.run("-i", "a@no.example.net", text=f"From: {FROM}\n\nx\n")
    gateway.sendoff("account", "set", "blog", "--not-to", "none")
    assert none.returncode == NOPERM and "a@no.example.net" in none.stderr


@pytest.mark.parametrize(
    "words, says",
    [
        ((), "no recipients"),
        (("-t",), "no recipients: To, Cc and Bcc have none"),
        (("-Y", TO), "there is no option -Y"),
        (("-f",), "option -f takes a value"),
        (("-N", "sometimes", TO), "-N is never"),
        (("-bd",), "systemctl start sendoff"),
        (("a b c@d",), "cannot be read as addresses"),
        (("-t", "--", "x@"), "cannot be read as addresses"),
    ],
)
def test_usage(place, gateway, words, says):
    done = place.run(*words, text="Subject: x\n\nx\n")
    assert done.returncode == USAGE and says in done.stderr
    assert done.stderr.startswith("sendmail: ") and done.stdout == b""


def test_what_is_ignored(send):
    words = "-Am -C /etc/x -D log -L tag -O x=y -X /dev/null -em -h 3 -p smtp:host -d0.1 -oem -odb -oo -m -n -U -G -x -Q"
    assert recipients(send(*words.split(), TO, text=f"From: {FROM}\n\nMARK\n")) == [TO]


def test_large_ones(send, place, gateway):
    """The beginning is kept in memory, the rest in a file; over the gateway's limit is refused, before it is sent."""
    text = "0123456789" * 7 + "\n"
    arrival = send("-t", "-i", text=f"From: {FROM}\nTo: {TO}\n\nMARK\n" + text * (5 * 1024 * 1024 // 71))
    assert body(arrival).count(text.replace("\n", "\r\n").encode()) == 5 * 1024 * 1024 // 71
    over = place.run("-t", "-i", text=f"From: {FROM}\nTo: {TO}\n\n" + text * (7 * 1024 * 1024 // 71))
    assert over.returncode == UNAVAILABLE and "5.3.4" in over.stderr
    wide = place.run("-t", text=f"From: {FROM}\nTo: {TO}\nSubject: {'x' * 5 * 1024 * 1024}\n\nx")
    assert wide.returncode == UNAVAILABLE and "the header is over 4 MB" in wide.stderr


def test_a_long_line(send):
    arrival = send("-t", text=f"From: {FROM}\nTo: {TO}\n\nMARK\n{'x' * 3000}\n")
    assert "content-transfer-encoding" in dict(fields(arrival.content)), "the gateway encodes it anew"


def test_a_disk_that_is_full(place, gateway):
    text = f"From: {FROM}\nTo: {TO}\n\n" + "x\n" * 3 * 1024 * 1024
    done = place.run("-t", "-i", text=text, env={"TMPDIR": "/nonexistent"})
    assert done.returncode == TEMPFAIL and "cannot be kept in /nonexistent" in done.stderr
    small = [*as_user("root"), "prlimit", "--fsize=1000000:1000000", place.sendmail, "-t", "-i"]
    full = subprocess.run(small, input=text.encode(), capture_output=True, env={**os.environ, **place.environment, "TMPDIR": "/tmp"})
    assert full.returncode == TEMPFAIL and b"File too large" in full.stderr, full.stderr


def test_many_recipients(place, gateway, mx, lab):
    """In as many transactions as it takes; the header may be as long as that of a list."""
    names = [f"u{i}@dest.example.net" for i in range(450)]
    mark = marker()
    done = place.run("-t", "-i", text=f"From: {FROM}\nBcc: " + ",\n ".join(names + names) + f"\n\n{mark}\n")
    assert (done.returncode, done.stderr) == (OK, "")
    got = []

    deadline = time.monotonic() + 120
    while len(got) < 450 and time.monotonic() < deadline:
        got = [to for arrival in mx.arrivals if mark.encode() in arrival.content for to in arrival.recipients]
        time.sleep(0.05)
    assert sorted(got) == sorted(names), "each once"
    assert len(gateway.log("--event", "accepted", "--limit", "1000")) >= 3


def test_a_limit_in_between(place, gateway, mx):
    """One of three transactions is taken: who is left out is named."""
    gateway.add_account("few", "--local-user", "backup", "--limit", "1/day")
    names = [f"u{i}@dest.example.net" for i in range(450)]
    done = place.run("-i", *names, text=f"From: {FROM}\n\nx\n", user="backup")
    assert done.returncode == TEMPFAIL
    lines = done.stderr.splitlines()
    assert "452 4.7.1 few: 1 of 1 messages today" in lines[0]
    assert [line.partition(": ")[2] for line in lines if line.endswith(": not sent")] == [f"{name}: not sent" for name in names[200:]]


def test_a_hundred_thousand_recipients(place, gateway):
    """All are read, and the caller learns of each that was refused."""
    gateway.add_account("many", "--local-user", "games", "--not-to", "*")
    text = f"From: {FROM}\nBcc: " + ",".join(f"u{i}@dest.example.net" for i in range(100_000)) + "\n\nx\n"
    done = place.run("-t", text=text, user="games", timeout=600)
    assert done.returncode in (NOPERM, TEMPFAIL), done.stderr[-1000:]
    assert len(done.stderr.splitlines()) >= 100_000, done.stderr[-1000:]


# A gateway that is not well.


def test_no_gateway(place):
    started = time.monotonic()
    done = place.run("-t", text=f"From: {FROM}\nTo: {TO}\n\nx\n", env={"SENDOFF_SOCKET": f"{place.folder}/none"})
    assert done.returncode == TEMPFAIL and time.monotonic() - started >= 9
    assert "the gateway is not running, nothing was sent" in done.stderr and "systemctl start sendoff" in done.stderr


def test_it_waits_for_a_restart(lab, mx):
    place = Place()
    try:
        gateway = lab.gateway(more=place.listen)
        gateway.add_account("blog", "--local-user", "www-data")
        gateway.stop()
        mark = marker()
        done = []
        sender = threading.Thread(target=lambda: done.append(place.run(TO, text=f"From: {FROM}\n\n{mark}\n")))
        sender.start()
        gateway.start()
        sender.join()
        assert done[0].returncode == OK, done[0].stderr
        mx.wait_for(mark)
    finally:
        place.close()


class Broken:
    """A gateway that says what it is told to, and then ends the connection."""

    def __init__(self, *sessions):
        self.place = Place()
        os.mkdir(os.path.dirname(self.place.socket))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.place.socket)
        os.chmod(self.place.socket, 0o666)
        self._listener.listen()
        self.said = []
        self._thread = threading.Thread(target=self._serve, args=[sessions], daemon=True)
        self._thread.start()

    def _serve(self, sessions):
        for replies in sessions:
            made, _ = self._listener.accept()
            with made, made.makefile("rb") as lines:
                self._session(made, lines, replies)
        self._listener.close()

    def _session(self, made, lines, replies):
        for number, reply in enumerate(replies):
            if number:
                line = lines.readline()
                while (not reply or reply.startswith("250 final")) and line not in (b".\r\n", b""):
                    line = lines.readline()
                self.said.append(line.decode().strip())
            if reply:
                made.sendall(reply.encode() + b"\r\n")

    def close(self):
        self._thread.join(60)
        self.place.close()


GOOD = ["220 x ESMTP", "250-x\r\n250-DSN\r\n250 SIZE 1000000", "250 2.1.0 ok", "250 2.1.5 ok", "354 go", "250 final"]


@pytest.mark.parametrize(
    "sessions, status, says",
    [
        ([GOOD], OK, ""),
        ([["421 4.3.2 x: too many sessions"], GOOD], OK, ""),
        ([GOOD[:3], GOOD], OK, ""),
        ([GOOD[:4] + ["421 4.3.2 stopping"], GOOD], OK, ""),
        ([GOOD[:5] + [""]], TEMPFAIL, f"{TO}: the gateway ended before it answered"),
        ([GOOD[:3], GOOD[:2], GOOD[:1]], TEMPFAIL, f"{TO}: not sent"),
        ([["554 5.3.2 no"]], UNAVAILABLE, "no"),
        ([["no SMTP at all"], ["no SMTP at all"], GOOD], OK, ""),
    ],
)
def test_a_gateway_that_dies(sessions, status, says):
    broken = Broken(*sessions)
    try:
        done = broken.place.run("-i", TO, text=f"From: {FROM}\n\nx\n")
        assert done.returncode == status and says in done.stderr, done.stderr
    finally:
        broken.close()


def test_data_is_refused():
    """The transaction is ended before the next: the other recipients do not suffer for it."""
    one = ["250 2.1.0 ok", "250 2.1.5 ok"]
    broken = Broken(["220 x ESMTP", "250-x\r\n250 LIMITS RCPTMAX=1", *one, "451 4.3.0 no memory", "250 2.0.0 ok", *one, "354 go", "250 final"])
    try:
        done = broken.place.run("-i", TO, OTHER, text=f"From: {FROM}\n\nx\n")
        assert done.returncode == TEMPFAIL and "451 4.3.0 no memory" in done.stderr and "503" not in done.stderr, done.stderr
        at = broken.said.index("RSET")
        assert broken.said[at - 1 : at + 2] == ["DATA", "RSET", f"MAIL FROM:<{FROM}>"], broken.said
        assert f"RCPT TO:<{OTHER}>" in broken.said
    finally:
        broken.close()


# How it is started.


def test_closed_files(place, gateway, mx):
    mark = marker()
    script = f"exec {place.sendmail} -i {TO} >&- 2>&-"
    done = subprocess.run(
        [*as_user("www-data"), "sh", "-c", script],
        input=f"From: {FROM}\n\n{mark}\n".encode(),
        env={**os.environ, **place.environment},
    )
    assert done.returncode == OK
    mx.wait_for(mark)
    script = f"exec {place.sendmail} -i {TO} <&- >&- 2>&-"
    assert subprocess.run([*as_user("www-data"), "sh", "-c", script], env={**os.environ, **place.environment}).returncode == OK


def test_umask_and_limits(place, gateway, mx):
    mark = marker()
    done = subprocess.run(
        [*as_user("www-data"), "sh", "-c", f"umask 777; exec {place.sendmail} -i {TO}"],
        input=f"From: {FROM}\n\n{mark}\n{'x' * 60}\n".encode() + b"y\n" * 3_000_000,
        env={**os.environ, **place.environment, "TMPDIR": "/tmp"},
        capture_output=True,
    )
    assert done.returncode == UNAVAILABLE and b"5.3.4" in done.stderr, "over 6 MB: the file could be made and read"


def test_verbose(place, gateway):
    done = place.run("-v", TO, text=f"From: {FROM}\n\nx\n")
    assert done.returncode == OK and ">>> MAIL FROM:<blog@example.com> SIZE=" in done.stderr and "<<< 250" in done.stderr


def test_smtp_by_pipe(place, gateway, mx):
    mark = marker()
    talk = f"EHLO x\r\nMAIL FROM:<{FROM}>\r\nRCPT TO:<{TO}>\r\nDATA\r\nFrom: {FROM}\r\n\r\n{mark}\r\n.\r\nQUIT\r\n"
    done = place.run("-bs", text=talk.encode())
    assert done.returncode == OK and done.stdout.startswith(b"220 ") and b"\r\n221 2.0.0" in done.stdout, done.stdout
    mx.wait_for(mark)


def test_a_pipe_that_says_all_at_once(place, gateway):
    """More than the gateway takes while its replies are not read: neither waits for the other."""
    count = 150_000
    done = place.run("-bs", text=b"EHLO x\r\n" + b"HELP\r\n" * count + b"QUIT\r\n")
    assert done.returncode == OK
    assert done.stdout.count(b"\r\n214 ") == count and b"\r\n221 " in done.stdout, done.stdout[-200:]


def test_a_message_from_who_does_not_wait(send, place, gateway, mx):
    """Standard input that is non-blocking, and has nothing yet."""
    mark = marker()
    out, into = os.pipe()
    os.set_blocking(out, False)
    running = subprocess.Popen([*as_user("www-data"), place.sendmail, TO], stdin=out, stderr=subprocess.PIPE, env={**os.environ, **place.environment})
    os.close(out)
    time.sleep(0.5)
    os.write(into, f"From: {FROM}\n\n{mark}\n".encode())
    os.close(into)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == OK, said
    mx.wait_for(mark)


def test_swaks(place, gateway, mx):
    mark = marker()
    words = ["swaks", "--pipe", f"{place.sendmail} -bs", "--from", FROM, "--to", TO, "--header", f"From: {FROM}", "--body", mark]
    done = subprocess.run([*as_user("www-data"), *words], capture_output=True, env={**os.environ, **place.environment, "HOME": "/"})
    assert done.returncode == 0, done.stdout + done.stderr
    mx.wait_for(mark)


def test_the_queue(place, gateway):
    wrapper = f"{place.folder}/sendoff"
    with open(wrapper, "w") as file:
        file.write('#!/bin/sh\necho "$@"\n')
    os.chmod(wrapper, 0o755)
    for words, program in ((("-bp",), None), ((), f"{place.folder}/mailq")):
        shown = place.run(*words, program=program, user="root", env={"SENDOFF_PROGRAM": wrapper})
        assert shown.returncode == OK and shown.stdout == b"queue list\n"
        denied = place.run(*words, program=program)
        assert denied.returncode == NOPERM and "sudo sendoff queue list" in denied.stderr
    assert place.run("-q").returncode == place.run("-bi").returncode == OK
