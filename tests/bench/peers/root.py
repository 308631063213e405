"""A Debian 12 root for each peer: their packages conflict with one another, and none is installed on the machine.

Made once, with the network; run without it, each in namespaces of its own, so that a peer ends whole and leaves no mount."""

import os
import shutil
import socket
import subprocess

from place import BUILD, DNS
from sendoff_test.processes import wait_until

PEERS = f"{BUILD}/peers"
RELEASE = "bookworm"
HOSTS = "127.0.0.1 localhost\n127.0.8.1 smtp.example.com smtp\n"


def _mirror():
    """The one that this machine installs from."""
    for path in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        if os.path.exists(path):
            with open(path) as lines:
                for line in lines:
                    words = line.split()
                    if words[:1] == ["URIs:"] or words[:1] == ["deb"]:
                        return next(word for word in words if "://" in word)
    raise SystemExit("no archive of Debian packages is named in /etc/apt")


def _base():
    base = f"{PEERS}/base"
    if not os.path.exists(base):
        os.makedirs(PEERS, exist_ok=True)
        shutil.rmtree(f"{base}.new", ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", RELEASE, f"{base}.new", _mirror()], check=True, stdout=subprocess.DEVNULL)
        os.rename(f"{base}.new", base)
    return base


def make(name, packages):
    """The path of the root, made if it is not there."""
    root = f"{PEERS}/{name}"
    if not os.path.exists(root):
        print(f"making a Debian root with {', '.join(packages)}", flush=True)
        base, new = _base(), f"{root}.new"
        shutil.rmtree(new, ignore_errors=True)
        subprocess.run(["cp", "-a", base, new], check=True)
        _write(f"{new}/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)  # nothing is started by its installation
        install = f"apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends {' '.join(packages)}"
        made = subprocess.run([*_into(new), "sh", "-c", install], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            raise SystemExit(f"{made.stdout}\n{' '.join(packages)}: cannot be installed")
        _write(f"{new}/etc/resolv.conf", f"nameserver {DNS}\n")
        _write(f"{new}/etc/hosts", HOSTS)
        os.rename(new, root)
    return root


def _write(path, text, mode=0o644):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def _into(root):
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc", "chroot", root]


class Peer:
    """What a peer has in common with the gateway that is measured (gateway.Sendoff): start, stop, endpoint, texts."""

    name = title = ""
    packages = ()
    spool = ()  # folders whose files are messages
    endpoint = ("127.0.0.1", 25)
    opening = None  # how many clients may be connecting at once; None: any number
    warm_up = 200  # messages ahead of those that are measured

    def __init__(self, processes):
        self.root = f"{PEERS}/{self.name}"
        self._processes, self._process = processes, None
        self.configure()

    @classmethod
    def make(cls):
        make(cls.name, cls.packages)

    def configure(self):
        raise NotImplementedError

    def command(self):
        """One that stays in the foreground."""
        raise NotImplementedError

    def write(self, path, text, mode=0o644):
        _write(f"{self.root}{path}", text, mode)

    def run(self, *words):
        done = subprocess.run([*_into(self.root), *words], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def version(self):
        return ", ".join(self.run("dpkg-query", "-W", "-f", "${Package} ${Version}", name) for name in self.packages)

    # Signing.

    def make_key(self, owner):
        if not os.path.exists(f"{self.root}/etc/dkim.key"):
            key = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True, text=True).stdout
            self.write("/etc/dkim.key", key)
        self.run("chown", owner, "/etc/dkim.key")
        self.run("chmod", "400", "/etc/dkim.key")

    def texts(self, name):
        """The TXT records of a name, for whoever verifies."""
        if name.rstrip(".") != "s1._domainkey.example.com":
            return []
        words = ["openssl", "rsa", "-in", f"{self.root}/etc/dkim.key", "-pubout"]
        lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
        return [b"v=DKIM1; k=rsa; p=" + "".join(lines[1:-1]).encode()]

    signatures = [("example.com", "rsa-sha256")]

    # Running.

    def start(self, tracer=()):
        self._empty_spool()
        self.start_again(tracer)

    def start_again(self, tracer=()):
        """With the spool as it is."""
        self._process = self._processes.start([*tracer, *_into(self.root), *self.command()], f"{self.root}/tmp/log")
        wait_until(self._greets, f"{self.title} answers", timeout=30)

    def _greets(self):
        assert self._process.running(), f"{self.title} ended by itself\n{self._process.output()[-4000:]}"
        try:
            with socket.create_connection(self.endpoint, 1) as probe:
                probe.settimeout(10)
                greeted = probe.recv(512).startswith(b"220")
                probe.sendall(b"QUIT\r\n")
                return greeted and self.ready()
        except OSError:
            return False

    def ready(self):
        return True

    def stop(self):
        """At once: everything it had to do is done, and the next start begins with an empty spool."""
        if self._process:
            self._process.kill()
        self._process = None

    def _empty_spool(self):
        for folder in self.spool:
            for path, _, names in os.walk(f"{self.root}{folder}"):
                for name in names:
                    os.unlink(f"{path}/{name}")
