"""A WordPress with Sendoff's own plugin: its constants, PHP inside the site, and people with a browser."""

import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

from .wordpress import WordPress

PLUGIN = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../../deploy/wordpress/sendoff.php"))

# Whatever PHP or WordPress complains about is in debug.log.
DEBUG = {"WP_DEBUG": True, "WP_DEBUG_DISPLAY": False}

INSIDE = """
$_SERVER['HTTP_HOST'] = '{host}';
$_SERVER['REQUEST_URI'] = '{path}';
require '{folder}/site/wp-load.php';
$in = json_decode(stream_get_contents(STDIN), true);
$result = (function ($in) {{ {code} }})($in);
fwrite(STDOUT, json_encode($result));
"""

# wp_mail() as a form or a shop calls it; `kept`: what the plugin has kept of it, and what it advises.
WP_MAIL = """
delete_option('sendoff_refusals');
$out = array('error' => '', 'data' => null);
add_action('wp_mail_failed', function ($failure) use (&$out) {
    $out['error'] = $failure->get_error_message();
    $out['data'] = $failure->get_error_data();
});
foreach ($in['calls'] as $call) {
    $out['sent'] = wp_mail($call['to'], $call['subject'], $call['message'], $call['headers'], $call['attachments']);
}
$out['kept'] = array_map(function ($one) {
    return $one + array('advice' => Sendoff_Refusals::advice($one));
}, get_option('sendoff_refusals', array()));
return $out;
"""


NETWORK = """
global $wpdb;
define('WP_INSTALLING_NETWORK', true);
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
foreach ($wpdb->tables('ms_global') as $table => $name) {
    $wpdb->$table = $name;
}
install_network();
$done = populate_network(1, $in['host'], $in['admin'], 'Network', '/', false);
return is_wp_error($done) ? $done->get_error_messages() : $done;
"""

# WordPress takes the colon out of a host with a port.
SECOND_SITE = """
global $wpdb;
$id = wpmu_create_blog($in['host'], '/second/', 'Second', $in['owner']);
return $wpdb->update($wpdb->blogs, array('domain' => $in['host']), array('blog_id' => $id));
"""


