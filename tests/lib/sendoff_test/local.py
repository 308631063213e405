"""The local way in: a socket that every user of the machine can reach, users, and the sendmail that uses it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile

from .client import Dialogue
from .command import PROGRAM, SANITIZERS, assert_no_report
from .package_root import unpacked
from .packaged_server import ENTER, PackagedServer

SENDMAIL = f"{os.path.dirname(PROGRAM)}/libexec/sendmail"


class Place:
    """A folder that every user can look into, with a copy of sendmail, since the build folder may not be open to all."""

    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="so-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.socket = f"{self.folder}/run/submission.sock"
        self.aliases, self.mailname = f"{self.folder}/aliases", f"{self.folder}/mailname"
        self.sendmail = f"{self.folder}/sendmail"
        if os.path.exists(SENDMAIL):
            shutil.copy(SENDMAIL, self.sendmail)
            os.symlink("sendmail", f"{self.folder}/mailq")

    @property
    def listen(self):
        """For the configuration."""
        return f'listen "unix:{self.socket}" {{}}'

    @property
    def environment(self):
        return {
            **SANITIZERS,
            "SENDOFF_SOCKET": self.socket,
            "SENDOFF_ALIASES": self.aliases,
            "SENDOFF_MAILNAME": self.mailname,
        }

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def talk(self, user="www-data"):
        """A session of that user's (a name or a number), before its greeting."""
        return Dialogue(connect(self.socket, user))

    def run(self, *words, text=b"", user="www-data", program=None, env=None, timeout=120):
        """sendmail, by that user."""
        done = subprocess.run(
            [*as_user(user), program or self.sendmail, *map(str, words)],
            input=text if isinstance(text, bytes) else text.encode(),
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "TMPDIR": "/tmp", **self.environment, **(env or {})},
            cwd="/",
        )
        done.stderr = done.stderr.decode("utf-8", "replace")
        assert_no_report(done.stderr, "sendmail")
        return done


def uid_of(user):
    return user if isinstance(user, int) else pwd.getpwnam(user).pw_uid


def as_user(user):
    return ["setpriv", f"--reuid={uid_of(user)}", "--regid=65534", "--clear-groups"]


def connect(path, user):
    """The kernel notes who connects: the effective user at that moment."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(60)
    os.seteuid(uid_of(user))
    try:
        made.connect(path)
    finally:
        os.seteuid(0)
    return made


class Mailers(PackagedServer):
    """Debian's mailx of three kinds, cron and git send-email, where /usr/sbin/sendmail is ours: what they have compiled in."""

    package = "mailers"

    def __init__(self, lab, place):
        super().__init__(lab, "root", 0)
        self._place = place
        inside = {name: value.replace(place.folder, "/mnt") for name, value in place.environment.items()}
        words = " ".join(f"{name}='{value}'" for name, value in inside.items())
        self.write("/usr/sbin/sendmail", f'#!/bin/sh\n{words} exec /mnt/sendmail "$@"\n', 0o755)

    def command(self, *words, user="www-data"):
        """What runs it there, as that user."""
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter"]
        places = [f"{self.folder}/layers", unpacked(self.package), f"{self.folder}/files", self._place.folder]
        return [*enter, *places, *(as_user(user) if user != "root" else []), *words]

    def run(self, *words, text="", user="www-data"):
        done = subprocess.run(self.command(*words, user=user), input=text, capture_output=True, text=True, timeout=120)
        assert_no_report(done.stderr, words[0])
        return done
