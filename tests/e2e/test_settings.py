"""Settings of accounts, domains and the gateway: kept, shown, edited one by one, and refused with what to write."""

import re

import pytest

from sendoff_test.command import Command


@pytest.fixture
def sendoff(tmp_path):
    made = Command(f"{tmp_path}/etc/sendoff.conf")
    made("init", "--hostname", "smtp.example.com", "--data-dir", tmp_path / "data")
    made("account", "add", "blog", "--sender", "example.com", "--limit", "5000/day")
    made("domain", "add", "example.com", "--key", "ed25519", "--subdomains")
    return made


def account(sendoff, name="blog"):
    (shown,) = sendoff.json("account", "show", name)
    return shown


def own(sendoff, *words):
    """What is set there, without what is inherited."""
    (shown,) = sendoff.json(*words)
    assert shown.pop("modes")
    return shown


def refused(result, status, *pieces):
    assert result.status == status, result
    assert len(result.err.splitlines()) == 1, result
    for piece in pieces:
        assert piece in result.err, result


def test_all_of_an_account(sendoff):
    sendoff(
        *("account", "set", "blog", "--to", "Example.COM", "--to", "me@example.org", "--not-to", "*.example.net"),
        *("--rewrite-from", "printer@Example.com", "--time-zone", "Europe/Vienna", "--stream", "bulk"),
        *("--stream-limit", "bulk:100/hour", "--stream-limit", "bulk:2/second:smooth", "--stream-pool", "bulk:news"),
        *("--suppressed", "drop", "--suppress-after", "5", "--spf", "enforce", "--limits", "observe"),
    )
    shown = account(sendoff)
    assert shown["to"] == ["example.com", "me@example.org"] and shown["not_to"] == ["*.example.net"]
    assert shown["rewrite_from"] == "printer@example.com" and shown["time_zone"] == "Europe/Vienna"
    assert shown["stream"] == "bulk" and shown["suppressed"] == "drop" and shown["suppress_after"] == 5
    assert shown["streams"] == {"bulk": {"limits": ["100/hour", "2/second:smooth"], "pool": "news"}}
    assert shown["checks"] == {"spf": "enforce", "limits": "observe"}
    assert shown["limits"] == ["5000/day"], "what is not named stays"
    text = sendoff("account", "show", "blog")
    for piece in ("printer@example.com", "Europe/Vienna", "bulk", "*.example.net"):
        assert piece in text
    for line in ("bulk +limit 2/second:smooth", "bulk +pool news"):
        assert re.search(f"^{line}$", text, re.M), text
    sendoff(
        *("account", "set", "blog", "--to", "none", "--not-to", "none", "--rewrite-from", "none"),
        *("--stream-limit", "none", "--stream-pool", "none", "--suppress-after", "default", "--spf", "off"),
    )
    shown = account(sendoff)
    assert shown["to"] == shown["not_to"] == [] and shown["rewrite_from"] == "" and shown["streams"] == {}
    assert shown["suppress_after"] == 0 and shown["checks"] == {"spf": "off", "limits": "observe"}


def test_added_with_all(sendoff):
    options = ["--to", "example.com", "--stream", "bulk", "--spf", "off"]
    sendoff("account", "add", "shop", "--sender", "example.com", *options)
    shown = account(sendoff, "shop")
    assert shown["to"] == ["example.com"] and shown["stream"] == "bulk" and shown["checks"] == {"spf": "off"}