class PluginSite(WordPress):
    def __init__(self, processes, folder, address, port):
        self._constants = {**DEBUG, "WP_DEBUG_LOG": f"{folder}/debug.log"}
        super().__init__(processes, folder, address, port)

    def install_plugin(self, where="plugins"):
        os.makedirs(f"{self.folder}/content/{where}", exist_ok=True)
        shutil.copy(PLUGIN, f"{self.folder}/content/{where}/sendoff.php")
        if where == "plugins":
            code = "require_once ABSPATH . 'wp-admin/includes/plugin.php'; return activate_plugin('sendoff.php', '', is_multisite());"
            assert self.inside(code) is None

    def make_network(self, admin):
        """Two sites: / and /second/, which its administrator `owner` has, who is not the network's."""
        self.inside(NETWORK, host=self.host, admin=admin)
        self._constants |= {"MULTISITE": True, "SUBDOMAIN_INSTALL": False, "DOMAIN_CURRENT_SITE": self.host}
        self._constants |= {"PATH_CURRENT_SITE": "/", "SITE_ID_CURRENT_SITE": 1, "BLOG_ID_CURRENT_SITE": 1}
        self.define()
        owner = self.add_user("owner", "")
        assert self.inside(SECOND_SITE, host=self.host, owner=owner) == 1

    def define(self, **constants):
        """What wp-config.php defines from now on."""
        text = "<?php\n"
        for name, value in {**self._constants, **constants}.items():
            text += f"define('{name}', json_decode('{json.dumps(value)}', true));\n"
        with open(f"{self.folder}/constants.new", "w") as file:
            file.write(text)
        os.rename(f"{self.folder}/constants.new", f"{self.folder}/constants.php")

    def inside(self, code, path="/", **given):
        """Runs PHP in the site, which has $in, and returns what it returns. `path`: of which site of a network."""
        words = ["php", "-d", "error_reporting=-1", "-d", "error_log=/dev/null", "-r"]
        words.append(INSIDE.format(host=self.host, folder=self.folder, path=path, code=code))
        done = subprocess.run(words, input=json.dumps(given), capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def wp_mail(self, to, subject="x", message="Hello.", headers=(), attachments=(), before="", times=1, path="/"):
        """{sent, error, data} of the last of them, and all that is {kept}. `before`: PHP that runs first."""
        call = {"to": to, "subject": subject, "message": message, "headers": list(headers), "attachments": list(attachments)}
        return self.inside(before + WP_MAIL, path, calls=[call] * times)

    def option(self, name, path="/"):
        return self.inside("return get_option($in['name'], null);", path, name=name)

    def forget(self):
        self.inside("delete_option('sendoff_refusals'); delete_metadata('user', 0, 'sendoff_seen', '', true); return 0;")

    def add_user(self, name, role):
        code = "return wp_insert_user(array('user_login' => $in['name'], 'user_pass' => 'first-password', 'user_email' => $in['name'] . '@example.com', 'role' => $in['role']));"
        return self.inside(code, name=name, role=role)

    def complaints(self):
        """Of PHP, about the plugin's code."""
        try:
            with open(f"{self.folder}/debug.log") as log:
                return [line for line in log if "sendoff.php" in line]
        except FileNotFoundError:
            return []

    def browser(self, user):
        return Browser(self.url, user)


class Browser:
    """A person who has logged in."""

    def __init__(self, url, user, password="first-password"):
        self.url = url
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self.get("/wp-login.php")
        page = self.post("/wp-login.php", {"log": user, "pwd": password, "testcookie": "1", "wp-submit": "Log In"})
        assert any(cookie.name.startswith("wordpress_logged_in_") for cookie in jar), page.text[-2000:]

    def get(self, path, headers=None):
        return self._open(urllib.request.Request(self._at(path), headers=headers or {}))

    def post(self, path, fields):
        return self._open(urllib.request.Request(self._at(path), urllib.parse.urlencode(fields).encode()))

    def submit(self, page, action, **fields):
        """Fills in the form of that action, as it came, and sends it."""
        (form,) = [one for one in page.forms() if one.get("action") == action]
        return self.post("/wp-admin/admin-post.php", {**form, **fields})

    def rest(self, path):
        """What the administration's JavaScript gets."""
        nonce = self.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        return self.get(f"/index.php?rest_route={path}", {"X-WP-Nonce": nonce})

    def _at(self, path):
        return path if path.startswith("http") else self.url + path

    def _open(self, request):
        try:
            with self._opener.open(request, timeout=120) as answer:
                return Page(answer.status, answer.geturl(), answer.read().decode())
        except urllib.error.HTTPError as refused:
            return Page(refused.code, refused.geturl(), refused.read().decode())


class Page:
    def __init__(self, status, url, text):
        self.status, self.url, self.text = status, url, text

    def forms(self):
        """Each form's fields: name and value."""
        reader = _Forms()
        reader.feed(self.text)
        return reader.forms

    def link(self, name):
        """Where the link of that class leads to."""
        return re.search(rf'<a class="{name}" href="([^"]+)"', self.text)[1].replace("&#038;", "&").replace("&amp;", "&")


class _Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms, self._select = [], None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.forms.append({})
        elif not self.forms or "disabled" in given:
            return
        elif tag == "input" and given.get("name"):
            self.forms[-1][given["name"]] = given.get("value", "")
        elif tag == "select":
            self._select = given.get("name")
        elif tag == "option" and "selected" in given and self._select:
            self.forms[-1][self._select] = given.get("value", "")


def new_site(lab):
    """One of that lab, set up; the plugin is not in it yet."""
    made = PluginSite(lab.processes, f"{lab.folder}/wordpress", lab.block.new_address(), lab.block.new_port())
    made.define()
    made.set_up("boss@dest.example.net")
    return made
