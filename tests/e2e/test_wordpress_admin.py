"""What the owner of a WordPress site sees of Sendoff's plugin, with a browser: settings, Site Health, notices, the test
message, privacy tools; and what others do not."""

import os
import re

import pytest

from sendoff_test.wordpress_plugin import new_site

FROM = "shop@example.com"
NAME = "smtp.example.com"
PAGE = "/wp-admin/options-general.php?page=sendoff"
HEALTH = "/sendoff/v1/site-health"


@pytest.fixture(scope="module")
def gateway(lab):
    certificate, key = lab.authority.certificate(NAME)
    return lab.gateway(certificate=certificate, key=key)


@pytest.fixture(scope="module")
def account(lab, gateway):
    lab.exchanger("dest.example.net")
    return gateway.add_account("shop", "--to", "dest.example.net")


@pytest.fixture(scope="module")
def site(lab):
    made = new_site(lab)
    made.install_plugin()
    made.add_user("reader", "subscriber")
    yield made
    assert not made.complaints()


@pytest.fixture(scope="module")
def owner(site):
    return site.browser("admin")


@pytest.fixture(scope="module")
def reader(site):
    return site.browser("reader")


def settings(lab, gateway, account):
    """Without the prefix of constants and of fields."""
    host, port = gateway.endpoint()
    found = {"host": host, "port": port, "tls": "starttls", "user": account.name, "password": account.password}
    return found | {"from": FROM, "ca_file": lab.authority.roots, "tls_name": NAME, "timeout": 60}


def define(site, lab, gateway, account, **more):
    found = {f"SENDOFF_{name.upper()}": value for name, value in settings(lab, gateway, account).items()}
    site.define(**{**found, **more})


@pytest.fixture
def shop(site, lab, gateway, account):
    define(site, lab, gateway, account)
    site.forget()
    return site


def test_settings_by_the_form(site, lab, gateway, account, owner):
    site.define()
    page = owner.get(PAGE)
    assert page.status == 200, page.text[-2000:]
    found = {f"sendoff_{name}": value for name, value in settings(lab, gateway, account).items()}
    saved = owner.submit(page, "sendoff_save", **found)
    assert "Saved." in saved.text and account.password not in saved.text
    assert site.wp_mail("r@dest.example.net", "by the form")["sent"]
    # The password stays when it is left out, and is nowhere to be read.
    saved = owner.submit(owner.get(PAGE), "sendoff_save", sendoff_from_name="The shop")
    assert account.password not in saved.text and 'value="The shop"' in saved.text
    assert site.option("sendoff")["password"] == account.password
    assert account.password not in owner.get("/wp-admin/site-health.php?tab=debug").text
    get = "global $wpdb; return $wpdb->get_var(\"SELECT autoload FROM $wpdb->options WHERE option_name = 'sendoff'\");"
    assert site.inside(get) == "no"


def test_a_form_is_cleaned(site, owner):
    site.define()
    typed = {"sendoff_host": "<b>smtp.example.com</b>/", "sendoff_port": "99999", "sendoff_tls": "never", "sendoff_from": "no address"}
    page = owner.submit(owner.get(PAGE), "sendoff_save", **typed, sendoff_from_name='"><script>alert(1)</script>', sendoff_timeout="0")
    assert "is no good: Gateway, Port, From." in page.text
    kept = site.option("sendoff")
    assert (kept["host"], kept["port"], kept["tls"], kept["from"], kept["timeout"]) == ("", "", "starttls", "", 30)
    assert "<script>alert(1)" not in owner.get(PAGE).text


def test_who_may_save(site, owner, reader):
    site.define()
    before = site.option("sendoff")
    form = {"action": "sendoff_save", "sendoff_host": "evil.example"}
    assert owner.post("/wp-admin/admin-post.php", form).status == 403  # no nonce: from another site
    (whole,) = [one for one in owner.get(PAGE).forms() if one.get("action") == "sendoff_save"]
    assert reader.post("/wp-admin/admin-post.php", {**whole, **form}).status == 403
    assert owner.post("/wp-admin/admin-post.php", {**whole, **form, "network": "1"}).status == 403  # is none
    assert reader.get(PAGE).status == 403
    assert site.option("sendoff") == before


def test_constants_win_and_cannot_be_edited(shop, owner, gateway, account):
    page = owner.get(PAGE)
    assert "SENDOFF_HOST in wp-config.php" in page.text and "SENDOFF_PASSWORD in wp-config.php" in page.text
    assert account.password not in page.text
    (fields,) = [one for one in page.forms() if one.get("action") == "sendoff_save"]
    assert "sendoff_host" not in fields and "sendoff_from_name" in fields
    owner.submit(page, "sendoff_save", sendoff_host="evil.example", sendoff_password="x")
    assert shop.inside("return Sendoff_Settings::get('host');") == gateway.endpoint()[0]
    assert "password" not in shop.option("sendoff")  # what wp-config.php has does not stay in the database