def test_lists_are_edited(sendoff):
    sendoff("account", "set", "blog", "--add-limit", "60/minute:smooth", "--add-sender", "*.example.com")
    sendoff("account", "set", "blog", "--add-limit", "60/minute:smooth", "--add-sender", "*.Example.com")
    assert account(sendoff)["limits"] == ["5000/day", "60/minute:smooth"], "the same one is not there twice"
    assert account(sendoff)["senders"] == ["example.com", "*.example.com"]
    edits = ["--remove-limit", "5000/day", "--add-limit", "7000/day", "--remove-sender", "example.com"]
    sendoff("account", "set", "blog", *edits)
    assert account(sendoff)["limits"] == ["60/minute:smooth", "7000/day"]
    assert account(sendoff)["senders"] == ["*.example.com"]
    refused(sendoff.run("account", "set", "blog", "--remove-limit", "9/day"), 1, "9/day", "60/minute:smooth, 7000/day")
    refused(sendoff.run("account", "set", "blog", "--remove-sender", "example.org"), 1, "example.org", "*.example.com")
    refused(sendoff.run("account", "set", "blog", "--remove-sender", "*.example.com"), 1, "last sender")
    # Together or not at all.
    refused(sendoff.run("account", "set", "blog", "--add-limit", "1/day", "--remove-limit", "8/day"), 1, "8/day")
    assert account(sendoff)["limits"] == ["60/minute:smooth", "7000/day"]


def test_a_domain(sendoff):
    options = ["--limit", "1000/day", "--limit", "50000rcpt/month", "--spf", "enforce", "--header-from", "observe"]
    sendoff("domain", "set", "example.com", *options)
    (shown,) = sendoff.json("domain", "show", "example.com")
    assert shown["limits"] == ["1000/day", "50000rcpt/month"] and shown["spf"] == "enforce"
    assert shown["checks"] == {"spf": "enforce", "header-from": "observe"}
    sendoff("domain", "set", "example.com", "--remove-limit", "1000/day")
    selector = shown["keys"][0]["selector"]
    sendoff("domain", "set", "example.com", "--stream-selector", f"bulk:{selector}")
    (shown,) = sendoff.json("domain", "show", "example.com")
    assert shown["limits"] == ["50000rcpt/month"] and shown["stream_selectors"] == {"bulk": selector}
    unknown = sendoff.run("domain", "set", "example.com", "--stream-selector", "bulk:none-such")
    refused(unknown, 1, "none-such", "dkim list")
    refused(sendoff.run("domain", "set", "example.com", "--stream-selector", selector), 2, "bulk:")
    refused(sendoff.run("domain", "set", "example.net", "--limit", "1/day"), 1, "example.net", "domain list")
    refused(sendoff.run("domain", "set", "example.com"), 2, "--help")


def test_the_gateway(sendoff):
    assert own(sendoff, "gateway", "show") == {"limits": [], "checks": {}}
    sendoff("gateway", "set", "--limit", "100000/day", "--spf", "off")
    assert own(sendoff, "gateway", "show") == {"limits": ["100000/day"], "checks": {"spf": "off"}}
    assert "100000/day" in sendoff("gateway", "show")
    modes = {row["check"]: row["mode"] for row in sendoff.json("policy", "list")}
    assert modes["spf"] == "off" and modes["account"] == "always"
    (shown,) = sendoff.json("domain", "show", "example.com")
    assert shown["spf"] == "off", "what the gateway has, where the domain has none"
    sendoff("gateway", "set", "--limit", "none", "--spf", "observe")
    assert own(sendoff, "gateway", "show") == {"limits": [], "checks": {"spf": "observe"}}


SCOPES = {
    "account": (("account", "set", "blog"), ("account", "show", "blog")),
    "domain": (("domain", "set", "example.com"), ("domain", "show", "example.com")),
    "gateway": (("gateway", "set"), ("gateway", "show")),
}


def settable(sendoff):
    return {row["check"]: row["mode"] for row in sendoff.json("policy", "list") if row["mode"] != "always"}


@pytest.mark.parametrize("scope", SCOPES)
def test_every_check_has_a_mode_in_every_scope_and_loses_it(sendoff, scope):
    set_, show = SCOPES[scope]
    defaults = settable(sendoff)
    assert {"reverse-path", "recipient", "limits", "spf", "header-from"} <= set(defaults)
    for mode in ("off", "observe", "enforce"):
        sendoff(*set_, *(word for check in defaults for word in (f"--{check}", mode)))
        (shown,) = sendoff.json(*show)
        assert shown["checks"] == shown["modes"] == dict.fromkeys(defaults, mode)
        lines = sendoff(*show)
        assert all(re.search(f"^{check} +{mode}, set here$", lines, re.M) for check in defaults), lines
    sendoff(*set_, *(word for check in defaults for word in (f"--{check}", "default")))
    (shown,) = sendoff.json(*show)
    assert shown["checks"] == {} and shown["modes"] == defaults
    assert "set here" not in sendoff(*show)


