"""Clients that people have: swaks, curl, msmtp (GnuTLS) and Nodemailer; WordPress has a file of its own."""

import json
import os
import subprocess

import pytest

from sendoff_test.letters import letter, marker, values

TO = "reader@dest.example.net"
FROM = "news@example.com"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("clients")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net", utf8=True)


def run(*words, text=None, env=None):
    done = subprocess.run(list(map(str, words)), input=text, capture_output=True, timeout=60, env=env)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


def swaks(gateway, account, tls, *options):
    """Sends a letter; returns its marker."""
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["swaks", "--server", host, "--port", port, "--helo", "client.example", *options]
    words += ["--auth-user", account.name, "--auth-password", account.password]
    run(*words, "--from", FROM, "--to", TO, "--body", mark)
    return mark


@pytest.mark.parametrize("tls, option", [("starttls", "--tls"), ("implicit", "--tls-on-connect")])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks(gateway, account, recipient, tls, option, mechanism):
    assert recipient.wait_for(swaks(gateway, account, tls, option, "--auth", mechanism)).sender == FROM


def test_swaks_pipelining(gateway, account, recipient):
    recipient.wait_for(swaks(gateway, account, "implicit", "--tls-on-connect", "--auth", "PLAIN", "--pipeline"))


@pytest.mark.parametrize("tls, scheme", [("starttls", "smtp"), ("implicit", "smtps")])
def test_curl(gateway, account, recipient, tls, scheme):
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["curl", "--silent", "--show-error", "--insecure", "--ssl-reqd", f"{scheme}://{host}:{port}/client.example"]
    words += ["--user", f"{account.name}:{account.password}", "--mail-from", FROM, "--mail-rcpt", TO, "--upload-file", "-"]
    run(*words, text=letter(FROM, TO, mark + "\r\n"))
    recipient.wait_for(mark)


@pytest.mark.parametrize("tls, starttls", [("starttls", "on"), ("implicit", "off")])
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
def test_msmtp(gateway, account, recipient, tls, starttls, mechanism):
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["msmtp", f"--host={host}", f"--port={port}", "--tls=on", f"--tls-starttls={starttls}", "--tls-certcheck=off"]
    words += [f"--auth={mechanism}", f"--user={account.name}", "--passwordeval", f"echo {account.password}"]
    words += ["--domain=client.example", f"--from={FROM}", "--dsn-notify=failure,delay", "--dsn-return=headers"]
    run(*words, TO, text=letter(FROM, TO, mark + "\n").replace(b"\r\n", b"\n"))
    arrival = recipient.wait_for(mark)
    assert arrival.sender == FROM and arrival.body == mark.encode() + b"\r\n"


NODEMAILER = """
const options = JSON.parse(process.argv[1]);
const transport = require('nodemailer').createTransport(options.transport);
transport.sendMail(options.message, (failure, info) => {
  if (failure) { console.error(failure); process.exit(1); }
  console.log(info.response);
  transport.close();
});
"""


def run_nodemailer(gateway, account, tls, message):
    host, port = gateway.endpoint(tls)
    transport = {
        "host": host,
        "port": port,
        "secure": tls == "implicit",
        "requireTLS": tls == "starttls",
        "name": "client.example",
        "auth": {"user": account.name, "pass": account.password},
        "tls": {"rejectUnauthorized": False},
    }
    found = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}  # where Debian keeps its modules
    words = ["node", "-e", NODEMAILER, json.dumps({"transport": transport, "message": message})]
    return subprocess.run(words, capture_output=True, timeout=60, env=found, text=True)


def nodemailer(gateway, account, tls, message):
    done = run_nodemailer(gateway, account, tls, message)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_nodemailer(gateway, account, recipient, tls):
    mark = marker()
    message = {"from": f"News <{FROM}>", "to": TO, "bcc": "hidden@dest.example.net", "subject": "Grüße", "text": mark}
    message |= {"html": "<p>Grüße</p>", "attachments": [{"filename": "a.bin", "content": "0" * 100_000}]}
    assert nodemailer(gateway, account, tls, message).startswith("250 2.0.0 accepted as ")
    arrival = recipient.wait_for(mark)
    assert sorted(arrival.recipients) == ["hidden@dest.example.net", TO]
    assert not values(arrival.content, "Bcc")


def test_nodemailer_with_a_utf8_address(gateway, account, recipient):
    """It says SMTPUTF8 by itself when an address needs it."""
    mark = marker()
    nodemailer(gateway, account, "starttls", {"from": FROM, "to": "jörg@dest.example.net", "subject": "x", "text": mark})
    arrival = recipient.wait_for(mark)
    assert arrival.recipients == ["jörg@dest.example.net"]
    assert "SMTPUTF8" in arrival.options


# What they show their users of a refusal: the text of the reply, with the reference, where a person reads it.

