"""Logging in at next hops with OAuth 2.0: tokens from an endpoint, renewed ahead of their end, and what happens without."""

import glob
import re
import time

import pytest

from sendoff_test.client import send_to
from sendoff_test.dovecot import Dovecot
from sendoff_test.processes import wait_until
from sendoff_test.token_server import TokenServer

USER, SECRET = "relay=box@example.net", "s3cret & more"


@pytest.fixture(scope="module")
def settings(lab):
    return f'trust = "{lab.authority.roots}"  https_trust = "{lab.authority.roots}"'


@pytest.fixture(scope="module")
def gateway(lab, settings):
    return lab.gateway(delivery=settings)


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("routed")


@pytest.fixture
def endpoint(lab):
    return TokenServer(lab, f"mx-login{lab.block.new_port()}.host")


@pytest.fixture
def host(lab, endpoint):
    return server(lab, endpoint)


def server(lab, endpoint, mechanisms=("XOAUTH2",), port=None):
    return lab.exchanger(
        tls="verified", port=port or lab.block.new_port(), passwords={USER: endpoint.good}, mechanisms=mechanisms
    )


def words(endpoint, host, to, *more, verb="add", client="the client", secret="--secret-stdin"):
    at = f"{host.name}:{host.port}"
    of_endpoint = ("--oauth2", "custom", "--token-endpoint", endpoint.url, "--client-id", client)
    return ("route", verb, to, at, "--user", USER, *of_endpoint, secret, *more)


def add(gateway, lab, endpoint, host, *more, text=SECRET + "\n", **said):
    to = said.pop("to", None) or lab.new_domain()
    gateway.sendoff(*words(endpoint, host, to, *more, **said), text=text)
    return to


def alarms(gateway, event="token renewal failed"):
    return re.findall(rf'level=error event="{event}".*', gateway.output())


@pytest.mark.parametrize("mechanisms", [["XOAUTH2", "PLAIN", "LOGIN"], ["XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256"]])
def test_a_token_of_the_application(lab, gateway, account, endpoint, mechanisms):
    host = server(lab, endpoint, mechanisms)
    to = add(gateway, lab, endpoint, host, "--scope", "https://outlook.example/.default a+b")
    arrival = host.wait_for(send_to(gateway, account, to))
    assert arrival.user == USER and arrival.tls
    assert [t[0] for t in host.tries] == ["OAUTHBEARER" if "OAUTHBEARER" in mechanisms else "XOAUTH2"]
    (form,) = endpoint.asked
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "the client",
        "client_secret": SECRET,
        "scope": "https://outlook.example/.default a+b",
    }
    (route,) = [r for r in gateway.sendoff.json("route", "list") if r["to"] == to]
    assert route["login"] == "oauth2" and route["oauth2"]["endpoint"] == endpoint.url and route["oauth2"]["token_until"]


def test_a_refresh_token_and_one_that_takes_its_place(lab, settings):
    """RFC 6749 6: the endpoint may give another, and the one before is good no more. It is kept, over a restart, too."""
    gateway = lab.gateway(delivery=settings)
    account = gateway.add_account("refreshed")
    endpoint = TokenServer(lab, "mx-rotating.host", life=4)
    endpoint.rotate = True
    host = server(lab, endpoint)
    to = add(gateway, lab, endpoint, host, "--secret-stdin", secret="--refresh-token-stdin", text=f"{SECRET}\nrefresh-0\n")
    assert endpoint.asked[0]["grant_type"] == "refresh_token" and endpoint.asked[0]["refresh_token"] == "refresh-0"
    host.wait_for(send_to(gateway, account, to))
    wait_until(lambda: len(endpoint.asked) >= 3, "two renewals", timeout=30)
    gateway.restart()
    before = len(endpoint.asked)
    wait_until(lambda: len(endpoint.asked) >= before + 2, "two renewals after the restart", timeout=30)
    used = [form["refresh_token"] for form in endpoint.asked]
    assert used == [f"refresh-{n}" for n in range(len(used))] and not alarms(gateway)
    host.wait_for(send_to(gateway, account, to))
    gateway.stop()


def test_it_is_renewed_ahead_of_its_end(lab, settings):
    gateway = lab.gateway(delivery=settings)
    account = gateway.add_account("renewed")
    endpoint = TokenServer(lab, "mx-short.host", life=8)
    host = server(lab, endpoint)
    to = add(gateway, lab, endpoint, host)
    first = time.monotonic()
    wait_until(lambda: len(endpoint.asked) >= 2, "the renewal", timeout=30)
    assert 4 < time.monotonic() - first < 8
    time.sleep(4)  # the first token is over
    assert host.wait_for(send_to(gateway, account, to)).user == USER
    assert not gateway.log("--event", "deferred", "--to", f"r@{to}")
    gateway.stop()


