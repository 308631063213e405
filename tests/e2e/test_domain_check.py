"""What `sendoff domain check` finds of a domain in DNS: at each of its name servers, which may disagree, and at the resolver."""

import json

import pytest

from sendoff_test.dns import BROKEN, SIGNED, txt
from sendoff_test.lab import SOURCE
from sendoff_test.name_server import NameServer
from sendoff_test.policy_server import PolicyServer, policy
from sendoff_test.signed_zone import SignedZone

PUBLIC, PUBLIC_PTR, HELO = "193.0.2.25", "25.2.0.193.in-addr.arpa", "smtp.example.com"
LOGO = '<svg version="1.2" baseProfile="tiny-ps"><title>x</title></svg>'


@pytest.fixture(scope="module")
def gateway(lab):
    made = lab.new_gateway().configure(delivery=f'https_trust = "{lab.authority.roots}"')
    made.sendoff("source", "add", SOURCE, "--helo", HELO)
    return made


@pytest.fixture(scope="module")
def web(lab):
    return PolicyServer(lab)


class Zone:
    """A domain with a zone of its own at two name servers, and as the resolver sees it. `lines`: its records."""

    def __init__(self, lab, gateway, name, options=("--key", "ed25519")):
        self.lab, self.gateway, self.name = lab, gateway, name
        addresses = [lab.block.new_address(), lab.block.new_address()]
        names = [f"ns-{address.replace('.', '-')}.host" for address in addresses]
        lab.dns.update({(one, "A"): [address] for one, address in zip(names, addresses)})
        self.head = "".join(f"@ NS {one}.\n" for one in names)
        self.servers = [
            NameServer(lab.processes, f"{lab.folder}/{one}", address, 53, {name: self.head})
            for one, address in zip(names, addresses)
        ]
        gateway.sendoff("domain", "add", name, *options)
        self.records = {record["kind"]: record for record in gateway.sendoff.json("domain", "records", name)}

    def lines(self, **changed):
        """Everything as it should be, but for what is changed: record lines by kind, or None for none."""
        kinds = {kind: f'{one["name"]}. {one["type"]} {txt(one["value"])}' for kind, one in self.records.items()}
        kinds = {**kinds, "mx": "@ MX 10 mx\nmx A 127.0.0.9", **changed}
        return "\n".join(line for line in kinds.values() if line)

    def serve(self, text, second=None, resolver=None):
        for server, lines in zip(self.servers, (text, second or text)):
            server.serve(self.name, self.head + lines)
        self.lab.dns.serve(self.name, self.head + (resolver or text))

    def check(self):
        result = self.gateway.sendoff.run("--json", "domain", "check", self.name)
        (report,) = parsed(result.out)
        assert result.err == "" and result.status == (0 if report["right"] else 1), result
        return report

    def entry(self, kind):
        (found,) = [one for one in self.check()["records"] if one["kind"] == kind]
        return found

    def said(self):
        return self.gateway.sendoff.run("domain", "check", self.name).out


@pytest.fixture(scope="module")
def zone(lab, gateway):
    return Zone(lab, gateway, "checked.example")


def parsed(text):
    return [json.loads(line) for line in text.splitlines()]


def check(gateway, *words):
    return gateway.sendoff.run("domain", "check", *words)


def one_line(text):
    return " ".join(text.split())


# All is right.


@pytest.mark.parametrize("key", ["ed25519", "rsa2048", "both"])
def test_the_printed_zone_is_right(lab, gateway, key):
    """What `domain records` prints, loaded into name servers as it is, leaves nothing to say."""
    zone = Zone(lab, gateway, f"{key}.example", ("--key", key))
    printed = gateway.sendoff("domain", "records", zone.name, "--format", "zone")
    zone.serve(printed + "\n@ MX 10 mx\nmx A 127.0.0.9")
    report = zone.check()
    assert report["right"] is True and report["servers"] == "" and report["publish"] == [], report
    assert {one["state"] for one in report["records"]} == {"right"} and not any(one["hurts"] for one in report["records"])
    assert {one["kind"] for one in report["records"]} == {"dkim", "spf", "dmarc", "return-path"}
    assert all("verifies" in one["text"] for one in report["records"] if one["kind"] == "dkim"), report
    assert (report["dmarc"], report["dmarc_rfc7489"]) == ("pass", "pass")
    assert [one["published"] for one in report["keys"]] == ["matches"] * (2 if key == "both" else 1)
    assert [one["spf"] for one in report["sources"]] == ["pass"]
    assert f"{zone.name}: all is right" in zone.said()


