"""What the gateway's process shows to others: nothing of its memory."""

import os
import pwd

import pytest


def core_limit(pid):
    with open(f"/proc/{pid}/limits") as limits:
        (line,) = (line for line in limits if line.startswith("Max core file size"))
    return line.split()[4:6]


def user_of(pid):
    with open(f"/proc/{pid}/status") as status:
        (line,) = (line for line in status if line.startswith("Uid:"))
    return set(map(int, line.split()[1:]))


AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--")


@pytest.mark.parametrize("wrapper", [(), AS_NOBODY], ids=["started by root", "started as its user"])
def test_its_user_cannot_look_into_it(lab, wrapper):
    """A process that is not dumpable has its files in /proc given to root (proc(5)), also after it has changed its user."""
    gateway = lab.new_gateway().configure(more='user = "nobody"').hand_over("nobody")
    gateway.start(wrapper)
    assert user_of(gateway.pid) == {pwd.getpwnam("nobody").pw_uid}
    assert os.stat(f"/proc/{gateway.pid}/mem").st_uid == 0
    assert core_limit(gateway.pid) == ["0", "0"]
    gateway.stop()