# Site Health.


def test_health_is_good(shop, owner, account):
    answer = owner.rest(HEALTH)
    assert answer.status == 200 and '"status":"good"' in answer.text, answer.text
    for step in ("Connected to ", "TLSv1.", "Logged in as shop.", f"may send as {FROM}."):
        assert step in answer.text, answer.text
    assert account.password not in answer.text


ILL = {
    "password": ({"SENDOFF_PASSWORD": "wrong-wrong"}, "refuses the login", "535 5.7.8 user name or password is wrong", "sendoff account password shop"),
    "From": ({"SENDOFF_FROM": "a@example.org"}, "refuses this site", "553 5.7.1 shop may not send as a@example.org", "--add-sender"),
    "certificate": ({"SENDOFF_CA_FILE": ""}, "certificate is not trusted", "certificate verify failed", "certbot certonly"),
    "host": ({"SENDOFF_HOST": "gateway.invalid"}, "cannot be reached", "getaddrinfo", "sendoff status"),
    "no password": ({"SENDOFF_PASSWORD": ""}, "cannot send with these settings", "password is missing", "SENDOFF_PASSWORD"),
    "no address": ({"SENDOFF_FROM": "nobody"}, "cannot send with these settings", "SENDOFF_FROM is no mail address"),
    "file": ({"SENDOFF_CA_FILE": "/nowhere.pem"}, "cannot send with these settings", "PHP cannot read SENDOFF_CA_FILE", "certificate.pem"),
}


@pytest.mark.parametrize("what", ILL)
def test_health_says_what_is_wrong(lab, gateway, account, site, owner, what):
    more, *texts = ILL[what]
    define(site, lab, gateway, account, **more)
    answer = owner.rest(HEALTH)
    assert '"status":"critical"' in answer.text, answer.text
    for text in texts:
        assert text in answer.text.replace("\\/", "/"), (text, answer.text)


def test_health_is_not_for_everybody(shop, owner, reader):
    assert reader.rest(HEALTH).status in (401, 403)
    assert owner.get(f"/index.php?rest_route={HEALTH}").status in (401, 403)  # no nonce


def test_health_finds_others(shop):
    ask = "return Sendoff_Health::settings();"
    found = shop.inside(ask)
    assert found["status"] == "good" and "no other plugin sends mail" in found["description"], found
    others = {
        "add_action('phpmailer_init', function ($m) { $m->Mailer = 'mail'; });": "mu-plugins/other.php uses the hook phpmailer_init.",
        "add_filter('pre_wp_mail', array('Other', 'send')); class Other { static function send() { return true; } }": "mu-plugins/other.php uses the hook pre_wp_mail.",
        "define('FLUENTMAIL', 1);": "FluentSMTP is active.",
        "function wp_mail() { return false; }": "mu-plugins/other.php replaces wp_mail(), so that no mail comes to Sendoff.",
    }
    path = f"{shop.folder}/content/mu-plugins/other.php"
    for code, text in others.items():
        with open(path, "w") as other:
            other.write(f"<?php {code}\n")
        found = shop.inside(ask)
        assert found["status"] == "recommended" and text in found["description"], found
    os.remove(path)


def test_health_is_on_its_page(shop, owner):
    text = owner.get("/wp-admin/site-health.php").text
    assert '"test":"sendoff_settings"' in text and "Mail is handed to a Sendoff gateway" in text
    assert "sendoff\\/v1\\/site-health" in text  # asked for by the page's JavaScript


# What was refused.


def notice(page):
    found = re.search(r'<div class="notice notice-error sendoff-refused">.*?</div>', page.text)
    return found and found[0]


def test_the_owner_is_told_until_he_dismisses_it(shop, owner, reader, gateway):
    assert not notice(owner.get("/wp-admin/"))
    assert not shop.wp_mail("x@else.example", times=2)["sent"]
    page = owner.get("/wp-admin/")
    told = notice(page)
    assert "2 mails of this site were not sent." in told
    assert "550 5.7.1 shop may not write to x@else.example; allowed: dest.example.net. sendoff why " in told
    assert not notice(reader.get("/wp-admin/profile.php"))
    listed = owner.get(PAGE).text
    assert "<td>else.example</td>" in listed and "shop may not write to x@else.example" in listed and "sendoff account set shop --to PATTERN" in listed
    link = page.link("sendoff-dismiss")
    assert owner.get(re.sub("_wpnonce=[0-9a-f]+", "_wpnonce=0", link)).status == 403
    assert notice(owner.get("/wp-admin/"))
    owner.get(link)
    assert not notice(owner.get("/wp-admin/"))
    assert "shop may not write to x@else.example" in owner.get(PAGE).text  # the list stays
    assert "Nothing in the last 30 days." in owner.submit(owner.get(PAGE), "sendoff_forget").text