PHPMAILER = """
$options = json_decode($argv[1], true);
foreach (array('Exception', 'SMTP', 'PHPMailer') as $class) {
    require "/usr/share/wordpress/wp-includes/PHPMailer/$class.php";
}
$mailer = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mailer->isSMTP();
$mailer->SMTPAuth = true;
$mailer->SMTPSecure = 'tls';
$mailer->SMTPOptions = array('ssl' => array('verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true));
foreach ($options['set'] as $name => $value) {
    $mailer->$name = $value;
}
$mailer->setFrom($options['from'], '', false);
foreach ($options['to'] as $to) {
    $mailer->addAddress($to);
}
if (isset($options['header'])) {
    $mailer->addCustomHeader($options['header']);
}
$mailer->Subject = 'x';
$mailer->Body = 'Hello.';
try {
    $mailer->send();
} catch (Exception $failure) {
    echo $options['info'] ? $mailer->ErrorInfo : $failure->getMessage();
}
"""


def phpmailer(gateway, account, sender=FROM, to=TO, path=FROM, header=None, info=True):
    """Its ErrorInfo, which most print, or the exception's message, which WordPress takes."""
    host, port = gateway.endpoint("starttls")
    setting = {"Host": host, "Port": port, "Username": account.name, "Password": account.password, "Sender": path}
    options = {"set": setting, "from": sender, "to": [to], "info": info, **({"header": header} if header else {})}
    return run("php", "-r", PHPMAILER, "--", json.dumps(options))


def nodemailer_says(gateway, account, sender=FROM, to=TO, path=FROM, header=None):
    envelope = {"from": path, "to": [to]}
    message = {"from": sender, "to": to, "envelope": envelope, "subject": "x", "text": "Hello."}
    if header:
        name, _, value = header.partition(": ")
        # It writes Sender by an option of its own.
        message |= {"sender": value} if name == "Sender" else {"headers": {name: value}}
    done = run_nodemailer(gateway, account, "starttls", message)
    return done.stdout + done.stderr


def swaks_says(gateway, account, sender=FROM, to=TO, path=FROM, header=None):
    host, port = gateway.endpoint("starttls")
    words = ["swaks", "--server", host, "--port", str(port), "--helo", "client.example", "--tls", "--auth", "PLAIN"]
    words += ["--auth-user", account.name, "--auth-password", account.password, "--from", path, "--to", to]
    words += ["--h-From", sender, *(["--add-header", header] if header else [])]
    return subprocess.run(words, capture_output=True, timeout=60, text=True).stdout


CLIENTS = {"PHPMailer": phpmailer, "Nodemailer": nodemailer_says, "swaks": swaks_says}
BOSS = "boss@bank.example"


@pytest.fixture(scope="module")
def restricted(gateway):
    return gateway.add_account("site", "--to", "dest.example.net")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "given, shown",
    [
        ({"to": "x@else.example"}, "site may not write to x@else.example; allowed: dest.example.net. sendoff why "),
        ({"path": BOSS}, f"site may not send as {BOSS}; allowed: example.com. sendoff why "),
        ({"sender": BOSS}, f"site may not send with From: {BOSS}; allowed: example.com. sendoff why "),
        ({"header": f"Sender: {BOSS}"}, f"site may not send with Sender: {BOSS}; allowed: example.com. sendoff why "),
        ({"header": "X-Sendoff-Stream: news"}, 'X-Sendoff-Stream is "news"; write transactional or bulk. sendoff why '),
    ],
    ids=["recipient", "reverse-path", "From", "Sender", "stream"],
)
def test_what_the_user_is_shown(gateway, restricted, recipient, client, given, shown):
    text = " ".join(CLIENTS[client](gateway, restricted, **given).split())
    assert shown in text, text


def test_what_phpmailer_s_exception_says(gateway, restricted, recipient):
    """The text of MAIL and of RCPT, and nothing of what came behind the content: that is in ErrorInfo, and in the log."""
    assert "site may not write to x@else.example" in phpmailer(gateway, restricted, to="x@else.example", info=False)
    assert f"site may not send as {BOSS}" in phpmailer(gateway, restricted, path=BOSS, info=False)
    shown = phpmailer(gateway, restricted, sender="ceo@bank.example", info=False)
    assert shown == "SMTP Error: data not accepted."
    refused = gateway.log("--account", "site", "--event", "refused")
    assert any("site may not send with From: ceo@bank.example" in event["text"] for event in refused)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_the_user_is_shown_of_a_limit(gateway, recipient, client):
    account = gateway.add_account(f"limited-{client.lower()}", "--limit", "1/day")
    CLIENTS[client](gateway, account)
    text = " ".join(CLIENTS[client](gateway, account).split())
    assert f"{account.name}: 1 of 1 messages today; resets " in text and "sendoff why " in text, text
