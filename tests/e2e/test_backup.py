"""`backup` and `restore`: a gateway that is at work is copied into one file, and what is put back is that gateway as it was: its
accounts, keys, log and queue, each message with its content and signature, once."""

import base64
import collections
import os
import pwd
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from sendoff_test import bundle, stored
from sendoff_test.client import connect, submit, submit_marked
from sendoff_test.command import PROGRAM, SANITIZERS, faulty
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker, values
from sendoff_test.markdown import Document
from sendoff_test.own_folder import own_folders
from sendoff_test.package_root import ROOT
from sendoff_test.processes import wait_until
from sendoff_test.small_disk import SmallDisk
from sendoff_test.verify import verified

FROM = "a@example.com"
MB = 1024 * 1024
LARGE = "0123456789abcdef" * 4 + "\r\n"  # of a line; 6000 of them are a file of the spool


def place(lab, **configuration):
    """A gateway of another machine, so to say: configured, without a store."""
    made = lab.new_gateway()
    shutil.rmtree(made.data)
    return made.configure(**configuration)


def listed(gateway, *words):
    return gateway.sendoff.json(*words)


def everything(gateway):
    """All that is configured by command, and the log."""
    kinds = (("account", "list"), ("domain", "list"), ("source", "list"), ("route", "list"), ("suppression", "list"))
    return {" ".join(kind): listed(gateway, *kind) for kind in kinds} | {"log": gateway.log("--limit", "100000")}


def hidden(folder):
    """What is in a folder, but for the file of the lock."""
    return sorted(set(os.listdir(folder)) - {"lock"}) if os.path.isdir(folder) else []


@pytest.fixture(scope="module")
def busy(lab):
    """A running gateway with mail that waits, large and small, and some that has been delivered and refused."""
    made = lab.gateway(retry=("1h",), expire="5d")
    made.account = made.add_account("blog", "--limit", "100000/day")
    made.add_account("shop", "--client-ip", "192.0.2.0/24")
    made.sendoff("route", "add", "routed.example", "smtp.example.net:587", "--user", "u", "--password-stdin", text="secret\n")
    made.sendoff("suppression", "add", "nobody@dest.example", "--forever")
    mx = made.mx = lab.exchanger(lab.new_domain("kept"))
    made.delivered = submit_marked(made, made.account, FROM, [f"first@{mx.domain}"])
    mx.wait_for(made.delivered)
    mx.replies["RCPT"] = "450 4.2.1 later"
    sizes = {"small": 1, "large": 6000}
    made.waiting = {what: submit_marked(made, made.account, FROM, [f"{what}@{mx.domain}"], LARGE * n) for what, n in sizes.items()}
    wait_until(lambda: {one["attempts"] for one in made.queue()} == {1}, "each was tried once")
    return made


@pytest.fixture(scope="module")
def taken(busy, tmp_path_factory):
    """A backup of it."""
    path = tmp_path_factory.mktemp("backup") / "sendoff.tar.zst"
    busy.sendoff("backup", path)
    return path


def test_all_of_it_comes_back(lab, busy, taken):
    other = place(lab, retry=("1s",))
    (said,) = other.sendoff.json("restore", taken)
    assert (said["counts"]["accounts"], said["counts"]["messages"], said["held"]) == (2, 2, 2)
    assert (said["config"], said["config_differs"], said["hostname"]) == ("kept", True, "smtp.example.com")
    before, after = everything(busy), everything(other)
    held = [event for event in after["log"] if event["event"] == "held"]
    after["log"] = [event for event in after["log"] if event["event"] != "held"]
    assert after == before and len(held) == 2
    queues = [{(one["message"], one["to"]) for one in gateway.queue()} for gateway in (busy, other)]
    assert queues[0] == queues[1]
    assert {one["state"] for one in other.queue()} == {"held"}
    for one in busy.queue():
        contents = [gateway.sendoff("queue", "show", one["message"], "--content") for gateway in (busy, other)]
        assert contents[0] == contents[1]
    assert hidden(other.data) == ["sendoff.db", "spool"]


