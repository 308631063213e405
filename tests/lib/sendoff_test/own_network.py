"""A network of a test's own: loopback, with any addresses on it that the test wants. It is a network namespace that only
the test's main thread and its children are in, so that nobody else sees the addresses, and they cannot be left behind."""

import ctypes
import os
import subprocess

import pytest

CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class OwnNetwork:
    """`addresses`: what loopback has besides."""

    def __init__(self, *addresses):
        self._before = os.open("/proc/self/ns/net", os.O_RDONLY)
        if _libc.unshare(CLONE_NEWNET) != 0:
            os.close(self._before)
            pytest.fail("no network of one's own can be made here: unshare is not permitted")
        commands = [f"addr add {a} dev lo{' nodad' if ':' in a else ''}" for a in addresses]
        for command in ["link set lo up", *commands]:
            if subprocess.run(["ip", *command.split()], capture_output=True).returncode != 0:
                self.close()
                pytest.fail(f"cannot be done here: ip {command}")

    def swallow(self, *addresses):
        """Whatever is sent to the networks of these is lost, without an answer: nobody reads what this device sends."""
        commands = ["tuntap add black mode tun", "link set black up"]
        commands += [f"addr add {a} dev black{' nodad' if ':' in a else ''}" for a in addresses]
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)

    def add_interface(self, address):
        """One that is up, for programs that take loopback for no network. Nobody is at its other end."""
        for command in ("link add near type veth peer name far", "link set near up", "link set far up", f"addr add {address} dev near"):
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)

    def close(self):
        """Back to everybody's."""
        _libc.setns(self._before, CLONE_NEWNET)
        os.close(self._before)