def test_forms_that_are_right_too(lab, zone):
    """A text in many strings, one that comes over TCP alone, and a key that is kept in another zone."""
    key, padding = zone.records["dkim"], "\n".join(f'@ TXT "{i} {"x" * 200}"' for i in range(12))
    strings = " ".join(f'"{key["value"][i : i + 9]}"' for i in range(0, len(key["value"]), 9))
    zone.serve(zone.lines(dkim=f"{key['name']}. TXT {strings}", more=padding))
    assert zone.check()["right"], zone.said()
    elsewhere = Zone(lab, zone.gateway, "keys.example")
    elsewhere.serve(elsewhere.lines(more=f"k TXT {txt(key['value'])}"))
    zone.serve(zone.lines(dkim=f"{key['name']}. CNAME k.keys.example."))
    assert zone.check()["right"], zone.said()
    elsewhere.serve(elsewhere.lines(more=f"k TXT {txt(key['value'])}"), elsewhere.lines())
    assert zone.entry("dkim")["state"] == "old"


# What is wrong with one record.

FAULTS = {
    "no key": ("dkim", None, "missing", "there is no TXT record at s"),
    "another key": ("dkim", "{name}. TXT \"v=DKIM1; k=ed25519; p={other}\"", "wrong", "is not the one that mail is signed with"),
    "a revoked key": ("dkim", '{name}. TXT "v=DKIM1; k=ed25519; p="', "wrong", "is revoked"),
    "two keys": ("dkim", '{name}. TXT "v=DKIM1; k=ed25519; p={value}"\n{name}. TXT "x"', "wrong", "there are 2 TXT records"),
    "an alias of nothing": ("dkim", "{name}. CNAME nothing.checked.example.", "missing", "there is no TXT record at s"),
    "no SPF record": ("spf", None, "missing", "publishes no SPF record"),
    "a source that is not listed": ("spf", '@ TXT "v=spf1 mx -all"', "wrong", f"the record lacks ip4:{SOURCE}"),
    "two SPF records": ("spf", '@ TXT "v=spf1 mx -all"\n@ TXT "v=spf1 a -all"', "wrong", "there are 2 SPF records"),
    "an SPF record that is malformed": ("spf", '@ TXT "v=spf1 ip4:1.2 -all"', "wrong", "cannot be used"),
    "no DMARC record": ("dmarc", None, "missing", "no DMARC record applies"),
    "two DMARC records": ("dmarc", '_dmarc TXT "v=DMARC1; p=none"\n_dmarc TXT "v=DMARC1; p=reject"', "wrong", "another TXT record"),
    "a DMARC record that is malformed": ("dmarc", '_dmarc TXT "v=DMARC1; p=whatever"', "wrong", "DMARC"),
    "no mail comes back": ("mx", None, "missing", "has no MX, A or AAAA record"),
    "it says that it takes no mail": ("mx", "@ MX 0 .", "wrong", "says that it takes no mail"),
    "a mail exchanger without address": ("mx", "@ MX 10 nowhere", "wrong", "lead to no host that has an address"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_faults(zone, what):
    kind, lines, state, text = FAULTS[what]
    if lines and kind == "dkim":
        key = zone.records["dkim"]
        value = key["value"].rpartition("p=")[2]
        lines = lines.format(name=key["name"], value=value, other=value[:-4] + "AAA=")
    zone.serve(zone.lines(**{kind: lines}))
    report = zone.check()
    kind = "return-path" if kind == "mx" else kind
    (found,) = [one for one in report["records"] if one["kind"] == kind]
    assert not report["right"] and found["hurts"] and found["state"] == state and text in found["text"], found
    said = zone.said()
    assert f"{zone.name}: not all is right" in said and text in one_line(said), said
    if kind in ("dkim", "spf") or what.startswith("no "):
        assert kind == "return-path" or f'publish for {found["name"]}: TXT "{found["expected"]}"' in said, said


# Servers that disagree.


def test_an_old_value_at_one_server(zone):
    key = zone.records["dkim"]
    old = f'{key["name"]}. TXT "v=DKIM1; k=ed25519; p="'
    zone.serve(zone.lines(), zone.lines(dkim=old))
    found = zone.entry("dkim")
    assert found["state"] == "old" and found["hurts"], found
    assert f"({zone.servers[1].address}) still serves something else, and 1 other has it" in found["text"], found
    zone.serve(zone.lines(), zone.lines(spf=None, dmarc=None))
    spf, dmarc = zone.entry("spf"), zone.entry("dmarc")
    assert spf["state"] == dmarc["state"] == "old" and "does not have it yet" in spf["text"], (spf, dmarc)


def test_an_old_value_at_the_resolver(zone):
    key = zone.records["dkim"]
    zone.serve(zone.lines(), resolver=zone.lines(dkim=f'{key["name"]}. TXT "v=DKIM1; k=ed25519; p="'))
    found = zone.entry("dkim")
    assert found["state"] == "old" and "what was there before" in found["text"], found
    newer = {"spf": f'@ TXT "v=spf1 ip4:{SOURCE} mx ~all"', "dmarc": '_dmarc TXT "v=DMARC1; p=reject"'}
    zone.serve(zone.lines(**newer), resolver=zone.lines(spf='@ TXT "v=spf1 -all"'))
    spf, dmarc = zone.entry("spf"), zone.entry("dmarc")
    assert spf["state"] == dmarc["state"] == "old" and spf["hurts"] and not dmarc["hurts"], (spf, dmarc)
    zone.serve(zone.lines(dkim=None), resolver=zone.lines())
    assert zone.entry("dkim")["state"] == "missing"


def test_a_silent_server(lab, gateway):
    """One that does not answer is named; without any, the resolver's answers count."""
    zone = Zone(lab, gateway, "silent.example")
    zone.serve(zone.lines())
    zone.servers[1].stop()
    report = zone.check()
    assert report["right"] and f"({zone.servers[1].address}) cannot be asked" in report["servers"], report
    zone.servers[0].stop()
    report = zone.check()
    assert report["right"] and zone.servers[0].address in report["servers"], report
    assert "name servers: " in zone.said()


def test_servers_at_loopback_addresses(lab, gateway, zone):
    """Who names one in DNS has no business with what is on this machine alone."""
    zone.serve(zone.lines())
    gateway.configure(local="no")
    try:
        report = zone.check()
    finally:
        gateway.configure(delivery=f'https_trust = "{lab.authority.roots}"')
    assert report["right"] and report["servers"] == f"{zone.name} has no name server that can be asked", report


def test_dns_that_does_not_answer_is_not_right(gateway):
    domain = f"checked.{BROKEN}"
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    result = check(gateway, domain)
    said = one_line(result.out)
    assert result.status == 1 and f"unknown s" in said and "DNS did not answer" in said and "temperror" in said, result
    gateway.sendoff("domain", "remove", domain, "--yes")


def test_answers_that_dnssec_does_not_confirm(lab, gateway):
    signed, domain = SignedZone(SIGNED), f"checked.{SIGNED}"
    gateway.sendoff("domain", "add", domain, "--key", "ed25519")
    wanted = {(one["name"], "TXT"): [txt(one["value"])] for one in gateway.sendoff.json("domain", "records", domain)}
    wanted |= {(domain, "MX"): [f"10 mx.{domain}."], (f"mx.{domain}", "A"): ["127.0.0.9"]}
    lab.dns.serve_signed(signed.text(wanted), signed.ds)
    assert check(gateway, domain).status == 0, check(gateway, domain).out
    forged = {name: [txt("v=DKIM1; k=ed25519; p=")] for name in wanted if "_domainkey" in name[0]}
    lab.dns.serve_signed(signed.text(wanted, forged), signed.ds)
    (report,) = parsed(gateway.sendoff.run("--json", "domain", "check", domain).out)
    (found,) = [one for one in report["records"] if one["kind"] == "dkim"]
    assert not report["right"] and found["hurts"] and "DNSSEC does not confirm the answer" in found["text"], found



# A delegated domain.


@pytest.fixture(scope="module")
def delegated(lab, gateway):
    """One whose key was made before it was delegated; and the gateway's own zone, which it is delegated to."""
    own, zone = Zone(lab, gateway, "own.example"), Zone(lab, gateway, "delegated.example")
    gateway.sendoff("domain", "set", zone.name, "--delegate", own.name)
    return own, zone


ALIASES = {f"sendoff-e{n}._domainkey.delegated.example": f"sendoff-e{n}.delegated.example.own.example" for n in (1, 2)}


def aliases(lines):
    return "\n".join(f"{name}. CNAME {target}." for name, target in lines.items())


def dkim(zone, kind):
    return {one["name"]: one for one in zone.check()["records"] if one["kind"] == "dkim" and one["type"] == kind}


def changed_alias(target, name="sendoff-e1._domainkey.delegated.example"):
    """All of them, but that one leads there; None: it is not there."""
    others = {one: to for one, to in ALIASES.items() if one != name}
    return aliases({**others, name: target} if target else others)


LOST = ALIASES["sendoff-e1._domainkey.delegated.example"]
ALIAS_FAULTS = {
    "missing": (changed_alias(None), None, "missing", "", f"there is no CNAME record that leads to {LOST}"),
    "elsewhere": (changed_alias("old.host"), None, "wrong", "old.host", f"it leads to old.host instead of {LOST}"),
    "a TXT record": (
        changed_alias(None) + '\nsendoff-e1._domainkey TXT "v=DKIM1; p="', None, "missing", "", "there is no CNAME record"
    ),
    "missing at one server": (aliases(ALIASES), changed_alias(None), "old", LOST, "does not have it yet, and 1 other has it"),
    "elsewhere at one server": (
        aliases(ALIASES), changed_alias("old.host"), "old", "old.host", "still serves something else, and 1 other has it"
    ),
}


@pytest.mark.parametrize("what", ALIAS_FAULTS)
def test_an_alias_that_no_key_needs_yet(delegated, what):
    _, zone = delegated
    first, second, state, there, text = ALIAS_FAULTS[what]
    zone.serve(zone.lines(more=aliases(ALIASES)))
    report, found = zone.check(), dkim(zone, "CNAME")
    assert report["right"] and {name: one["expected"] for name, one in found.items()} == ALIASES, report
    assert all(one["state"] == "right" and one["expected"] in one["text"] for one in found.values()), found
    zone.serve(zone.lines(more=first), second and zone.lines(more=second))
    report, found = zone.check(), dkim(zone, "CNAME")["sendoff-e1._domainkey.delegated.example"]
    assert (found["state"], found["found"]) == (state, there) and text in found["text"], found
    assert report["right"] and not found["hurts"], found
    said = zone.said()
    assert state == "old" or f'publish for {found["name"]}: CNAME {LOST}' in said, said


def test_an_alias_that_a_key_needs(lab, gateway, delegated):
    own, zone = delegated
    gateway.sendoff("dkim", "rotate", zone.name, "--force")
    (key,) = [one for one in gateway.sendoff.json("domain", "records", zone.name) if one.get("key_state") == "active"]
    assert key["name"] == LOST
    own.serve(own.lines(more=f'{LOST}. TXT {txt(key["value"])}'))
    zone.serve(zone.lines(more=aliases(ALIASES)))
    report = zone.check()
    assert report["right"] and "verifies" in dkim(zone, "TXT")[LOST]["text"], report
    for target, state in [(None, "missing"), ("old.host", "wrong")]:
        zone.serve(zone.lines(more=changed_alias(target)))
        found, its_key = dkim(zone, "CNAME")["sendoff-e1._domainkey.delegated.example"], dkim(zone, "TXT")[LOST]
        assert found["state"] == state and found["hurts"] and not zone.check()["right"], found
        assert its_key["state"] == "missing" and its_key["hurts"], its_key
    own.serve(own.lines())
    zone.serve(zone.lines(more=aliases(ALIASES)))
    found = dkim(zone, "CNAME")["sendoff-e1._domainkey.delegated.example"]
    assert found["state"] == "right" and not found["hurts"] and dkim(zone, "TXT")[LOST]["state"] == "missing", found
    assert f'publish for {LOST}: TXT "{key["value"]}"' in zone.said()


# The sources' names.


def test_the_name_of_an_address(lab, zone):
    """An address that the world knows: its PTR record, and the name that leads back."""
    gateway = zone.gateway
    gateway.sendoff("source", "add", "127.0.0.3", "--helo", HELO, "--pool", "world", "--public", PUBLIC)
    gateway.add_account("world", "--pool", "world", senders=(zone.name,))
    zone.serve(zone.lines(spf=f'@ TXT "v=spf1 ip4:{PUBLIC} -all"'))
    try:
        found = {one["kind"]: one for one in zone.check()["records"]}
        assert found["ptr"]["state"] == "missing" and found["ptr"]["hurts"] and "no PTR record" in found["ptr"]["text"], found
        assert found["helo"]["state"] == "missing" and found["helo"]["hurts"], found
        lab.dns.update({(PUBLIC_PTR, "PTR"): ["host.provider.net."], ("host.provider.net", "A"): [PUBLIC], (HELO, "A"): [PUBLIC]})
        found = {one["kind"]: one for one in zone.check()["records"]}
        assert found["ptr"]["state"] == "wrong" and found["ptr"]["found"] == "host.provider.net", found
        assert found["helo"]["state"] == "right", found
        lab.dns.set(PUBLIC_PTR, "PTR", f"{HELO}.")
        assert zone.check()["right"], zone.said()
    finally:
        gateway.sendoff("account", "remove", "world", "--yes")
        gateway.sendoff("source", "remove", "127.0.0.3", "--yes")


# What comes back, and the logo.


def test_mta_sts(lab, zone, web):
    web.certify(zone.name, lab.authority.certificate(f"mta-sts.{zone.name}"))
    lab.dns.set("mx.elsewhere.host", "A", "127.0.0.9")
    announced = f"_mta-sts TXT \"v=STSv1; id=1\"\nmta-sts A {web.address}"
    zone.serve(zone.lines(more=announced))
    found = zone.entry("mta-sts")
    assert found["state"] == "wrong" and not found["hurts"] and "cannot be had" in found["text"], found
    web.serve(zone.name, policy(f"mx.{zone.name}"))
    assert zone.entry("mta-sts")["state"] == "right" and zone.check()["right"]
    zone.serve(zone.lines(more=announced, mx="@ MX 10 mx.elsewhere.host."))
    found = zone.entry("mta-sts")
    assert found["hurts"] and "does not name the mail exchanger mx.elsewhere.host" in found["text"], found
    zone.serve(zone.lines(more='_mta-sts TXT "v=STSv1; id="'))
    assert "counts for nothing" in zone.entry("mta-sts")["text"]


@pytest.mark.parametrize(
    "text, state, said",
    [
        ("v=TLSRPTv1; rua=mailto:tls@checked.example", "right", "tls@checked.example"),
        ("v=TLSRPTv1; rua=tls@checked.example", "wrong", "names no address"),
        ("v=TLSRPTv1", "wrong", "names no address"),
    ],
)
def test_tls_rpt(zone, text, state, said):
    zone.serve(zone.lines(more=f'_smtp._tls TXT "{text}"'))
    found = zone.entry("tls-rpt")
    assert found["state"] == state and said in found["text"] and zone.check()["right"], found


def test_bimi(lab, zone, web):
    web.certify(zone.name, lab.authority.certificate(f"mta-sts.{zone.name}"))
    url = f"https://mta-sts.{zone.name}/.well-known/mta-sts.txt"  # what this web server has
    announced = f"mta-sts A {web.address}\ndefault._bimi TXT \"v=BIMI1; l={url}\""
    enforced = '_dmarc TXT "v=DMARC1; p=quarantine"'
    web.serve(zone.name, LOGO, kind="image/svg+xml")
    zone.serve(zone.lines(more=announced))
    assert "only when the domain's DMARC policy is" in zone.entry("bimi")["text"]
    zone.serve(zone.lines(more=announced, dmarc=enforced))
    found = zone.entry("bimi")
    assert found["state"] == "right" and "want a certificate" in found["text"] and zone.check()["right"], found
    for answer, text in [
        (LOGO.replace("tiny-ps", "tiny"), "no baseProfile"),
        (LOGO.replace("<title>x</title>", ""), "no title"),
        (LOGO.replace("</svg>", "<script/></svg>"), "script"),
        (LOGO + " " * 32768, "more than 32 KB"),
    ]:
        web.serve(zone.name, answer, kind="image/svg+xml")
        found = zone.entry("bimi")
        assert found["state"] == "wrong" and text in found["text"] and not found["hurts"], found
    zone.serve(zone.lines(more='default._bimi TXT "v=BIMI1; l=http://x.example/l.svg"', dmarc=enforced))
    assert "https://" in zone.entry("bimi")["text"]


# The command.


def test_all_domains(gateway):
    gateway.sendoff("domain", "add", "unpublished.example.net", "--key", "ed25519")
    domains = {one["domain"] for one in gateway.sendoff.json("domain", "list")}
    result = gateway.sendoff.run("domain", "check")
    assert result.status == 1 and all(f"{domain}: " in result.out for domain in domains), result
    assert check(gateway, "nowhere.example").status == 1 and check(gateway, "no domain").status == 2
