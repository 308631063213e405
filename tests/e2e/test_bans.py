"""Failed logins: an address that guesses is banned, an account that is guessed at stays open to its owner; `status` shows
it and `unban` lifts it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sendoff_test.attempts import attempt
from sendoff_test.client import Dialogue, plain
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"
LIMITS = 'login_failures_per_address = 2  login_failures_per_account = 3  ban = "{ban}"'


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(limits=LIMITS.format(ban="10m"))


@pytest.fixture(autouse=True)
def forgiven(gateway):
    yield
    gateway.sendoff("unban", "--all")


class Guesser:
    """Somebody at an address of their own."""

    def __init__(self, lab, gateway):
        self.gateway, self.address = gateway, lab.block.new_address()

    def talk(self, kind="implicit"):
        talk = Dialogue(self.gateway.endpoint(kind), implicit=kind == "implicit", source=self.address)
        talk.greeting = talk.reply()
        if talk.greeting.startswith("220"):
            talk.say("EHLO client.example")
        return talk

    def login(self, name, password="wrong"):
        """What a login of its own session is answered."""
        with self.talk() as talk:
            return talk.say(f"AUTH PLAIN {plain(name, password)}") if talk.greeting.startswith("220") else talk.greeting

    def fail(self, name, times):
        for _ in range(times):
            answer = self.login(name)
            assert answer.startswith("535 5.7.8"), answer


@pytest.fixture
def guesser(lab, gateway):
    return Guesser(lab, gateway)


@pytest.fixture
def another(lab, gateway):
    return Guesser(lab, gateway)


def attack(lab, gateway, name):
    """As many failures as make an account guarded, each from an address of its own."""
    guessers = [Guesser(lab, gateway) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(guesser.fail, name, 1) for guesser in guessers]:
            done.result()


def bans(gateway):
    status = gateway.shown_status()
    assert status["banned"] == len(status["bans"])
    return status["bans"]


def test_address_is_banned_on_every_listener(gateway, guesser, another):
    account = gateway.add_account("target")
    guesser.fail("nobody-here", 2)
    for kind in gateway.ports:
        with guesser.talk(kind) as talk:
            assert talk.greeting.startswith("421 4.7.0 smtp.example.com: too many failed logins from your address; try again in 9m")
            assert talk.reply() == "", "the connection stays open"
    assert guesser.login(account.name, account.password).startswith("421 4.7.0")
    assert another.login(account.name, account.password).startswith("235"), "the ban hit another address"
    (ban,) = bans(gateway)
    assert ban["address"] == guesser.address and 500 < ban["seconds_left"] <= 600
    assert f"  {guesser.address}: for 9m" in gateway.sendoff("status")
    assert f'event="address banned" client={guesser.address}' in gateway.output()


def test_unban(gateway, guesser, another):
    account = gateway.add_account("forgiven")
    guesser.fail("nobody-here", 2)
    another.fail("nobody-else", 2)
    assert gateway.sendoff("unban", guesser.address) == "1 ban lifted\n"
    assert guesser.login(account.name, account.password).startswith("235")
    assert another.login(account.name, account.password).startswith("421")
    result = gateway.sendoff.run("unban", guesser.address)
    assert result.status == 1 and "is not banned" in result.err
    assert gateway.sendoff.json("unban", "--all") == [{"lifted": 1}]
    assert another.login(account.name, account.password).startswith("235")
    assert gateway.sendoff("unban", "--all") == "nobody is banned\n"
    assert bans(gateway) == []


def test_unban_takes_one_thing(gateway):
    for words in ((), ("192.0.2.1", "--all"), ("no name",)):
        result = gateway.sendoff.run("unban", *words)
        assert result.status == 2 and result.err.count("\n") == 1, result
    assert "sendoff unban 192.0.2.7" in gateway.sendoff("unban", "--help")


def test_open_sessions_of_a_banned_address(gateway, guesser):
    """What was open before the ban may go on, but no login in it is looked at."""
    account = gateway.add_account("open")
    with guesser.talk() as early, guesser.talk() as logged_in:
        logged_in.login(account.name, account.password)
        guesser.fail("nobody-here", 2)
        assert early.say("NOOP").startswith("250")
        assert early.say(f"AUTH PLAIN {plain(account.name, account.password)}").startswith("421 4.7.0")
        assert early.reply() == ""
        assert logged_in.say(f"MAIL FROM:<{FROM}>").startswith("250")


def test_admitted_address_still_submits(lab, gateway, guesser):
    """--client-ip spares no login its ban, but mail that needs none goes on."""
    lab.exchanger("dest.example.net")
    account = gateway.add_account("printer", "--client-ip", guesser.address)
    guesser.fail("nobody-here", 2)
    assert [ban["address"] for ban in bans(gateway)] == [guesser.address]
    with guesser.talk("optional") as talk:
        assert talk.say(f"AUTH PLAIN {plain(account.name, account.password)}").startswith("454 4.7.0 too many failed logins from your")
        assert attempt(talk, FROM, [TO]).startswith("250")


def test_account_under_attack_keeps_its_owner(lab, gateway, guesser, another):
    account = gateway.add_account("victim")
    owner = another
    assert owner.login(account.name, account.password).startswith("235")
    attack(lab, gateway, account.name)
    assert guesser.login(account.name).startswith("454 4.7.0 too many failed logins to this account: for 9m")
    assert guesser.login(account.name, account.password).startswith("454 4.7.0"), "the answer tells a right password"
    assert owner.login(account.name, account.password).startswith("235"), "the owner is locked out"
    assert owner.login(account.name).startswith("535"), "a known address may be wrong, too"
    other = gateway.add_account("bystander")
    assert guesser.login(other.name, other.password).startswith("235"), "another account is guarded"
    (ban,) = bans(gateway)
    assert ban["account"] == "victim"
    assert "  account victim: for 9m" in gateway.sendoff("status")
    (event,) = gateway.wait_event("refused", "--account", "victim", "--limit", "1")
    assert event["account"] == "victim"
    assert any("unknown addresses" in e["text"] for e in gateway.log("--account", "victim"))
    assert gateway.sendoff("unban", "victim") == "1 ban lifted\n"
    assert guesser.login(account.name, account.password).startswith("235")


def test_unknown_names_are_answered_alike(lab, gateway, guesser):
    """Nothing tells a guesser which names are accounts; the operator does not see what may be a mistyped password."""
    attack(lab, gateway, "nobody-at-all")
    assert guesser.login("nobody-at-all").startswith("454 4.7.0 too many failed logins to this account: for 9m")
    assert bans(gateway) == []
    assert "nobody-at-all" not in gateway.output()


def test_guarded_session_ends(lab, gateway, guesser):
    """Who hammers at a guarded account in one session is put out, as with wrong passwords."""
    attack(lab, gateway, "nobody-there")
    with guesser.talk() as talk:
        answers = [talk.say(f"AUTH PLAIN {plain('nobody-there', 'x')}")[:9] for _ in range(5)]
        assert answers == ["454 4.7.0"] * 4 + ["421 4.7.0"]
        assert talk.reply() == ""


def test_ban_ends_and_none_outlives_a_restart(lab):
    gateway = lab.gateway(limits=LIMITS.format(ban="3s"))
    account = gateway.add_account("again")
    guesser = Guesser(lab, gateway)
    guesser.fail("nobody-here", 2)  # answered a second after it was counted
    assert guesser.login(account.name, account.password).startswith("421")
    wait_until(lambda: guesser.login(account.name, account.password).startswith("235"), "the ban ends", timeout=5)
    gateway.stop()
    result = gateway.sendoff.run("unban", "--all")
    assert result.status == 1 and "not running" in result.err
    gateway.configure(limits=LIMITS.format(ban="10m")).start()
    guesser.fail("nobody-here", 2)
    assert guesser.login(account.name, account.password).startswith("421")
    gateway.restart()
    assert guesser.login(account.name, account.password).startswith("235")
    gateway.stop()