@pytest.mark.parametrize(
    "answer, said",
    [
        ((400, {"error": "invalid_grant", "error_description": "consent was\r\ntaken back"}), "invalid_grant: consent was  taken back"),
        ((500, {}), "answers 500, and says no reason"),
        (b"<html>sorry</html>", "no JSON object"),
        (b'{"access_token": "line\\nbreak", "token_type": "Bearer"}', "without a token"),
        (b'{"token_type": "Bearer"}', "without a token"),
        (b'{"access_token": "x", "token_type": "mac"}', "of the type mac"),
        (b"{" + b" " * 100000, "more than is expected"),
    ],
)
def test_an_endpoint_that_gives_none_makes_no_route(lab, gateway, host, endpoint, answer, said):
    endpoint.answer = answer
    done = gateway.sendoff.run(*words(endpoint, host, "never.example.net"), text=SECRET + "\n")
    assert done.status == 1 and said in done.err and len(done.err.splitlines()) == 1, done.err
    assert SECRET not in done.err
    assert not [r for r in gateway.sendoff.json("route", "list") if r["to"] == "never.example.net"]


def test_what_cannot_be_reached_or_is_not_known(lab, gateway, host, endpoint):
    for url, said in [
        (f"https://nowhere.example.net:{endpoint.port}/token", "nowhere.example.net has no address"),
        (f"https://{endpoint.name}:1/token", "does not answer"),
        (f"https://{endpoint.address}:{endpoint.port}/token", "does not answer"),  # no certificate for that
    ]:
        said_words = list(words(endpoint, host, "never.example.net"))
        said_words[said_words.index(endpoint.url)] = url
        done = gateway.sendoff.run(*said_words, text=SECRET + "\n")
        assert done.status == 1 and said in done.err, done.err


def test_a_renewal_that_fails_is_an_alarm_and_defers_when_the_token_is_over(lab, settings):
    gateway = lab.gateway(delivery=settings)
    account = gateway.add_account("failing")
    endpoint = TokenServer(lab, "mx-failing.host", life=16)
    host = server(lab, endpoint)
    to = add(gateway, lab, endpoint, host)
    endpoint.answer = (401, {"error": "invalid_client", "error_description": "AADSTS7000222: the secret has expired"})
    wait_until(lambda: alarms(gateway), "the alarm", timeout=30)
    alarm = alarms(gateway)[0]
    assert "AADSTS7000222" in alarm and USER in alarm and "goes on for" in alarm and "sendoff route set" in alarm
    host.wait_for(send_to(gateway, account, to))  # the token is good for some seconds yet
    wait_until(lambda: gateway.shown_status()["tokens_failed"] == 1, "it is in the status")
    assert "AADSTS7000222" in gateway.sendoff("route", "list")
    time.sleep(5)
    mark = send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == "next-hop-login" and "AADSTS7000222" in event["text"], event
    logins = len(host.tries)
    gateway.restart()  # which forgets nothing
    wait_until(lambda: len(gateway.log("--event", "deferred", "--to", f"r@{to}")) >= 2, "it waits on")
    assert len(host.tries) == logins, "nothing to log in with, so nothing is tried"
    endpoint.answer = None
    host.wait_for(mark, timeout=60)
    wait_until(lambda: gateway.shown_status()["tokens_failed"] == 0, "all is well")
    gateway.stop()


def test_renewals_that_fail_are_made_less_and_less_often(lab, settings):
    gateway = lab.gateway(delivery=settings)
    endpoint = TokenServer(lab, "mx-down.host", life=4)
    add(gateway, lab, endpoint, server(lab, endpoint))
    endpoint.answer = (503, {"error": "temporarily_unavailable"})
    wait_until(lambda: len(endpoint.asked) >= 4, "it is tried again", timeout=40)
    time.sleep(3)
    assert len(endpoint.asked) <= 5, "1 s, 2 s, 4 s and so on"
    gateway.stop()


def test_a_token_that_is_refused_is_renewed_once(lab, settings):
    gateway = lab.gateway(delivery=settings, retry=("3s", "3s"))
    account = gateway.add_account("revoked")
    endpoint = TokenServer(lab, "mx-revoking.host", life=16)
    host = server(lab, endpoint)
    to = add(gateway, lab, endpoint, host)
    time.sleep(5)  # a token that was just made would not be suspected
    endpoint.revoke()
    host.wait_for(send_to(gateway, account, to))
    assert len(endpoint.asked) == 2 and len(host.tries) == 2
    assert not gateway.log("--event", "deferred", "--to", f"r@{to}") and not alarms(gateway, "login refused")
    # A fresh one that is refused, too: it is not the token.
    host.passwords[USER] = set()
    time.sleep(5.5)  # the connection is idle no more
    mark = send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == "next-hop-login" and event["code"] == 535
    assert alarms(gateway, "login refused")
    host.passwords[USER] = endpoint.good
    host.wait_for(mark, timeout=60)
    gateway.stop()


