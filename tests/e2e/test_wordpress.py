"""A real application: WordPress sends a password reset through the gateway."""

from sendoff_test.letters import values
from sendoff_test.markdown import Document
from sendoff_test.package_root import ROOT
from sendoff_test.processes import wait_until
from sendoff_test.verify import verified
from sendoff_test.wordpress import WordPress


def test_password_reset_arrives(lab, gateway):
    mx = lab.exchanger("dest.example.net")
    account = gateway.add_account("shop")
    site = WordPress(lab.processes, f"{lab.folder}/wordpress", lab.block.new_address(), lab.block.new_port())
    host, port = gateway.endpoint("starttls")
    site.install("boss@dest.example.net", "shop@example.com", host, port, account.name, account.password)
    assert "checkemail=confirm" in site.lost_password("admin"), site.output()[-2000:]
    arrival = mx.wait_for("Password Reset")
    assert arrival.recipients == ["boss@dest.example.net"]
    assert b"wp-login.php?action=rp&key=" in arrival.content.replace(b"=\r\n", b"").replace(b"=3D", b"=")
    assert verified(arrival.content, lab.dns) == [("example.com", "ed25519-sha256")]
    assert (
        values(arrival.content, "From") == ["Shop <shop@example.com>"]
        or "shop@example.com" in values(arrival.content, "From")[0]
    )
    (event,) = gateway.wait_event("delivered", "--to", "boss@dest.example.net")
    assert event["account"] == "shop"
    without_a_plugin(gateway, account, mx, site)


def without_a_plugin(gateway, account, mx, site):
    """The lines of docs/wordpress.md, with those for a certificate that was copied."""
    guide = Document(f"{ROOT}/docs/wordpress.md")
    (lines,) = [block for block in guide.blocks_of("No plugin") if "phpmailer_init" in block]
    (trust,) = [code for code in guide.codes() if code.startswith("$mail->SMTPOptions")]
    host, port = gateway.endpoint("starttls")
    changes = {"} );": f"{trust}\n}} );", "smtp.example.com": host, "587": str(port), "the password that was printed": account.password}
    changes |= {"'blog'": f"'{account.name}'", "'/etc/ssl/sendoff.pem'": f"'{gateway.folder}/certificate.pem', 'peer_name' => 'smtp.example.com'"}
    for old, new in changes.items():
        assert lines.count(old) == 1, old
        lines = lines.replace(old, new)
    with open(f"{site.folder}/content/mu-plugins/smtp.php", "w") as plugin:
        plugin.write(lines)
    mx.forget()
    assert "checkemail=confirm" in site.lost_password("admin"), site.output()[-2000:]
    assert mx.wait_for("Password Reset").sender == "blog@example.com"


def test_it_verifies_the_certificate(lab):
    """As PHP does where nobody has switched it off: not with the certificate that init makes, but with one of a CA."""
    mx = lab.exchanger("verified.example.net")
    gateway = lab.gateway()
    account = gateway.add_account("shop")
    site = WordPress(lab.processes, f"{lab.folder}/wordpress-2", lab.block.new_address(), lab.block.new_port())
    host, port = gateway.endpoint("starttls")
    site.install("boss@verified.example.net", "shop@example.com", host, port, account.name, account.password, lab.authority.roots)
    assert "checkemail=confirm" not in site.lost_password("admin"), "it took the self-signed certificate"
    assert not gateway.log("--event", "accepted")
    certificate, key = lab.authority.certificate("smtp.example.com")
    gateway.configure(certificate=certificate, key=key)
    gateway.reload()
    wait_until(lambda: "certificate reloaded" in gateway.output(), "the certificate of the CA is in use")
    assert "checkemail=confirm" in site.lost_password("admin"), site.output()[-2000:]
    assert mx.wait_for("Password Reset").recipients == ["boss@verified.example.net"]
    gateway.stop()


def test_what_is_shown_of_a_refusal(lab, gateway):
    """Who asked for a password is told that mail is not set up; the reason, with its reference, stands where the site's
    owner looks: a mail plug-in shows what WordPress hands it."""
    lab.exchanger("refused.example.net")
    account = gateway.add_account("site", "--to", "elsewhere.example")
    site = WordPress(lab.processes, f"{lab.folder}/wordpress-3", lab.block.new_address(), lab.block.new_port())
    host, port = gateway.endpoint("starttls")
    site.install("boss@refused.example.net", "shop@example.com", host, port, account.name, account.password)

    def refused():
        before = len(site.failures())
        assert "The email could not be sent." in site.lost_password_page("admin")
        return wait_until(lambda: site.failures()[before:], "WordPress reports the failure")[0]

    shown = refused()
    assert "site may not write to boss@refused.example.net; allowed: elsewhere.example. sendoff why " in shown
    gateway.sendoff("account", "set", "site", "--to", "none", "--sender", "example.org")
    assert "site may not send as shop@example.com; allowed: example.org. sendoff why " in refused()
    gateway.sendoff("account", "set", "site", "--sender", "example.com", "--limit", "1/day")
    assert "checkemail=confirm" in site.lost_password("admin"), site.output()[-2000:]
    assert "site: 1 of 1 messages today; resets " in (shown := refused()) and "sendoff why " in shown