def test_a_forgotten_password(shop, owner, gateway):
    """A visitor's request to the web server; only the owner sees what went wrong."""
    assert "checkemail=confirm" in shop.lost_password("admin")
    gateway.wait_event("delivered", "--to", "boss@dest.example.net")
    shop.inside("return wp_update_user(array('ID' => 1, 'user_email' => 'boss@else.example'));")
    page = shop.lost_password_page("admin")
    assert "The email could not be sent." in page and "sendoff" not in page.lower()
    assert "shop may not write to boss@else.example" in notice(owner.get("/wp-admin/"))
    shop.inside("return wp_update_user(array('ID' => 1, 'user_email' => 'boss@dest.example.net'));")


def test_a_refusal_is_escaped(shop, owner):
    failure = {"stage": "mail", "code": 550, "enhanced": "", "text": "<script>alert(2)</script>", "to": "", "ref": ""}
    shop.inside("Sendoff_Refusals::add($in['failure'], '<b>x'); return 0;", failure=failure)
    for path in ("/wp-admin/", PAGE):
        text = owner.get(path).text
        assert "<script>alert(2)" not in text and "&lt;script&gt;alert(2)" in text
    shop.forget()


# The test message.


def test_the_button(shop, owner, account):
    page = owner.submit(owner.get(PAGE), "sendoff_test", sendoff_to="r@dest.example.net")
    assert "The gateway accepted it." in page.text, page.text[-3000:]
    for line in ("220 smtp.example.com ESMTP Sendoff", "STARTTLS", "MAIL FROM:&lt;shop@example.com&gt;", "250 2.0.0 accepted as "):
        assert line in page.text, line
    assert "[credentials hidden]" in page.text and account.password not in page.text
    assert "sendoff-dialogue" not in owner.get(PAGE).text  # once


def test_the_button_refused(shop, owner, reader):
    page = owner.submit(owner.get(PAGE), "sendoff_test", sendoff_to="x@else.example")
    assert "shop may not write to x@else.example" in page.text and "RCPT TO:&lt;x@else.example&gt;" in page.text
    assert owner.post("/wp-admin/admin-post.php", {"action": "sendoff_test", "sendoff_to": "r@dest.example.net"}).status == 403
    (whole,) = [one for one in owner.get(PAGE).forms() if one.get("action") == "sendoff_test"]
    assert reader.post("/wp-admin/admin-post.php", whole).status == 403


# Privacy, and the end.


def test_personal_data(shop):
    for to in ("x@else.example", "max@else.example"):
        shop.wp_mail(to, "private")
    shop.inside("Sendoff_Refusals::add($in['one'], 'else.example'); return 0;", one={"stage": "rcpt", "code": 550, "enhanced": "", "text": "X@else.example, no", "to": "", "ref": ""})
    call = "$all = apply_filters($in['hook'], array()); return call_user_func($all['sendoff']['callback'], $in['who'], 1);"
    exported = shop.inside(call, hook="wp_privacy_personal_data_exporters", who="x@else.example")
    assert exported["done"] and len(exported["data"]) == 1 and "X@else.example, no" in exported["data"][0]["data"][1]["value"]
    assert shop.inside(call, hook="wp_privacy_personal_data_erasers", who="x@else.example")["items_removed"] is True
    (left,) = shop.option("sendoff_refusals")
    assert "max@else.example" in left["text"]
    assert shop.inside(call, hook="wp_privacy_personal_data_erasers", who="x@else.example")["items_removed"] is False


def test_uninstalled(shop):
    """As Plugins > Delete does it."""
    shop.wp_mail("x@else.example")
    shop.inside("update_user_meta(1, 'sendoff_seen', 1); return 0;")
    left = """
    require_once ABSPATH . 'wp-admin/includes/plugin.php';
    deactivate_plugins('sendoff.php');
    uninstall_plugin('sendoff.php');
    global $wpdb;
    return (int) $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->options WHERE option_name LIKE '%sendoff%' AND option_name NOT LIKE '\\_transient%'")
        + (int) $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->usermeta WHERE meta_key LIKE '%sendoff%'");
    """
    assert shop.inside("return is_array(get_option('sendoff_refusals'));")
    assert shop.inside(left) == 0