def test_tokens_outlive_a_restart_and_are_nowhere_to_be_read(lab, gateway, account, endpoint, host):
    to = add(gateway, lab, endpoint, host)
    gateway.restart()
    host.wait_for(send_to(gateway, account, to))
    assert len(endpoint.asked) == 1
    shown = [gateway.sendoff(*w) for w in (("route", "list"), ("--json", "route", "list"), ("status",), ("log",))]
    logs = [open(path).read() for path in glob.glob(f"{gateway.folder}/serve-*.log")]
    assert not any(one in text for text in shown + logs for one in (SECRET, "token-1.", "refresh-0"))


def test_a_gateway_that_was_away_fetches_one_first(lab, settings):
    """The token is over, and nobody has failed: mail waits for a moment, without an attempt."""
    gateway = lab.gateway(delivery=settings, retry=("1h",))
    account = gateway.add_account("away")
    endpoint = TokenServer(lab, "mx-away.host", life=4)
    host = server(lab, endpoint)
    to = add(gateway, lab, endpoint, host)
    gateway.stop()
    time.sleep(4)
    endpoint.life = 3600
    gateway.start()
    host.wait_for(send_to(gateway, account, to))
    assert not gateway.log("--event", "deferred", "--to", f"r@{to}")
    gateway.stop()


def test_another_secret_counts_at_once_and_the_old_one_stays_otherwise(lab, gateway, account, endpoint, host):
    to = add(gateway, lab, endpoint, host, "--scope", "the first")
    kept = [w for w in words(endpoint, host, to, verb="set") if w != "--secret-stdin"]
    gateway.sendoff(*kept)
    assert len(endpoint.asked) == 1
    (route,) = (r for r in gateway.sendoff.json("route", "list") if r["to"] == to)
    assert route["oauth2"]["scope"] == "the first", "what the token is asked for stays, too"
    for weaker, why in ((("--tls", "may"), "the TLS is weaker"), (("--scope", "another"), "the scope is another one")):
        done = gateway.sendoff.run(*kept, *weaker)
        assert done.status == 2 and "-stdin is needed" in done.err and why in done.err
    host.wait_for(send_to(gateway, account, to))
    other = list(kept)
    other[other.index(endpoint.url)] = "https://elsewhere.example.net/token"
    done = gateway.sendoff.run(*other)
    assert done.status == 2 and "--secret-stdin or --refresh-token-stdin is needed" in done.err
    add(gateway, lab, endpoint, host, verb="set", to=to)
    assert len(endpoint.asked) == 2
    done = gateway.sendoff.run(*words(endpoint, host, to), text=SECRET + "\n")
    assert done.status == 1 and "already" in done.err and len(endpoint.asked) == 2, "nothing is asked for in vain"


def test_another_secret_keeps_the_refresh_token_and_the_other_way_round(lab, gateway, account, endpoint, host):
    """A secret that is over is replaced without the user's consent anew, and a consent without the secret."""
    both = ("--secret-stdin", "--refresh-token-stdin")
    to = add(gateway, lab, endpoint, host, both[1], "--scope", "mail", text=f"{SECRET}\n{endpoint.refresh}\n")
    for given, text in ((both[0], SECRET), (both[1], endpoint.refresh)):
        add(gateway, lab, endpoint, host, verb="set", to=to, secret=given, text=text + "\n")
        asked = endpoint.asked[-1]
        assert (asked["grant_type"], asked["refresh_token"]) == ("refresh_token", endpoint.refresh), asked
        assert asked["client_secret"] == SECRET and asked["scope"] == "mail"
    # What the endpoint gave instead of it stays as well.
    endpoint.rotate = True
    add(gateway, lab, endpoint, host, verb="set", to=to)
    assert endpoint.refresh != "refresh-0"
    add(gateway, lab, endpoint, host, verb="set", to=to)
    assert endpoint.asked[-1]["grant_type"] == "refresh_token"
    host.wait_for(send_to(gateway, account, to))
    # It is for that application alone; and what is wrong changes nothing.
    count = len(endpoint.asked)
    done = gateway.sendoff.run(*words(endpoint, host, to, verb="set", client="another"), text=SECRET + "\n")
    assert done.status == 1 and endpoint.asked[-1]["grant_type"] == "client_credentials"
    done = gateway.sendoff.run(*words(endpoint, host, to, verb="set"), text="wrong\n")
    assert done.status == 1 and "nothing was changed" in done.err and len(endpoint.asked) == count + 2
    add(gateway, lab, endpoint, host, verb="set", to=to)
    assert endpoint.asked[-1]["grant_type"] == "refresh_token", "it is still there"