def test_it_goes_on_where_it_was(lab, busy, taken):
    """The password logs in, the mail that waited is delivered with its signature, and new mail is signed by the same key."""
    other = place(lab, retry=("1s",))
    other.sendoff("restore", taken)
    busy.mx.replies["RCPT"] = None
    other.start()
    other.sendoff("queue", "release", "--to", "*", "--yes")
    fresh = submit_marked(other, busy.account, FROM, [f"fresh@{busy.mx.domain}"])
    arrived = {what: busy.mx.wait_for(mark, timeout=60) for what, mark in {**busy.waiting, "fresh": fresh}.items()}
    busy.mx.replies["RCPT"] = "450 4.2.1 later"
    selectors = set()
    for what, one in arrived.items():
        assert verified(one.content, lab.dns) == [("example.com", "ed25519-sha256")], what
        selectors |= {part for value in values(one.content, "DKIM-Signature") for part in value.split() if part.startswith("s=")}
    assert len(selectors) == 1
    assert arrived["large"].content.count(LARGE.encode()) == 6000
    other.wait_empty()
    other.stop()


def test_sent_at_once_when_that_is_asked_for(lab, taken):
    other = place(lab)
    (said,) = other.sendoff.json("restore", taken, "--send")
    assert said["held"] == 0 and {one["state"] for one in other.queue()} == {"queued"}


def test_notices_are_held_as_well(lab):
    """What had been ordered back to its sender, and a notice that waits: neither may go out twice."""
    gateway, sender = lab.gateway(retry=("1h",)), lab.exchanger(lab.new_domain("senders"))
    gateway.add_domain(sender.domain)
    account, mx = gateway.add_account("app", senders=[sender.domain]), lab.exchanger(lab.new_domain("held"))
    mx.replies["RCPT"], sender.replies["RCPT"] = lambda address: "550 5.1.1 no" if address.startswith("gone") else "450 4.2.1 later", "450 4.2.1 later"
    author = f"a@{sender.domain}"
    noticed, returned = (submit_marked(gateway, account, author, [f"{name}@{mx.domain}"]) for name in ("gone", "back"))
    wait_until(lambda: sorted((one["from"], one["attempts"]) for one in gateway.queue()) == [("", 1), (author, 1)], "the notice and the mail wait")
    gateway.stop()
    gateway.sendoff("queue", "bounce", "--to", f"back@{mx.domain}", "--reason", "it has moved", "--yes")
    gateway.sendoff("backup", f"{gateway.folder}/b")

    other = place(lab, retry=("1s",))
    said = other.sendoff("restore", f"{gateway.folder}/b")
    assert "2 recipients are held" in said and "1 was on the way back to its sender" in said
    sender.replies["RCPT"] = None
    sender.forget()
    other.start()
    fresh = submit_marked(other, account, author, [f"fresh@{sender.domain}"])
    sender.wait_for(fresh)  # what is not held goes out, so this gateway is at work
    (waits,) = [one for one in other.queue("--state", "held") if one["from"]]
    assert "on its way back to its sender" in waits["waits"]["text"] and "it has moved" in waits["waits"]["text"]
    assert len(other.queue("--state", "held")) == 2 and len(sender.arrivals) == 1
    assert "1 of them goes back to its sender" in other.sendoff("queue", "release", "--to", "*", "--yes")
    other.wait_empty()
    for mark in (noticed, returned):
        sender.wait_for(mark)
    assert len(sender.arrivals) == 3
    assert [event["to"] for event in other.log("--event", "bounced", "--to", "back@*")] == [f"back@{mx.domain}"]
    other.stop()