def test_what_is_not_set_is_inherited(sendoff):
    sendoff("gateway", "set", "--spf", "off", "--header-from", "observe")
    sendoff("domain", "set", "example.com", "--spf", "enforce")
    sendoff("account", "set", "blog", "--header-from", "off")
    (domain,), shown = sendoff.json("domain", "show", "example.com"), account(sendoff)
    assert (domain["modes"]["spf"], domain["modes"]["header-from"]) == ("enforce", "observe")
    assert (shown["modes"]["spf"], shown["modes"]["header-from"]) == ("off", "off")
    text = sendoff("domain", "show", "example.com")
    for line in ("spf +enforce, set here", "header-from +observe, of the gateway", "limits +enforce, by default"):
        assert re.search(f"^{line}$", text, re.M), text
    text = sendoff("account", "show", "blog")
    for line in ("spf +off, of the gateway, unless the domain has its own", "header-from +off, set here"):
        assert re.search(f"^{line}$", text, re.M), text
    sendoff("domain", "set", "example.com", "--spf", "default")
    sendoff("account", "set", "blog", "--header-from", "default")
    (domain,), shown = sendoff.json("domain", "show", "example.com"), account(sendoff)
    assert (domain["spf"], domain["modes"]["spf"], shown["modes"]["header-from"]) == ("off", "off", "observe")
    sendoff("gateway", "set", "--spf", "default")
    (domain,) = sendoff.json("domain", "show", "example.com")
    assert domain["spf"] == "observe"


def test_what_is_removed_leaves_nothing_behind(sendoff):
    sendoff("account", "set", "blog", "--to", "example.com", "--stream-pool", "bulk:news", "--spf", "off")
    sendoff("domain", "set", "example.com", "--limit", "1/day")
    sendoff("account", "remove", "blog", "--yes")
    sendoff("domain", "remove", "example.com", "--yes")
    sendoff("account", "add", "blog", "--sender", "example.com")
    sendoff("domain", "add", "example.com", "--key", "ed25519", "--subdomains")
    shown = account(sendoff)
    assert shown["limits"] == shown["to"] == [] and shown["checks"] == shown["streams"] == {}
    (domain,) = sendoff.json("domain", "show", "example.com")
    assert domain["limits"] == []


@pytest.mark.parametrize("scope", SCOPES)
def test_limits_of_every_scope(sendoff, scope):
    set_, show = SCOPES[scope]
    sendoff(*set_, "--limit", "60/minute", "--limit", "5000/day")
    sendoff(*set_, "--add-limit", "5/second", "--add-limit", "60/minute", "--add-limit", "9MB/message")
    assert sendoff.json(*show)[0]["limits"] == ["60/minute", "5000/day", "5/second", "9MB/message"]
    sendoff(*set_, "--remove-limit", "5000/day:reject", "--remove-limit", "5/second")
    assert sendoff.json(*show)[0]["limits"] == ["60/minute", "9MB/message"]
    assert re.search("^limits +9MB/message$", sendoff(*show), re.M)
    refused(sendoff.run(*set_, "--remove-limit", "1/day"), 1, "60/minute, 9MB/message")
    refused(sendoff.run(*set_, "--limit", "1/fortnight"), 2, "fortnight")
    refused(sendoff.run(*set_), 2, "say what to change")
    # Together or not at all.
    refused(sendoff.run(*set_, "--spf", "off", "--add-limit", "1/day", "--remove-limit", "8/day"), 1, "8/day")
    (shown,) = sendoff.json(*show)
    assert shown["limits"] == ["60/minute", "9MB/message"] and shown["checks"] == {}
    sendoff(*set_, "--limit", "none")
    assert sendoff.json(*show)[0]["limits"] == []
    refused(sendoff.run(*set_, "--remove-limit", "1/day"), 1, "what is there: none")


