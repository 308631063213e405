"""Dovecot as somebody's submission server (dovecot-submissiond): its own SASL, TLS and SMTP, in front of a relay."""

import os
import shutil

from .processes import greets, wait_until

CONFIG = """
protocols = submission
listen = {address}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = games
first_valid_uid = 1
hostname = {name}
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
auth_mechanisms = {mechanisms}
auth_verbose = yes
auth_username_chars =
mail_location = maildir:{folder}/mail
passdb {{
  driver = {driver}
  args = {arguments}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
submission_relay_host = {relay_address}
submission_relay_port = {relay_port}
submission_relay_trusted = yes
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
  inet_listener submissions {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    """Listening, for `passwords` ({user: password}); what it takes goes to `relay`, an exchanger."""

    def __init__(self, lab, name, relay, mechanisms, passwords=None, oauth2=None):
        assert shutil.which("dovecot", path="/usr/sbin"), "there is no dovecot: run deploy/install-packages test"
        self.name, self.address = name, lab.block.new_address()
        self.port, self.tls_port = lab.block.new_port(), lab.block.new_port()
        self.folder = f"{lab.folder}/dovecot-{self.port}"
        os.makedirs(f"{self.folder}/mail")
        os.chmod(lab.folder, 0o711)
        os.chown(f"{self.folder}/mail", 65534, 65534)
        certificate, key = lab.authority.certificate(name)
        with open(f"{self.folder}/users", "w") as users:
            users.writelines(f"{user}:{{PLAIN}}{password}\n" for user, password in (passwords or {}).items())
        driver, arguments = ("oauth2", oauth2) if oauth2 else ("passwd-file", f"{self.folder}/users")
        with open(f"{self.folder}/conf", "w") as config:
            config.write(
                CONFIG.format(
                    **{"address": self.address, "folder": self.folder, "name": name, "certificate": certificate, "key": key},
                    **{"mechanisms": " ".join(mechanisms), "driver": driver, "arguments": arguments, "uid": 65534},
                    **{"gid": 65534, "relay_address": relay.address, "relay_port": relay.port},
                    **{"port": self.port, "tls_port": self.tls_port},
                )
            )
        lab.dns.set(name, "A", self.address)
        self.process = lab.processes.start(["/usr/sbin/dovecot", "-F", "-c", f"{self.folder}/conf"], f"{self.folder}/out")
        wait_until(self._ready, "dovecot listens", timeout=20)

    def _ready(self):
        assert self.process.running(), self.process.output() + self.log()
        return greets((self.address, self.port))

    def log(self):
        try:
            with open(f"{self.folder}/log") as log:
                return log.read()
        except FileNotFoundError:
            return ""