def test_its_configuration_where_there_is_none(lab, busy, taken):
    other = place(lab)
    os.unlink(other.config)
    os.rename(busy.config, f"{busy.config}.away")  # its data_dir is another gateway's, and stays
    try:
        result = other.sendoff.run("restore", taken)
        assert result.status == 1 and f"{busy.data} holds a store" in result.err
        assert not [name for name in os.listdir(other.folder) if name.startswith("sendoff.conf")]
        contents = [
            (name, octets.replace(busy.data.encode(), other.data.encode()) if name == "sendoff.conf" else octets)
            for name, octets in bundle.entries(taken)
        ]
        (said,) = other.sendoff.json("restore", bundle.make(f"{other.folder}/moved.tar", contents))
        assert (said["config"], said["data_dir"]) == ("restored", other.data)
        assert hidden(other.data) == ["sendoff.db", "spool"]
        other.sendoff("config", "check")
    finally:
        os.rename(f"{busy.config}.away", busy.config)


def test_it_is_given_to_the_user_who_serves(lab, taken):
    other = place(lab, more='user = "nobody"')
    os.chmod(lab.folder, 0o700)
    result = other.sendoff.run("restore", taken)
    assert result.status == 1 and f"nobody cannot use {other.data}: Permission denied; the folders above" in result.err
    os.chmod(lab.folder, 0o711)
    other.sendoff("restore", taken)
    nobody = pwd.getpwnam("nobody").pw_uid
    found = {path: os.lstat(path) for folder, _, files in os.walk(other.data) for path in (folder, *(f"{folder}/{f}" for f in files))}
    assert {(st.st_uid, st.st_mode & 0o077) for st in found.values()} == {(nobody, 0)}
    other.configure(more='user = "no-such-user"')
    shutil.rmtree(other.data)
    result = other.sendoff.run("restore", taken)
    assert result.status == 1 and "user no-such-user is not on this machine; make it: adduser" in result.err
    assert hidden(other.data) == []


def test_it_is_given_on_layers(lab, taken, tmp_path):
    """In a container's own layer, where files have another device number than their folder."""
    other = place(lab, more='user = "nobody"')
    os.makedirs(other.data, mode=0o700)
    own_folders(str(tmp_path / "layers"), other.data)
    other.sendoff("restore", taken)
    nobody = pwd.getpwnam("nobody").pw_uid
    found = [os.path.join(folder, name) for folder, _, files in os.walk(other.data) for name in files]
    assert any("/spool/" in path for path in found) and {os.lstat(path).st_uid for path in found} == {nobody}, found


def test_the_examples_of_its_help(lab, taken):
    other = place(lab)
    examples = other.sendoff("restore", "--help").partition("\nExample:\n")[2].split("\n")
    examples = [line.strip() for line in examples if line.strip()]
    assert len(examples) == 2
    for line in examples:
        words = line.replace("/var/backups/sendoff.tar.zst", str(taken)).split()
        assert words[:2] == ["sendoff", "restore"]
        other.sendoff(*words[1:])
        shutil.rmtree(other.data)


# The file.


def test_it_is_for_its_owner_alone_and_overwrites_nothing(busy, tmp_path):
    path = tmp_path / "b"
    umask = os.umask(0)
    try:
        busy.sendoff("backup", path)
    finally:
        os.umask(umask)
    assert os.stat(path).st_mode & 0o777 == 0o600
    inode = os.stat(path).st_ino
    result = busy.sendoff.run("backup", path)
    assert result.status == 1 and "is there already; name another file, or have it replaced with --force" in result.err
    assert os.stat(path).st_ino == inode
    busy.sendoff("backup", path, "--force")
    assert os.stat(path).st_ino != inode
    assert os.listdir(tmp_path) == ["b"]
    for where in (tmp_path, tmp_path / "no/such/folder"):
        result = busy.sendoff.run("backup", where, "--force")
        assert result.status == 1 and str(where) in result.err