@pytest.mark.parametrize("scope", SCOPES)
def test_a_list_of_limits_has_an_end(sendoff, scope):
    set_, show = SCOPES[scope]
    many = [word for n in range(1, 257) for word in ("--limit", f"{n}/day")]
    sendoff(*set_, *many)
    refused(sendoff.run(*set_, *many, "--limit", "300/day"), 2, "256 limits at most")
    refused(sendoff.run(*set_, "--add-limit", "300/day"), 1, "256 limits at most")
    assert len(sendoff.json(*show)[0]["limits"]) == 256
    sendoff(*set_, "--remove-limit", "1/day", "--add-limit", "300/day")


def test_one_name_in_two_scopes(sendoff):
    sendoff("account", "add", "example.com", "--sender", "example.com", "--limit", "1/day")
    sendoff("domain", "set", "example.com", "--limit", "2/day", "--spf", "off")
    sendoff("account", "set", "example.com", "--add-limit", "3/day", "--spf", "enforce")
    (domain,) = sendoff.json("domain", "show", "example.com")
    assert (domain["limits"], domain["checks"]) == (["2/day"], {"spf": "off"})
    shown = account(sendoff, "example.com")
    assert (shown["limits"], shown["checks"]) == (["1/day", "3/day"], {"spf": "enforce"})
    sendoff("account", "remove", "example.com", "--yes")
    (domain,) = sendoff.json("domain", "show", "example.com")
    assert (domain["limits"], domain["checks"]) == (["2/day"], {"spf": "off"})


def test_a_refused_change_leaves_all_as_it_was(sendoff):
    before = account(sendoff)
    options = ["--pool", "other", "--add-sender", "example.org", "--spf", "off", "--stream", "bulk"]
    refused(sendoff.run("account", "set", "blog", *options, "--remove-sender", "nowhere.example"), 1, "nowhere.example")
    assert account(sendoff) == before


def test_a_pool_without_sources_is_warned_of(sendoff):
    for option in ("--pool=empty", "--stream-pool=bulk:empty"):
        said = sendoff.run("account", "set", "blog", option)
        assert said.status == 0 and "pool empty has no address to send from yet" in said.err, said


REWRITES = [
    # what is there, what is changed, what the refusal says ("": it is done)
    ([], ["--rewrite-from", "printer@example.com"], ""),
    ([], ["--rewrite-from", "a@elsewhere.example"], "--add-sender a@elsewhere.example"),
    ([], ["--rewrite-from", "a@elsewhere.example", "--add-sender", "elsewhere.example"], ""),
    ([], ["--rewrite-from", "a@elsewhere.example", "--add-sender", "b@elsewhere.example"], "--add-sender a@elsewhere"),
    ([], ["--rewrite-from", "a@elsewhere.example", "--sender", "A@Elsewhere.example"], ""),
    ([], ["--rewrite-from", "a@example.com", "--sender", "elsewhere.example"], "--add-sender a@example.com"),
    ([], ["--rewrite-from", "a@sub.example.com"], "--add-sender a@sub.example.com"),
    (["--add-sender", "*"], ["--rewrite-from", "a@anywhere.example"], ""),
    (["--add-sender", "*"], ["--rewrite-from", "a@anywhere.example", "--remove-sender", "*"], "no address that"),
    (["--rewrite-from", "a@example.com"], ["--sender", "elsewhere.example"], "--rewrite-from none"),
    (["--rewrite-from", "a@example.com"], ["--sender", "elsewhere.example", "--rewrite-from", "none"], ""),
    (["--rewrite-from", "a@example.com"], ["--sender", "elsewhere.example", "--add-sender", "a@example.com"], ""),
    (["--rewrite-from", "a@example.com", "--add-sender", "b.example"], ["--remove-sender", "b.example"], ""),
    (["--rewrite-from", "a@example.com", "--add-sender", "b.example"], ["--remove-sender", "example.com"], "could no longer"),
]


