"""Where everything is measured: namespaces of its own for the network, the mounts and the processes.

The network has nothing but lo, so no octet leaves the machine and no port is anybody else's. The processes all end with
the first of them, and mounts are gone with the last. The work folder, with every store and spool, is on the disk of the
checkout, whatever /tmp is: a sync to memory is none."""

import fcntl
import os
import resource
import socket
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(f"{HERE}/../..")
BUILD = f"{ROOT}/build/bench"
TOOLS = f"{BUILD}/tests/bench/load"
WORK = "/mnt"  # short: the path of a UNIX socket may have 107 octets
BOARDS = "/dev/shm"
INSIDE = "SENDOFF_BENCH_INSIDE"
OPEN_FILES = 12000

SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x41


def inside():
    return INSIDE in os.environ


def enter():
    """Runs this program again, in the namespaces; does not return."""
    os.makedirs(f"{BUILD}/work", exist_ok=True)
    lock = os.open(f"{BUILD}/lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit("another run of this checkout's bench is under way") from None
    os.set_inheritable(lock, True)  # held until the last namespace is gone
    unshare = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    os.execvpe(unshare[0], [*unshare, sys.executable, *sys.argv], {**os.environ, INSIDE: "1", "PYTHONDONTWRITEBYTECODE": "1"})


def settle():
    """The first thing to be done inside."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))
    mount(f"{BUILD}/work", WORK, "--bind")
    clear()  # of what a run left that was killed
    mount("tmpfs", BOARDS, "-t", "tmpfs")
    os.environ["TMPDIR"] = WORK
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < OPEN_FILES:
        raise SystemExit(f"{most} open files are allowed; ten thousand sessions need {OPEN_FILES} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def clear():
    for name in os.listdir(WORK):
        subprocess.run(["rm", "-rf", f"{WORK}/{name}"], check=True)


def mount(what, where, *options):
    subprocess.run(["mount", *options, what, where], check=True)


class Addresses:
    """What sendoff_test wants of a block of addresses; here all of them are free. The DNS server comes first, and gets
    port 53, where the peers look for one."""

    def __init__(self):
        self._next_port = 53

    def address(self, host):
        return f"127.0.8.{host}"

    def new_port(self):
        self._next_port += 1
        return self._next_port - 1


DNS = "127.0.8.3"
GATEWAY = "127.0.8.1"
SINK = "127.0.9.1"
DOWN = "127.0.9.9"  # nothing listens there
HELD = "127.0.9.8"  # for mail that is to stay in the queue
SITES = "127.16.0.1"  # the first of many
