"""Applications' own mailers, driven as applications drive them: PHPMailer, Nodemailer and swaks. What they say of a message
is what people see of it."""

import json
import os
import subprocess
from dataclasses import dataclass


@dataclass
class Mail:
    """`sender`: in From; `path`: the reverse-path; `header`: one more field."""

    sender: str
    to: list
    path: str
    header: str = ""


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


def phpmailer_says(gateway, account, mail, info=True):
    """Its ErrorInfo, which most print, or the exception's message, which WordPress takes; "" when it was sent."""
    host, port = gateway.endpoint("starttls")
    setting = {"Host": host, "Port": port, "Username": account.name, "Password": account.password, "Sender": mail.path}
    options = {"set": setting, "from": mail.sender, "to": mail.to, "info": info}
    options |= {"header": mail.header} if mail.header else {}
    done = subprocess.run(["php", "-r", PHPMAILER, "--", json.dumps(options)], capture_output=True, timeout=60, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def nodemailer_says(gateway, account, mail):
    """The error that it hands to the application; the last reply, when it was sent to anybody."""
    envelope = {"from": mail.path, "to": mail.to}
    message = {"from": mail.sender, "to": mail.to, "envelope": envelope, "subject": "x", "text": "Hello."}
    if mail.header:
        name, _, value = mail.header.partition(": ")
        # It writes Sender by an option of its own.
        message |= {"sender": value} if name == "Sender" else {"headers": {name: value}}
    done = run_nodemailer(gateway, account, "starttls", message)
    return done.stdout + done.stderr


def swaks_says(gateway, account, mail):
    """The whole session."""
    host, port = gateway.endpoint("starttls")
    words = ["swaks", "--server", host, "--port", str(port), "--helo", "client.example", "--tls", "--auth", "PLAIN"]
    words += ["--auth-user", account.name, "--auth-password", account.password, "--from", mail.path]
    words += ["--to", ",".join(mail.to), "--h-From", mail.sender, *(["--add-header", mail.header] if mail.header else [])]
    return subprocess.run(words, capture_output=True, timeout=60, text=True).stdout