@pytest.mark.parametrize("before, change, says", REWRITES, ids=lambda value: " ".join(value))
def test_from_is_rewritten_to_a_sender_only(sendoff, before, change, says):
    if before:
        sendoff("account", "set", "blog", *before)
    shown = account(sendoff)
    result = sendoff.run("account", "set", "blog", *change)
    if says:
        refused(result, 1, says)
        assert account(sendoff) == shown
    else:
        assert result.status == 0, result


def test_a_new_account_rewrites_to_a_sender_only(sendoff):
    new = ("account", "add", "scanner", "--sender", "example.com", "--rewrite-from")
    refused(sendoff.run(*new, "a@example.org"), 1, "--sender a@example.org")
    assert [shown["account"] for shown in sendoff.json("account", "list")] == ["blog"]
    sendoff(*new, "a@example.com")


def test_an_unsigned_rewritten_from_is_warned_of(sendoff):
    sendoff("account", "set", "blog", "--add-sender", "*")
    said = sendoff.run("account", "set", "blog", "--rewrite-from", "a@unsigned.example")
    assert said.status == 0 and "sendoff domain add unsigned.example" in said.err, said
    said = sendoff.run("account", "set", "blog", "--rewrite-from", "a@mail.example.com")
    assert said.status == 0 and said.err == "", "its parent signs for it"
    both = ["--add-sender", "b@unsigned.example", "--add-sender", "unsigned.example", "--rewrite-from", "b@unsigned.example"]
    said = sendoff.run("account", "set", "blog", *both)
    assert said.err.count("unsigned.example will not be signed") == 1, said


@pytest.mark.parametrize(
    "options, pieces",
    [
        (["--time-zone", "Mars/Olympus"], ["Mars/Olympus", "Europe/Vienna"]),
        (["--time-zone", "../../etc/passwd"], ["--time-zone"]),
        (["--time-zone", "/etc/localtime"], ["--time-zone"]),
        (["--time-zone", "Europe/../Europe/Vienna"], ["--time-zone"]),
        (["--time-zone", "tzdata.zi"], ["--time-zone"]),
        (["--time-zone", "leapseconds"], ["--time-zone"]),
        (["--time-zone", "Europe"], ["--time-zone"]),
        (["--time-zone", "Berlin"], ["Europe/Vienna"]),
        (["--time-zone", ""], ["--time-zone"]),
        (["--time-zone", "E" * 300], ["--time-zone"]),
        (["--rewrite-from", "example.com"], ["printer@example.com"]),
        (["--rewrite-from", "drücker@example.com"], ["printer@example.com"]),
        (["--rewrite-from", '"a <b>"@example.com'], ["printer@example.com"]),
        (["--rewrite-from", "printer@example.com, b@example.com"], ["printer@example.com"]),
        (["--to", "not a domain"], ["--to not a domain", "*.example.com"]),
        (["--stream", "news"], ["transactional or bulk"]),
        (["--stream-limit", "5000/day"], ["bulk:5000/day"]),
        (["--stream-limit", "both:5/day"], ["bulk:5000/day"]),
        (["--stream-limit", "bulk:"], ["bulk:5000/day"]),
        (["--stream-limit", "bulk:5/fortnight"], ["fortnight"]),
        (["--stream-pool", "bulk:a b"], ["pool's name"]),
        (["--suppressed", "ignore"], ["refuse or drop"]),
        (["--suppress-after", "0"], ["1 to 100"]),
        (["--suppress-after", "101"], ["1 to 100"]),
        (["--suppress-after", "two"], ["1 to 100"]),
        (["--not-to", "@"], ["--not-to @", "*.example.com"]),
        (["--rewrite-from", "*@example.com "], ["printer@example.com"]),
        (["--spfx", "off"], ["is not an option"]),
        (["--spf", "sometimes"], ["off, observe, enforce or default"]),
        (["--account", "observe"], ["the check account is always enforced; those with a mode: sendoff policy list"]),
        (["--sender", "none"], ["suspended"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_wrong_values_say_what_to_write(sendoff, options, pieces):
    before = account(sendoff)
    refused(sendoff.run("account", "set", "blog", *options), 2, *pieces)
    assert account(sendoff) == before