def test_links_are_not_followed(busy, tmp_path):
    (tmp_path / "target").write_text("precious")
    for name in ("b", "c.new", "d.new.db"):
        os.symlink(tmp_path / "target", tmp_path / name)
    assert busy.sendoff.run("backup", tmp_path / "b", "--force").status == 1
    assert busy.sendoff.run("backup", tmp_path / "c").status == 1
    busy.sendoff("backup", tmp_path / "d")
    assert (tmp_path / "target").read_text() == "precious"


def test_a_file_that_somebody_else_has_put_there(busy, tmp_path):
    """Who has made it could read what is written to it."""
    new = tmp_path / "b.new"
    new.write_text("")
    os.chown(new, pwd.getpwnam("nobody").pw_uid, -1)
    result = busy.sendoff.run("backup", tmp_path / "b")
    assert result.status == 1 and "is no file of ours; remove it" in result.err
    os.unlink(new)
    (tmp_path / "other").write_text("precious")
    os.link(tmp_path / "other", new)
    assert busy.sendoff.run("backup", tmp_path / "b").status == 1
    assert (tmp_path / "other").read_text() == "precious" and not (tmp_path / "b").exists()


def test_standard_output(lab, busy, taken, tmp_path):
    done = subprocess.run([PROGRAM, "--config", busy.config, "backup", "-"], capture_output=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 0 and b"holds private keys" in done.stderr
    assert os.listdir(tmp_path) == []
    path = tmp_path / "b"
    path.write_bytes(done.stdout)
    assert [name for name, _ in bundle.entries(path)] == [name for name, _ in bundle.entries(taken)]
    place(lab).sendoff("restore", path)


def test_a_reader_that_goes_away(full, tmp_path):
    """Nothing is left behind: it would have the keys in it."""
    words = [PROGRAM, "--config", full.config, "backup", "-"]
    done = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **SANITIZERS, "TMPDIR": str(tmp_path)})
    done.stdout.read(1000)
    done.stdout.close()
    said = done.stderr.read().decode()
    assert done.wait(60) == 1 and "no backup was made: standard output: Broken pipe" in said, said
    assert os.listdir(tmp_path) == []


def test_a_link_in_the_spool(lab, tmp_path):
    """The user that serves may put one there; root does not read by it what that user may not read."""
    gateway = lab.gateway(retry=("1h",))
    account, mx = gateway.add_account("app"), lab.exchanger(lab.new_domain("link"))
    mx.replies["RCPT"] = "450 4.2.1 later"
    submit_marked(gateway, account, FROM, [f"r@{mx.domain}"], LARGE * 6000)
    (one,) = wait_until(lambda: [one for one in gateway.queue() if one["attempts"]], "it was tried")
    gateway.stop()
    (tmp_path / "secret").write_text("precious")
    (path,) = (f"{where}/{name}" for where, _, names in os.walk(f"{gateway.data}/spool") for name in names)
    os.unlink(path)
    for make, says in ((lambda: os.symlink(tmp_path / "secret", path), "Too many levels of symbolic links"), (lambda: os.mkfifo(path), "is no regular file")):
        make()
        result = gateway.sendoff.run("backup", tmp_path / "b")
        assert result.status == 1 and says in result.err and not (tmp_path / "b").exists()
        shown = gateway.sendoff.run("queue", "show", one["message"], "--content")
        assert "precious" not in shown.out
        os.unlink(path)


