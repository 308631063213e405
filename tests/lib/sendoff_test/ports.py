"""Addresses and ports that no other test is using.

Every exchanger must listen on the gateway's one delivery port, so tests need addresses of their own, not only ports.
A Block is a /24 inside 127.0.0.0/8 that belongs to one test for as long as it holds the block's lock socket; inside it
the test chooses ports as it likes, and nobody else can take them.
"""

import os
import socket

LOCK_PORT = 40404
FIRST_PORT = 2001


class Block:
    def __init__(self, start=None):
        """`start`: where the search begins; the same one is the same block in a network where no other is."""
        self._lock, self._prefix = self._claim(os.getpid() if start is None else start)
        self._next_host = 10
        self._next_port = FIRST_PORT

    @staticmethod
    def _claim(start):
        for step in range(60000):
            second, third = divmod((start + step) % 60000, 250)
            prefix = f"127.{second + 10}.{third + 1}"
            lock = socket.socket()
            try:
                lock.bind((f"{prefix}.254", LOCK_PORT))
                return lock, prefix
            except OSError:
                lock.close()
        raise RuntimeError("every block of addresses in 127.0.0.0/8 is taken")

    def address(self, host):
        return f"{self._prefix}.{host}"

    def new_address(self):
        self._next_host += 1
        return self.address(self._next_host)

    def new_port(self):
        """A port that is free on every address of the block (something may listen on 0.0.0.0)."""
        while True:
            port = self._next_port
            self._next_port += 1
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                try:
                    tcp.bind((self.address(1), port))
                    udp.bind((self.address(1), port))
                    return port
                except OSError:
                    continue

    def close(self):
        self._lock.close()
