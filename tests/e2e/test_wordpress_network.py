"""Sendoff's plugin in a network of WordPress sites: one gateway for all, what is each site's own, and who may see what."""

import pytest

from sendoff_test.wordpress_plugin import new_site

NAME = "smtp.example.com"
SECOND = "/second/"
NETWORK_PAGE = "/wp-admin/network/settings.php?page=sendoff"

# A site's settings page, as that user sees it.
SHOW = """
require_once ABSPATH . 'wp-admin/includes/template.php';
wp_set_current_user(get_user_by('login', $in['user'])->ID);
ob_start();
Sendoff_Page::show();
return ob_get_clean();
"""


@pytest.fixture(scope="module")
def gateway(lab):
    certificate, key = lab.authority.certificate(NAME)
    return lab.gateway(certificate=certificate, key=key)


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("net", "--to", "dest.example.net")


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def site(lab, gateway, account):
    made = new_site(lab)
    made.make_network("boss@dest.example.net")
    made.install_plugin()
    yield made
    assert not made.complaints()


def save(site, browser, gateway, account, lab):
    host, port = gateway.endpoint()
    typed = {"host": host, "port": port, "tls": "starttls", "user": account.name, "password": account.password}
    typed |= {"from": "net@example.com", "ca_file": lab.authority.roots, "tls_name": NAME, "timeout": 60}
    return browser.submit(browser.get(NETWORK_PAGE), "sendoff_save", **{f"sendoff_{name}": value for name, value in typed.items()})


def test_one_gateway_for_all(site, lab, gateway, account, mx):
    saved = save(site, site.browser("admin"), gateway, account, lab)
    assert "Saved." in saved.text and account.password not in saved.text, saved.text[-2000:]
    assert site.option("sendoff") is None and site.inside("return get_site_option('sendoff')['user'];") == "net"
    for path in ("/", SECOND):
        done = site.wp_mail("r@dest.example.net", f"of site {path.strip('/')}", path=path)
        assert done["sent"], done
    assert mx.wait_for("of site second").sender == "net@example.com"


def test_a_site_has_its_own_from(site, mx):
    site.inside("Sendoff_Settings::save($in, false); return 0;", SECOND, **{"from": "second@example.com", "host": "evil.example"})
    assert site.option("sendoff_site", SECOND) == {"from": "second@example.com", "from_name": "", "senders": ""}
    assert site.wp_mail("r@dest.example.net", "with its own", path=SECOND)["sent"]
    assert mx.wait_for("with its own").sender == "second@example.com"
    assert site.inside("return Sendoff_Settings::get('from');") == "net@example.com"


def test_what_a_sites_owner_sees(site, account):
    shown = site.inside(SHOW, SECOND, user="owner")
    assert 'name="sendoff_from"' in shown and "Send a test message" in shown
    for hidden in ("sendoff_host", "sendoff_password", account.password):
        assert hidden not in shown
    browser = site.browser("owner")
    assert browser.get(NETWORK_PAGE).status == 403
    assert browser.post("/wp-admin/admin-post.php", {"action": "sendoff_save", "network": "1", "sendoff_host": "evil.example"}).status == 403


def test_refusals_are_each_sites_own(site):
    done = site.wp_mail("x@else.example", path=SECOND)
    assert "net may not write to x@else.example" in done["error"]
    assert not site.option("sendoff_refusals")
    assert "net may not write to x@else.example" in site.inside(SHOW, SECOND, user="owner")


def test_uninstalled_from_all(site):
    left = """
    require_once ABSPATH . 'wp-admin/includes/plugin.php';
    deactivate_plugins('sendoff.php');
    uninstall_plugin('sendoff.php');
    global $wpdb;
    $count = (int) $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->sitemeta WHERE meta_key LIKE '%sendoff%'");
    foreach (get_sites(array('fields' => 'ids')) as $id) {
        $table = $wpdb->get_blog_prefix($id) . 'options';
        $count += (int) $wpdb->get_var("SELECT COUNT(*) FROM $table WHERE option_name LIKE 'sendoff%'");
    }
    return $count;
    """
    assert site.inside(left) == 0