def test_the_first_refresh_token_is_another_grant(lab, gateway, endpoint, host):
    to = add(gateway, lab, endpoint, host, "--scope", "of the application")
    assert endpoint.asked[-1]["grant_type"] == "client_credentials"
    more = ("--scope", "of the user")
    add(gateway, lab, endpoint, host, *more, verb="set", to=to, secret="--refresh-token-stdin", text=endpoint.refresh + "\n")
    asked = endpoint.asked[-1]
    assert asked["grant_type"] == "refresh_token" and asked["client_secret"] == SECRET and asked["scope"] == "of the user"


@pytest.mark.parametrize(
    "more, said",
    [
        (["--oauth2", "yahoo"], "--oauth2 is microsoft365, google or custom"),
        (["--oauth2", "custom", "--client-id", "x", "--secret-stdin"], "--token-endpoint URL is needed"),
        (["--oauth2", "custom", "--client-id", "x", "--secret-stdin", "--token-endpoint", "http://a.example/"], "no https URL"),
        (["--oauth2", "custom", "--client-id", "x", "--token-endpoint", "https://a.example/"], "--secret-stdin or"),
        (["--oauth2", "custom", "--secret-stdin", "--token-endpoint", "https://a.example/"], "--client-id ID is needed"),
        (["--oauth2", "microsoft365", "--client-id", "x", "--secret-stdin"], "--tenant is needed"),
        (["--oauth2", "microsoft365", "--client-id", "x", "--secret-stdin", "--tenant", "a/b"], "neither"),
        (["--oauth2", "google", "--client-id", "x", "--secret-stdin"], "--refresh-token-stdin is needed"),
        (["--oauth2", "google", "--client-id", "x", "--secret-stdin", "--tenant", "t"], "--tenant is for"),
        (["--oauth2", "google", "--client-id", "x", "--secret-stdin", "--password-stdin"], "contradict"),
        (["--oauth2", "google", "--client-id", "x", "--refresh-token-stdin", "--tls", "none"], "needs TLS"),
    ],
)
def test_usage_errors(gateway, more, said):
    done = gateway.sendoff.run("route", "add", "*", "smtp.example.net", "--user", USER, *more, text="secret\n")
    assert done.status == 2 and said in done.err and len(done.err.splitlines()) == 1, done.err


@pytest.fixture
def own_roots(lab, tmp_path):
    """Before a command: the folder of the system's roots has the tests' authority, and nothing else."""
    roots = open(lab.authority.roots).read()
    for name in ("ca-certificates.crt", "authority.pem"):
        (tmp_path / name).write_text(roots)
    script = f'mount --bind {tmp_path} /etc/ssl/certs && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def test_roots_that_are_named_are_the_only_ones(lab, endpoint, host, own_roots):
    systems, named = lab.new_gateway(), lab.new_gateway()
    systems.configure()
    named.configure(delivery=f'https_trust = "{lab.certificate()[0]}"')
    command = words(endpoint, host, lab.new_domain())
    refused = named.sendoff.run(*command, text=SECRET + "\n", wrapper=own_roots)
    assert refused.status == 1 and "certificate" in refused.err and not endpoint.asked, refused.err
    assert systems.sendoff.run(*command, text=SECRET + "\n", wrapper=own_roots).status == 0


def test_presets(lab, gateway, endpoint):
    """Where they ask, shown by asking: nobody is there under those names here."""
    for provider, more, name in [
        ("microsoft365", ["--tenant", "example.onmicrosoft.com", "--secret-stdin"], "login.microsoftonline.com"),
        ("google", ["--refresh-token-stdin"], "oauth2.googleapis.com"),
    ]:
        add_words = ("route", "add", "*", "smtp.example.net", "--user", USER, "--oauth2", provider, "--client-id", "x", *more)
        done = gateway.sendoff.run(*add_words, text="secret\n")
        assert done.status == 1 and name in done.err, done.err


# Another's server.


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_dovecot_takes_the_token(lab, gateway, account, endpoint, mechanism):
    """It asks the endpoint itself whose the token is (RFC 7662), as a resource server does."""
    relay = lab.exchanger(port=lab.block.new_port())
    introspection = endpoint.introspection(lab, USER)
    name = f"mx-{mechanism}.host"
    server = Dovecot(lab, name, relay, [mechanism], oauth2=introspection)
    to = add(gateway, lab, endpoint, server)
    relay.wait_for(send_to(gateway, account, to))
    assert f"Login: user=<{USER}>, method={mechanism.upper()}" in server.log()
    endpoint.revoke()
    other = add(gateway, lab, endpoint, server)
    endpoint.revoke()
    send_to(gateway, account, other)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{other}")
    assert event["rule"] == "next-hop-login" and event["code"] == 535, event