def test_other_tools_read_it(taken, tmp_path):
    subprocess.run(["tar", "--zstd", "-xf", taken], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    assert b'hostname = "smtp.example.com"' in (tmp_path / "sendoff.conf").read_bytes()


def test_as_the_guide_has_it(busy, taken, tmp_path):
    """The trial restore; and cron's line, for which no program is in sbin."""
    guide = Document(f"{ROOT}/docs/backup.md")
    (lines,) = guide.blocks_of("Try it")
    lines = lines.replace("/var/backups/sendoff.tar.zst", str(taken)).replace("/tmp/trial", f"{tmp_path}/trial")
    os.makedirs(f"{tmp_path}/bin")
    os.symlink(os.path.abspath(PROGRAM), f"{tmp_path}/bin/sendoff")
    shown = subprocess.run(["sh", "-e", "-c", lines], env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin", **SANITIZERS}, capture_output=True, text=True)
    assert shown.returncode == 0 and "as it was at" in shown.stdout, shown.stdout + shown.stderr
    assert not os.path.exists(f"{tmp_path}/trial")
    (line,) = [line for block in guide.blocks_of("While the gateway runs") for line in block.splitlines() if "* * *" in line]
    _, found, command = line.partition("  root  /usr/sbin/sendoff ")
    command = command.replace("\\%", "%").replace("/var/backups", str(tmp_path))
    for _ in range(2):
        words = ["sh", "-c", f"{os.path.abspath(PROGRAM)} {command}"]
        done = subprocess.run(words, env={"PATH": "/usr/bin:/bin", "SENDOFF_CONFIG": busy.config, **SANITIZERS}, capture_output=True, text=True)
        assert found and done.returncode == 0, done.stderr
    assert [name for name in os.listdir(tmp_path) if re.fullmatch(r"sendoff-[1-7]\.tar\.zst", name)]


def test_a_message_whose_file_was_lost(lab, tmp_path):
    gateway = lab.gateway(retry=("1h",))
    account = gateway.add_account("app")
    mx = lab.exchanger(lab.new_domain("lost"))
    mx.replies["RCPT"] = "450 4.2.1 later"
    for lines in (1, 6000):
        submit_marked(gateway, account, FROM, [f"r@{mx.domain}"], LARGE * lines)
    shutil.rmtree(f"{gateway.data}/spool")
    result = gateway.sendoff.run("--json", "backup", tmp_path / "b")
    assert result.status == 1 and "1 queued messages have lost their files" in result.err
    other = place(lab)
    (said,) = other.sendoff.json("restore", tmp_path / "b")
    assert (said["counts"]["messages"], said["held"]) == (1, 1)
    assert [event["text"] for event in other.log("--event", "dropped")] == ["its file was missing from the spool when the backup was made"]


def test_a_stopped_gateway(lab):
    gateway = lab.gateway()
    gateway.add_account("blog")
    gateway.stop()
    gateway.sendoff("backup", f"{gateway.folder}/b")
    other = place(lab)
    other.sendoff("restore", f"{gateway.folder}/b")
    assert [one["account"] for one in listed(other, "account", "list")] == ["blog"]


# While it works.


class Load:
    """Clients that submit small and large messages, until it is closed."""

    def __init__(self, gateway, account, domain, clients=3):
        self.marks, self._gateway, self._account, self._domain = [], gateway, account, domain
        self._stop, self._failed = threading.Event(), []
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        try:
            with connect(self._gateway, self._account) as session:
                while not self._stop.is_set():
                    self._send(session, 6000 if len(self.marks) % 3 == 0 else 1)
        except Exception as failure:  # noqa: BLE001: whatever it is, the test says it
            self._failed.append(failure)

    def _send(self, session, lines):
        mark, to = marker(), f"r@{self._domain}"
        session.sendmail(FROM, [to], letter(FROM, to, mark + "\r\n" + LARGE * lines, subject=mark))
        self.marks.append(mark)

    def close(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self._failed, self._failed


def check_whole(gateway):
    """Every message that was accepted is in the queue with its content, or has its outcome in the log; and not both."""
    outcomes, accepted = collections.Counter(), set()
    for event in gateway.log("--limit", "100000"):
        if event["event"] == "accepted":
            accepted.add(event["message"])
        elif event["event"] in ("delivered", "bounced", "expired", "dropped"):
            outcomes[event["message"]] += 1
    waiting = {one["message"] for one in gateway.queue()}
    assert not waiting & set(outcomes) and waiting | set(outcomes) == accepted and set(outcomes.values()) <= {1}
    for message in waiting:
        assert "marker-" in gateway.sendoff("queue", "show", message, "--content")
    return accepted, waiting


def test_under_load(lab):
    gateway = lab.gateway(retry=("1s",))
    account = gateway.add_account("app")
    mx = lab.exchanger(lab.new_domain("load"))
    load = Load(gateway, account, mx.domain)
    taken = []
    try:
        wait_until(lambda: len(load.marks) > 20, "there is load", timeout=60)
        for number in range(3):
            before = len(load.marks)
            path = f"{gateway.folder}/b{number}"
            taken.append((path, list(load.marks[:before]), gateway.sendoff.json("backup", path)[0]))
            wait_until(lambda: len(load.marks) > before, "it goes on", timeout=60)
    finally:
        load.close()
    gateway.wait_empty(timeout=120)
    for path, marks, said in taken:
        other = place(lab)
        other.sendoff("restore", path)
        accepted, waiting = check_whole(other)
        assert len(accepted) >= len(marks) and len(waiting) == said["counts"]["messages"]
    arrived = collections.Counter(values(one.content, "Subject")[0] for one in mx.arrivals)
    assert arrived == collections.Counter(load.marks)  # backups have lost and doubled nothing here

    # What was in the last one's queue is delivered once more when it is let go, and nothing else.
    mx.forget()
    waiting = [one["message"] for one in other.queue()]
    other.start()
    other.sendoff("queue", "release", "--to", "*", "--yes")
    other.wait_empty(timeout=60)
    assert len(mx.arrivals) == len(waiting)


# What goes wrong.


def start_backup(gateway, path):
    words = [PROGRAM, "--config", gateway.config, "backup", path]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **SANITIZERS})


@pytest.fixture(scope="module")
def full(lab):
    """A store of some size, so that a backup takes a while."""
    gateway = lab.gateway(retry=("1h",))
    account = gateway.add_account("app")
    mx = lab.exchanger(lab.new_domain("full"))
    mx.replies["RCPT"] = "450 4.2.1 later"
    for number in range(8):
        to = f"r{number}@{mx.domain}"
        submit(gateway, account, FROM, [to], letter(FROM, to, base64.encodebytes(os.urandom(2 * MB)).replace(b"\n", b"\r\n")))
    wait_until(lambda: {one["attempts"] for one in gateway.queue()} == {1}, "each was tried once", timeout=60)
    return gateway


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_backup(lab, full, tmp_path, number):
    path = tmp_path / "b"
    killed = 0
    for wait in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        process = start_backup(full, path)
        time.sleep(wait)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        if path.exists():  # it was quicker: then it is whole
            place(lab).sendoff("restore", path)
            path.unlink()
            continue
        assert process.returncode != 0
        killed += 1
        if number == signal.SIGTERM and process.returncode == 1:
            assert b"interrupted" in said and os.listdir(tmp_path) == []
    assert killed
    full.sendoff("backup", path)
    assert os.listdir(tmp_path) == ["b"]  # and what was left has gone
    place(lab).sendoff("restore", path)


def test_two_at_once(full, tmp_path):
    path = tmp_path / "b"
    both = [start_backup(full, path) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    assert any(b"under way" in text or b"there already" in text or b"File exists" in text for text in said), said
    assert os.listdir(tmp_path) == ["b"]


def test_a_disk_that_fills(full, tmp_path):
    for size in (1 * MB, 10 * MB):
        folder = tmp_path / str(size)
        folder.mkdir()
        SmallDisk(str(folder), size)
        result = full.sendoff.run("backup", folder / "b")
        assert result.status == 1 and "no backup was made" in result.err, result
        assert "No space left" in result.err or "is full" in result.err, result
        assert os.listdir(folder) == []


def test_the_disk_of_the_mail_is_not_filled(lab, tmp_path):
    gateway = lab.new_gateway()
    gateway.disk = SmallDisk(gateway.data, 64 * MB)
    gateway.configure(more='store { disk_reserve = "16M" }')
    gateway.sendoff("init", "--config", gateway.config)
    gateway.disk.also_at(tmp_path)
    gateway.sendoff("backup", tmp_path / "b")
    gateway.disk.fill(leave=15 * MB)
    result = gateway.sendoff.run("backup", tmp_path / "c")
    assert result.status == 1 and "are kept for mail; name a file on another disk" in result.err
    assert os.listdir(tmp_path) == ["b"]


def test_no_backup_over_what_it_is_of(full, tmp_path):
    """Nothing in the gateway's folder is replaced, by whatever way it is named, nor its configuration."""
    os.symlink(full.data, tmp_path / "link")
    before = full.sendoff("account", "list")
    for path in ("sendoff.db", "new", "spool/new", "../data/sendoff.db-wal" if full.data.endswith("/data") else "lock", "."):
        for folder in (full.data, tmp_path / "link"):
            result = full.sendoff.run("backup", f"{folder}/{path}", "--force")
            assert result.status == 1 and "is the gateway's own folder; name a file in another" in result.err, result
    result = full.sendoff.run("backup", full.config, "--force")
    assert result.status == 1 and "is the configuration; name another file" in result.err
    assert full.sendoff("account", "list") == before and "new" not in os.listdir(full.data)
    full.sendoff("config", "check")


def test_what_was_held_before_is_counted(lab, full, tmp_path):
    """A backup of a queue that is held: all of it waits for a release."""
    full.sendoff("queue", "hold", "--to", "*", "--yes")
    full.sendoff("backup", tmp_path / "b")
    full.sendoff("queue", "release", "--to", "*", "--yes")
    for words, says in (((), "8 recipients were held when the backup was made, and stay so"), (("--send",), "8 recipients were held")):
        other = place(lab)
        text = other.sendoff("restore", tmp_path / "b", *words)
        assert says in text and "sendoff queue release" in text, text
        assert {one["state"] for one in other.queue()} == {"held"}
    other = place(lab)
    (said,) = other.sendoff.json("restore", tmp_path / "b")
    assert said["held"] == len(other.queue())


@pytest.mark.parametrize("room, says", [(8 * MB, "nothing was restored"), (2 * MB, "are needed for one file alone")])
def test_a_restore_without_room(lab, full, tmp_path, room, says):
    full.sendoff("backup", tmp_path / "b")
    other = place(lab)
    os.mkdir(other.data)
    SmallDisk(other.data, room)
    result = other.sendoff.run("restore", tmp_path / "b")
    assert result.status == 1 and says in result.err
    assert hidden(other.data) == []


def test_a_killed_restore(lab, full, tmp_path):
    full.sendoff("backup", tmp_path / "b")
    other = place(lab)
    for wait in (0.05, 0.1, 0.2, 0.4):
        process = subprocess.Popen([PROGRAM, "--config", other.config, "restore", tmp_path / "b"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(wait)
        process.kill()
        if process.wait(timeout=60) == 0:
            break
        if not os.path.exists(f"{other.data}/sendoff.db"):
            result = other.sendoff.run("queue", "list")
            assert result.status == 1 and "there is no store" in result.err
    if not os.path.exists(f"{other.data}/sendoff.db"):
        other.sendoff("restore", tmp_path / "b")
    assert len(other.queue()) == 8
    assert [name for name in hidden(other.data) if name not in ("spool", ".restore")] == ["sendoff.db"]


CALLS = [("mkdir", 3), ("mkdir", 5), ("syncfs", 1), ("renameat2", 1), ("syncfs", 2), ("renameat2", 2), ("syncfs", 3), ("unlink", 3), ("rmdir", 1)]


@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_a_restore_whose_steps_fail(lab, busy, taken, fault):
    """All of it is there, or nothing; and the next one finds nothing in its way."""
    other = place(lab)
    failed = 0
    for call, when in CALLS:
        done = other.sendoff.run("restore", taken, wrapper=faulty(f"{call}:{fault}:when={when}"))
        assert done.status in ((0, 1) if "error" in fault else (0, -signal.SIGKILL)), done
        failed += done.status != 0
        whole = os.path.exists(f"{other.data}/sendoff.db")
        if "error" in fault:
            assert whole == (done.status == 0) and (whole or hidden(other.data) == []), (call, when, done, hidden(other.data))
        if not whole:
            other.sendoff("restore", taken)
        assert {one["state"] for one in other.queue()} == {"held"} and len(other.queue()) == 2
        assert LARGE * 6000 in other.sendoff("queue", "show", other.queue()[1]["message"], "--content").replace("\n", "\r\n")
        shutil.rmtree(other.data)
    assert failed >= 5


@pytest.mark.parametrize("fault, says, left", [("fsync:error=EIO:when=1", "no backup was made", []), ("fsync:error=EIO:when=2", "is written and whole, but", ["b"]), ("ftruncate:error=EIO:when=1", "b.new: Input/output error", [])])
def test_a_backup_whose_steps_fail(busy, tmp_path, fault, says, left):
    done = busy.sendoff.run("backup", tmp_path / "b", wrapper=faulty(fault))
    assert done.status == 1 and says in done.err, done
    assert os.listdir(tmp_path) == left


def test_a_store_that_is_made_meanwhile(lab, full, tmp_path):
    """`sendoff init` takes no lock, and what it has made stays."""
    full.sendoff("backup", tmp_path / "b")
    for _ in range(20):
        other = place(lab)
        process = subprocess.Popen([PROGRAM, "--config", other.config, "restore", tmp_path / "b"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        while not os.path.exists(f"{other.data}/.restore") and process.poll() is None:
            pass
        with open(f"{other.data}/sendoff.db", "a") as made:
            made.write("precious")
        said = process.communicate(timeout=60)[1].decode()
        if "precious" == open(f"{other.data}/sendoff.db", "rb").read(100).decode(errors="replace"):
            assert process.returncode == 1 and "File exists; nothing was restored" in said, said
            return
        assert process.returncode == 0  # it was quicker
    pytest.fail("it was always quicker")


def test_nothing_is_overwritten(lab, busy, taken):
    result = busy.sendoff.run("restore", taken)
    assert result.status == 1 and f"{busy.data} holds a store" in result.err and "mv " in result.err
    other = place(lab)
    os.makedirs(f"{other.data}/spool/XY")
    result = other.sendoff.run("restore", taken)
    assert result.status == 1 and "holds mail in its spool" in result.err
    shutil.rmtree(f"{other.data}/spool")
    with open(f"{other.data}/letters", "w"):
        pass
    result = other.sendoff.run("restore", taken)
    assert result.status == 1 and "holds letters" in result.err
    assert hidden(other.data) == ["letters"]


def test_an_older_store_is_brought_up(lab, tmp_path):
    folder = f"{stored.FIXTURES}/store-8"
    (tmp_path / "old").mkdir()
    stored.restore(folder, str(tmp_path / "old"))
    contents = [("sendoff-backup.json", bundle.about(schema=8)), ("sendoff.conf", b"")]
    for where, _, files in os.walk(tmp_path / "old/spool"):
        contents += [(f"spool/{os.path.basename(where)}/{name}", open(f"{where}/{name}", "rb").read()) for name in files]
    contents.append(("sendoff.db", (tmp_path / "old/sendoff.db").read_bytes()))
    other = place(lab)
    (said,) = other.sendoff.json("restore", bundle.make(tmp_path / "b.tar", contents))
    assert said["held"] and said["counts"]["accounts"]
    assert listed(other, "account", "list")
