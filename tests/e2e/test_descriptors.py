"""File descriptors that run out: the log says so, once, and it is over when they are back, or the gateway stops."""

import contextlib
import smtplib
import socket

from sendoff_test.client import submit
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"
FILES = 120


def warnings(gateway):
    return [line for line in gateway.output().split("\n") if "level=warn" in line and "file descriptors" in line]


def test_more_sessions_than_descriptors(lab):
    recipient = lab.exchanger("dest.example.net")
    gateway = lab.new_gateway().configure(limits=f"max_sessions = {4 * FILES} max_sessions_per_address = {4 * FILES}")
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    account = gateway.add_account("hungry")
    gateway.start(("prlimit", f"--nofile={FILES}:{FILES}", "--"))
    assert "the limit of open files is lower than max_sessions needs" in gateway.output()
    assert not warnings(gateway)
    with contextlib.ExitStack() as all_of_them:
        for _ in range(2 * FILES):
            all_of_them.enter_context(socket.create_connection(gateway.endpoint("optional"), 10))
        wait_until(lambda: warnings(gateway), "the log says that there are none left")
        (line,) = warnings(gateway)
        assert f"limit={FILES}" in line and "LimitNOFILE" in line
    mark = marker()

    def accepted():
        try:
            submit(gateway, account, FROM, [TO], letter(FROM, TO, mark + "\r\n"))
            return True
        except (OSError, smtplib.SMTPException):
            return False

    wait_until(accepted, "there are some again")
    recipient.wait_for(mark)
    assert len(warnings(gateway)) == 1
    gateway.stop()


def test_a_gateway_without_descriptors_stops(lab):
    gateway = lab.new_gateway().configure(limits=f"max_sessions = {4 * FILES} max_sessions_per_address = {4 * FILES}")
    gateway.start(("prlimit", f"--nofile={FILES}:{FILES}", "--"))
    with contextlib.ExitStack() as all_of_them:
        for _ in range(2 * FILES):
            all_of_them.enter_context(socket.create_connection(gateway.endpoint("optional"), 10))
        wait_until(lambda: warnings(gateway), "the log says that there are none left")
        gateway.stop()
