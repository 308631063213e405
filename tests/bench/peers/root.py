"""A root for each peer: their packages conflict with one another, and none is installed on the machine.

Mounted where only the bench sees it; each peer runs in namespaces of its own besides, so that it ends whole."""

import os
import subprocess

from place import BUILD, DNS, ROOT, WORK, mount
from sendoff_test import package_root
from sendoff_test.processes import greets, wait_until

HOSTS = "127.0.0.1 localhost\n127.0.8.1 smtp.example.com smtp\n"


def _into(root):
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc", "chroot", root]


class Peer:
    """What a peer has in common with the gateway that is measured (gateway.Sendoff): start, stop, endpoint, texts."""

    name = title = ""
    packages = ()
    users, groups = (), ()  # that its packages would make
    on_disk = ""  # what of it is on the disk that is measured
    spool = ()  # folders whose files are messages
    endpoint = ("127.0.0.1", 25)
    opening = None  # how many clients may be connecting at once; None: any number
    warm_up = 200  # messages ahead of those that are measured

    def __init__(self, processes):
        self.root = package_root.mount(self.name, f"{BUILD}/roots/{self.name}", self.users, self.groups)
        self._processes, self._process = processes, None
        disk = f"{WORK}/spool-{self.name}"
        for folder in (disk, f"{self.root}{self.on_disk}"):
            os.makedirs(folder, exist_ok=True)
        mount(disk, f"{self.root}{self.on_disk}", "--bind")
        self.write("/etc/resolv.conf", f"nameserver {DNS}\n")
        self.write("/etc/hosts", HOSTS)
        self.configure()

    @classmethod
    def make(cls):
        """What needs the network."""
        subprocess.run([f"{ROOT}/tests/fetch-exchangers", cls.name], check=True)

    def configure(self):
        raise NotImplementedError

    def command(self):
        """One that stays in the foreground."""
        raise NotImplementedError

    def write(self, path, text, mode=0o644):
        with open(f"{self.root}{path}", "w") as file:
            file.write(text)
        os.chmod(f"{self.root}{path}", mode)

    def give(self, user, *folders):
        """Folders that it writes to."""
        self.run("install", "-d", "-o", user, "-g", user, *folders)

    def run(self, *words):
        done = subprocess.run([*_into(self.root), *words], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def version(self):
        with open(f"{package_root.UNPACKED}/{self.name}.versions") as file:
            return ", ".join(" ".join(line.split()) for line in file if line.split()[0] in self.packages)

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
        return greets(self.endpoint) and self.ready()

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
