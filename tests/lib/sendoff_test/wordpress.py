"""A real WordPress (Debian's package) that sends its mail through a gateway: MariaDB in a folder of its own, PHP's own
web server, and the few lines that any SMTP plug-in comes down to."""

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request

from .processes import wait_until

PACKAGE = "/usr/share/wordpress"

CONFIG = """<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}');
define('WP_CONTENT_DIR', '{folder}/content');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_HOME', '{url}');
define('WP_SITEURL', '{url}');
if (file_exists('{folder}/constants.php')) {{ require '{folder}/constants.php'; }}
$table_prefix = 'wp_';
define('ABSPATH', '{folder}/site/');
require_once ABSPATH . 'wp-settings.php';
"""

# What an operator types into WP Mail SMTP, FluentSMTP and the like, as WordPress itself takes it; of mail that failed, they
# show what WordPress says.
PLUGIN = """<?php
add_action('phpmailer_init', function ($mailer) {{
    $mailer->isSMTP();
    $mailer->Host = '{host}';
    $mailer->Port = {port};
    $mailer->SMTPAuth = true;
    $mailer->SMTPSecure = 'tls';
    $mailer->Username = '{user}';
    $mailer->Password = '{password}';
    $mailer->SMTPOptions = array('ssl' => array({tls}));
}});
add_filter('wp_mail_from', function () {{ return '{sender}'; }});
add_action('wp_mail_failed', function ($failure) {{ error_log('mail failed: ' . $failure->get_error_message()); }});
"""

TRIAL = "'verify_peer' => false, 'verify_peer_name' => false, 'allow_self_signed' => true"  # as README has it

INSTALL = """
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '{host}';
require '{folder}/site/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_wp_mail', '__return_true');
wp_install('Shop', 'admin', '{admin}', true, '', 'first-password');
"""


# A plug-in of the site that sends mail itself, as forms and shops do. The SMTP plug-in's account is replaced.
WP_MAIL = """
$_SERVER['HTTP_HOST'] = '{host}';
require '{folder}/site/wp-load.php';
$options = json_decode($argv[1], true);
add_action('phpmailer_init', function ($mailer) use ($options) {{
    $mailer->Username = $options['user'];
    $mailer->Password = $options['password'];
    $mailer->Sender = $options['path'];
}}, 99);
add_filter('wp_mail_from', function () use ($options) {{ return $options['sender']; }}, 99);
add_action('wp_mail_failed', function ($failure) {{ fwrite(STDOUT, $failure->get_error_message()); }});
$sent = wp_mail($options['to'], 'x', 'Hello.', $options['header'] ? array($options['header']) : array());
fwrite(STDOUT, $sent ? 'sent' : '');
"""


class WordPress:
    def __init__(self, processes, folder, address, port):
        self.folder, self.host = folder, f"{address}:{port}"
        self.url = f"http://{self.host}"
        self._socket = f"{folder}/db.sock"
        self._processes = processes
        os.makedirs(f"{folder}/content/mu-plugins")
        self._start_database()
        self._lay_out_site()
        self._web = processes.start(["php", "-d", "opcache.revalidate_freq=0", "-S", self.host, "-t", f"{folder}/site"], f"{folder}/web.log")

    def install(self, admin, sender, host, port, user, password, roots=None):
        """The famous five minutes: the site with its one user, and its SMTP settings. `roots`: whom it trusts with the
        gateway's certificate; without, it does not verify."""
        tls = f"'cafile' => '{roots}', 'peer_name' => 'smtp.example.com'" if roots else TRIAL
        with open(f"{self.folder}/content/mu-plugins/smtp.php", "w") as plugin:
            plugin.write(PLUGIN.format(host=host, port=port, user=user, password=password, sender=sender, tls=tls))
        self.set_up(admin)

    def set_up(self, admin):
        """The site with its one user, and no way to send mail."""
        code = INSTALL.format(folder=self.folder, host=self.host, admin=admin)
        done = subprocess.run(["php", "-r", code], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        wait_until(self._answers, "WordPress answers")

    def mail(self, account, mail):
        """What wp_mail() comes to: "sent", or the message of its WP_Error."""
        options = {"user": account.name, "password": account.password, "path": mail.path, "sender": mail.sender}
        options |= {"to": mail.to, "header": mail.header}
        code = WP_MAIL.format(host=self.host, folder=self.folder)
        words = ["php", "-d", "error_log=/dev/null", "-r", code, "--", json.dumps(options)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def lost_password(self, user):
        """What a person does who pressed "Lost your password?". The address that the form led to."""
        return self._ask_for_password(user)[0]

    def lost_password_page(self, user):
        """The page that it led to."""
        return self._ask_for_password(user)[1]

    def failures(self):
        """What it told plug-ins of mail that failed, oldest first."""
        return [line.partition("mail failed: ")[2] for line in self.output().splitlines() if "mail failed: " in line]

    def _ask_for_password(self, user):
        form = urllib.parse.urlencode({"user_login": user, "redirect_to": "", "wp-submit": "Get New Password"}).encode()
        with urllib.request.urlopen(f"{self.url}/wp-login.php?action=lostpassword", form, timeout=60) as page:
            return page.geturl(), page.read().decode()

    def output(self):
        return self._web.output()

    def _start_database(self):
        data = f"{self.folder}/db"
        # Started as root, the server must be told that this is meant.
        user = ["--user=root"] if os.geteuid() == 0 else []
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", *user]
        subprocess.run(
            [*install, "--auth-root-authentication-method=normal"], check=True, capture_output=True, timeout=120
        )
        server = [shutil.which("mariadbd", path="/usr/sbin:/usr/bin"), "--no-defaults", f"--datadir={data}", *user]
        options = ["--skip-networking", f"--socket={self._socket}", f"--pid-file={self.folder}/db.pid"]
        options += ["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"]
        self._processes.start(server + options, f"{self.folder}/db.log")
        wait_until(self._make_database, "MariaDB answers", timeout=60)

    def _make_database(self):
        words = ["mariadb", "--no-defaults", "-S", self._socket, "-u", "root"]
        made = subprocess.run([*words, "-e", "CREATE DATABASE IF NOT EXISTS wordpress"], capture_output=True)
        return made.returncode == 0

    def _lay_out_site(self):
        """Debian's files under a document root with a wp-config.php of our own: Debian's looks in /etc."""
        site = f"{self.folder}/site"
        shutil.copytree(
            PACKAGE,
            site,
            symlinks=False,
            ignore=shutil.ignore_patterns("wp-config.php", "wp-content", "languages", ".htaccess"),
        )
        with open(f"{site}/wp-config.php", "w") as config:
            config.write(CONFIG.format(socket=self._socket, folder=self.folder, url=self.url))

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/wp-login.php", timeout=30) as page:
                return page.status == 200
        except OSError:
            return False
