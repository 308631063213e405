"""Postfix's load tools, smtp-source and smtp-sink, out of the unpacked package (tests/fetch-postfix) or the system."""

import os
import shutil
import subprocess

ROOT = os.path.abspath(f"{os.path.dirname(__file__)}/../../..")
UNPACKED = f"{ROOT}/build/postfix"


def _tool(name):
    unpacked = f"{UNPACKED}/usr/sbin/{name}"
    found = unpacked if os.path.exists(unpacked) else shutil.which(name, path="/usr/sbin:/usr/bin")
    assert found, f"{name} is missing: run tests/fetch-postfix"
    return found


def _environment():
    return {"LD_LIBRARY_PATH": f"{UNPACKED}/usr/lib/postfix"}


def sink(processes, address, port, log_path):
    """An exchanger that takes everything, fast, and counts it."""
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return processes.start([_tool("smtp-sink"), *user, "-c", f"{address}:{port}", "512"], log_path, env=_environment())


def source(endpoint, sender, recipient, sessions, messages, length=4096, timeout=120):
    """Sends `messages` over `sessions` at once; raises when one of them is refused."""
    words = ["-s", sessions, "-m", messages, "-l", length, "-f", sender, "-t", recipient, "%s:%d" % endpoint]
    subprocess.run(
        [_tool("smtp-source"), *map(str, words)],
        check=True,
        capture_output=True,
        timeout=timeout,
        env={**os.environ, **_environment()},
    )
