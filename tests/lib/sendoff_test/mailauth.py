"""The second opinion on signatures: mailauth, in one node process for each test run that lives as long as it."""

import atexit
import json
import os
import select
import subprocess
import threading

HERE = os.path.dirname(__file__)
ROOT = os.path.normpath(f"{HERE}/../../..")
SCRIPT = f"{HERE}/../mailauth_verifier.js"
FOLDER = f"{ROOT}/build/mailauth"
WAIT = 120  # seconds: for a message of 25 MB on a machine that is busy

_lock = threading.Lock()
_process = None


def _start():
    subprocess.run([f"{ROOT}/tests/fetch-mailauth"], check=True, timeout=600)
    environment = {**os.environ, "NODE_PATH": f"{FOLDER}/node_modules"}
    environment.pop("LD_PRELOAD", None)
    process = subprocess.Popen(["node", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd="/")
    atexit.register(_stop, process)
    return process


def _stop(process):
    process.stdin.close()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_line(process):
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], WAIT)
        assert ready, "mailauth does not answer"
        part = os.read(process.stdout.fileno(), 65536)
        assert part, "mailauth has ended"
        line += part
    return json.loads(line)


def results(content, keys):
    """Of every signature, from the top: {"domain", "algorithm", "result", "comment"}. `keys`: the text of each record by name,
    in lower case."""
    global _process
    with _lock:
        if not _process or _process.poll() is not None:
            _process = _start()
        head = json.dumps({"length": len(content), "keys": keys}).encode() + b"\n"
        _process.stdin.write(head + content)
        _process.stdin.flush()
        said = _read_line(_process)
    assert isinstance(said, list), said
    return said
