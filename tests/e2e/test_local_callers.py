"""Real programs that hand their mail to sendmail: PHP and WordPress, mailx of three kinds, cron, mutt, git."""

import json
import os
import subprocess

import pytest

from sendoff_test.letters import marker, values
from sendoff_test.local import Mailers, Place, as_user
from sendoff_test.processes import wait_until
from sendoff_test.wordpress import WordPress

FROM, TO = "blog@example.com", "r@dest.example.net"


@pytest.fixture(scope="module")
def place():
    made = Place()
    with open(made.mailname, "w") as file:
        file.write("example.com\n")
    with open(made.aliases, "w") as file:
        file.write(f"root: {TO}\n")
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(lab, place):
    made = lab.gateway(more=place.listen)
    made.add_account("blog", "--local-user", "www-data")
    made.add_account("server", "--local-user", "root", "--rewrite-from", "server@example.com")
    return made


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def mailers(lab, place, gateway):
    return Mailers(lab, place)


# PHP


def php(place, code, *arguments, user="www-data", socket=None, options="-t -i"):
    """What its mail() says, and what a person sees of it."""
    words = ["php", "-d", f"sendmail_path={place.sendmail} {options}", "-d", "error_log=/dev/null", "-r", code, "--", *arguments]
    environment = {**os.environ, **place.environment}
    if socket:
        environment["SENDOFF_SOCKET"] = socket
    done = subprocess.run([*as_user(user), *words], capture_output=True, text=True, env=environment, cwd="/", timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


MAIL = "echo mail($argv[1], $argv[2], $argv[3], $argv[4], $argv[5] ?? '') ? 'sent' : 'not sent';"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_php(place, gateway, mx, end):
    mark = marker()
    header = f"From: Blog <{FROM}>{end}Cc: c@dest.example.net{end}X-Mailer: PHP"
    assert php(place, MAIL, TO, "Grüße", f"Hello\n.\n{mark}\n", header) == ("sent", "")
    arrival = mx.wait_for(mark)
    assert sorted(arrival.recipients) == ["c@dest.example.net", TO] and arrival.sender == FROM
    assert values(arrival.content, "cc") == ["c@dest.example.net"]
    (event,) = [one for one in gateway.wait_event("accepted", "--from", FROM) if one["message"] and one["host"]][-1:]
    assert event["host"] == "local user www-data"


def test_php_says_whom_from(place, mx):
    mark = marker()
    assert php(place, MAIL, TO, "x", mark, "", "-fshop@example.com") == ("sent", "")
    assert mx.wait_for(mark).sender == "shop@example.com"
    mark = marker()
    assert php(place, MAIL, TO, "x", mark, "") == ("sent", ""), "nothing said: the user's own address"
    arrival = mx.wait_for(mark)
    assert values(arrival.content, "from") == ["<www-data@example.com>"]


def test_php_learns_of_a_refusal(place, gateway):
    said, shown = php(place, MAIL, TO, "x", "x", "From: ceo@bank.example")
    assert said == "not sent" and "sendmail: 553 5.7.1 blog may not send as ceo@bank.example" in shown


def test_php_learns_of_what_may_pass(place, gateway, mx):
    """75 is success to PHP; here nothing was kept."""
    gateway.add_account("limited", "--local-user", "games", "--limit", "1/day")
    mark = marker()
    assert php(place, MAIL, TO, "x", mark, f"From: {FROM}", user="games") == ("sent", "")
    said, shown = php(place, MAIL, TO, "x", "x", f"From: {FROM}", user="games")
    assert said == "not sent" and "sendmail: 452 4.7.1 limited: 1 of 1 messages today" in shown
    refused = place.run("-t", "-i", text=f"From: {FROM}\nTo: {TO}\n\nx\n", user="games")
    assert refused.returncode == 75, "to others it is what it is"
    said, shown = php(place, MAIL, TO, "x", "x", f"From: {FROM}", socket=f"{place.folder}/none")
    assert said == "not sent" and "the gateway is not running" in shown


def test_php_header_injection(place, gateway, mx):
    """A stranger's text in a header field: PHP's own checks are its own; here no field comes out of a CR alone."""
    said, shown = php(place, MAIL, TO, "x", "x", f"From: {FROM}\rBcc: victim@dest.example.net")
    assert said == "not sent" and "5.6.11" in shown


WP_MAIL = """
require $argv[1] . '/wp-load.php';
add_action('wp_mail_failed', function ($failure) { echo $failure->get_error_message(); });
echo wp_mail($argv[2], 'x', $argv[3]) ? 'sent' : '';
"""


def test_wordpress(lab, place, gateway, mx):
    """Without any plug-in: PHPMailer's isMail()."""
    folder = f"{lab.folder}/wordpress"
    site = WordPress(lab.processes, folder, lab.block.new_address(), lab.block.new_port())
    site.install(TO, FROM, "127.0.0.1", 1, "x", "x")
    with open(f"{folder}/content/mu-plugins/smtp.php", "w") as plugin:
        plugin.write(f"<?php add_filter('wp_mail_from', function () {{ return '{FROM}'; }});")
    mark = marker()
    code = f"$_SERVER['HTTP_HOST'] = '{site.host}';" + WP_MAIL
    assert php(place, code, f"{folder}/site", TO, mark, user="root", options="-t -i") == ("sent", "")
    arrival = mx.wait_for(mark)
    assert arrival.recipients == [TO] and values(arrival.content, "from") == ["WordPress <server@example.com>"]
    said, shown = php(place, code, f"{folder}/site", "r@", "x", user="root")
    assert said != "sent"


# mailx, cron, git


@pytest.mark.parametrize(
    "words",
    [
        ("bsd-mailx", "-s", "x", TO),
        ("bsd-mailx", "-s", "x", "-a", f"From: {FROM}", "-c", "c@dest.example.net", TO),
        ("mail.mailutils", "-s", "x", "-r", FROM, TO),
        ("s-nail", "-n", "-S", "sendwait", "-s", "x", TO),
        ("s-nail", "-n", "-S", "sendwait", "-r", FROM, "-s", "x", TO),
    ],
    ids=lambda words: " ".join(words[:5]),
)
def test_mailx(mailers, mx, words):
    mark = marker()
    done = mailers.run("env", "HOME=/tmp", *words, text=f"Hello\n.x\n{mark}\n")
    assert done.returncode == 0, done.stderr
    arrival = mx.wait_for(mark)
    assert TO in arrival.recipients and arrival.sender in (FROM, "www-data@example.com")
    assert b"\r\n.x\r\n" in arrival.content


def test_mailx_shows_a_refusal(mailers):
    done = mailers.run("env", "HOME=/tmp", "bsd-mailx", "-s", "x", "-a", "From: ceo@bank.example", TO, text="x\n")
    assert "blog may not send as ceo@bank.example" in done.stderr + done.stdout


def test_cron(lab, mailers, mx):
    mark = marker()
    mailers.write("/etc/crontab", f"@reboot root echo {mark}; echo .; echo end\nMAILTO={TO}\n@reboot www-data echo {mark}-web\n")
    os.chown(mailers.path("/etc/crontab"), 0, 0)
    daemon = lab.processes.start(mailers.command("cron", "-f", user="root"), f"{mailers.folder}/cron.log")
    try:
        arrival = mx.wait_for(f"{mark}\r\n.\r\nend")
        assert arrival.recipients == [TO] and arrival.sender == "server@example.com", "root's alias; the account's address"
        assert "server@example.com" in values(arrival.content, "from")[0]
        assert "Cron <root@" in values(arrival.content, "subject")[0]
        web = mx.wait_for(f"{mark}-web")
        assert web.sender == "root@example.com" and web.recipients == [TO], "From is root's, as cron has it"
    finally:
        daemon.kill()


def test_git_send_email(mailers, mx, place):
    mark = marker()
    patch = f"From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom: A <{FROM}>\nDate: Sat, 28 Nov 2026 09:00:00 +0000\nSubject: [PATCH] x\n\n{mark}\n---\n"
    with open(f"{place.folder}/x.patch", "w") as file:
        file.write(patch)
    words = ["git", "send-email", "--confirm=never", "--suppress-cc=all", f"--from={FROM}", f"--to={TO}", "/mnt/x.patch"]
    done = mailers.run("env", "HOME=/tmp", "GIT_CONFIG_NOSYSTEM=1", *(f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME=A", f"EMAIL={FROM}")), "sh", "-c", 'cd /tmp && git init -q . && exec "$@"', "sh", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert mx.wait_for(mark).recipients == [TO]


def test_mutt(place, gateway, mx):
    mark = marker()
    words = ["mutt", "-n", "-F", "/dev/null", "-e", f'set sendmail="{place.sendmail} -oem -oi"', "-e", "set copy=no"]
    words += ["-e", f"set from={FROM}", "-e", "set use_envelope_from=yes", "-e", "set dsn_notify=failure", "-s", "x", "--", TO]
    done = subprocess.run(
        [*as_user("www-data"), *words],
        input=f"{mark}\n.\nmore\n",
        text=True,
        capture_output=True,
        env={**os.environ, **place.environment, "HOME": "/tmp", "TMPDIR": "/tmp", "TERM": "dumb"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"\r\n.\r\nmore" in mx.wait_for(mark).content
    words[words.index(f"set from={FROM}")] = "set from=ceo@bank.example"
    done = subprocess.run(
        [*as_user("www-data"), *words],
        input="x\n",
        text=True,
        capture_output=True,
        env={**os.environ, **place.environment, "HOME": "/tmp", "TMPDIR": "/tmp", "TERM": "dumb"},
    )
    assert done.returncode != 0 and "may not send as" in done.stdout + done.stderr
