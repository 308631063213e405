"""Keys that the gateway publishes itself, by updates of a zone (RFC 2136) or through a program: then nobody does anything."""

import base64
import os
import stat

import dns.message
import dns.query
import pytest

from sendoff_test.processes import wait_until
from sendoff_test.rotation import Zone, age, in_state, keys, send, sent_by, signed_by

HOOK = """#!/bin/sh
echo "$*" >>{folder}/calls
[ -e {folder}/broken ] && echo "the provider is on holiday" >&2 && exit 3
exit 0
"""


@pytest.fixture(scope="module")
def box(lab):
    return lab.exchanger(lab.new_domain())


def secret_file(lab, text, mode=0o600):
    path = f"{lab.folder}/tsig-{lab.block.new_port()}"
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def texts(server, name):
    answer = dns.query.tcp(dns.message.make_query(name, "TXT"), server.address, timeout=10, port=53)
    return [b"".join(r.strings).decode() for rrset in answer.answer for r in rrset]


def gateway_with(lab, more):
    return lab.new_gateway().configure(more=more).start()


@pytest.mark.parametrize("algorithm, form", [("hmac-sha256", "{secret}\n"), ("hmac-sha512", 'key "k" {{\n algorithm hmac-sha512;\n secret "{secret}";\n}};\n')])
def test_by_updates_of_the_zone(lab, box, algorithm, form):
    """Its own zone: nobody has to do anything from the first rotation on."""
    secret = base64.b64encode(os.urandom(48)).decode()
    zone = Zone(lab, servers=1, update_key=("update-key", algorithm, secret))
    (server,) = zone.servers
    file = secret_file(lab, form.format(secret=secret))
    block = f'dns_update "{zone.name}" {{ server = "{server.address}@53" key_name = "update-key" algorithm = "{algorithm}" key_file = "{file}" }}'
    gateway = gateway_with(lab, block)
    account = gateway.add_account("updates", senders=["*"])
    gateway.sendoff("domain", "add", zone.name)
    zone.serve(gateway.sendoff.json("domain", "records", zone.name))
    (before,) = in_state(gateway, zone, "active")
    gateway.sendoff("dkim", "rotate", zone.name)
    (waiting,) = in_state(gateway, zone, "waiting")
    name = f"{waiting}._domainkey.{zone.name}"
    (published,) = wait_until(lambda: texts(server, name), "the zone has been updated", 60)
    assert published in {r["value"] for r in gateway.sendoff.json("domain", "records", zone.name)}
    lab.dns.serve(zone.name, zone.text(gateway.sendoff.json("domain", "records", zone.name)))  # the resolver's view of it
    wait_until(lambda: sent_by(gateway, account, zone, box, [waiting]), "it signs", 90)
    assert texts(server, f"{before}._domainkey.{zone.name}"), "the old one's record stays"
    wait_until(lambda: keys(gateway, zone)[before]["left"], "its mail has gone", 60)
    age(gateway, zone, 8, "old")
    wait_until(lambda: before not in keys(gateway, zone), "it is gone", 90)
    assert not texts(server, f"{before}._domainkey.{zone.name}") and texts(server, name)
    gateway.stop()


def test_a_refused_update_is_said(lab):
    secret = base64.b64encode(os.urandom(32)).decode()
    zone = Zone(lab, servers=1, update_key=("update-key", "hmac-sha256", secret))
    file = secret_file(lab, base64.b64encode(os.urandom(32)).decode())
    gateway = gateway_with(lab, f'dns_update "{zone.name}" {{ server = "{zone.servers[0].address}@53" key_name = "update-key" key_file = "{file}" }}')
    gateway.sendoff("domain", "add", zone.name)
    zone.serve(gateway.sendoff.json("domain", "records", zone.name))
    gateway.sendoff("dkim", "rotate", zone.name)
    (waiting,) = in_state(gateway, zone, "waiting")
    found = wait_until(lambda: keys(gateway, zone)[waiting]["found"], "it was tried", 60)
    assert "its record cannot be published" in found and zone.name in found, found
    assert 'event="dkim key waits"' in gateway.output()
    gateway.stop()


def test_through_a_program(lab, box):
    zone = Zone(lab, servers=1)
    folder = f"{lab.folder}/hook"
    os.makedirs(folder)
    with open(f"{folder}/hook", "w") as script:
        script.write(HOOK.format(folder=folder))
    os.chmod(f"{folder}/hook", stat.S_IRWXU)
    open(f"{folder}/broken", "w").close()
    gateway = gateway_with(lab, f'dns_hook = "{folder}/hook"')
    account = gateway.add_account("hook", senders=["*"])
    gateway.sendoff("domain", "add", zone.name)
    zone.serve(gateway.sendoff.json("domain", "records", zone.name))
    (before,) = in_state(gateway, zone, "active")
    gateway.sendoff("dkim", "rotate", zone.name)
    (waiting,) = in_state(gateway, zone, "waiting")

    def calls():
        with open(f"{folder}/calls") as file:
            return file.read().splitlines()

    found = wait_until(lambda: keys(gateway, zone)[waiting]["found"], "it was tried", 60)
    assert "dns_hook ended with status 3: the provider is on holiday" in found
    os.remove(f"{folder}/broken")
    wait_until(lambda: len(calls()) > 1, "it was tried again", 60)
    verb, name, kind, value = calls()[-1].split(" ", 3)
    assert (verb, name, kind) == ("add", f"{waiting}._domainkey.{zone.name}", "TXT") and value.startswith("v=DKIM1; k=rsa; p=")
    assert signed_by(send(gateway, account, zone, box)) == [before], "the program says that it is done, and DNS has it not"
    zone.serve(gateway.sendoff.json("domain", "records", zone.name))
    wait_until(lambda: sent_by(gateway, account, zone, box, [waiting]), "it signs", 90)
    wait_until(lambda: keys(gateway, zone)[before]["left"], "its mail has gone", 60)
    age(gateway, zone, 8, "old")
    wait_until(lambda: before not in keys(gateway, zone), "it is gone", 90)
    assert calls()[-1].startswith(f"remove {before}._domainkey.{zone.name} TXT v=DKIM1;")
    gateway.stop()


def test_a_delegated_domain(lab, box):
    """Its DNS has CNAMEs into the gateway's own zone, which is updated: the two names take turns."""
    secret = base64.b64encode(os.urandom(32)).decode()
    own = Zone(lab, name="dkim.host", servers=1, update_key=("k", "hmac-sha256", secret))
    (server,) = own.servers
    file = secret_file(lab, secret)
    gateway = gateway_with(lab, f'dns_update "{own.name}" {{ server = "{server.address}@53" key_name = "k" key_file = "{file}" }}')
    account = gateway.add_account("delegated", senders=["*"])
    zone = Zone(lab, servers=1)
    gateway.sendoff("domain", "add", zone.name)
    gateway.sendoff("domain", "set", zone.name, "--delegate", own.name)
    records = gateway.sendoff.json("domain", "records", zone.name)
    aliases = {r["name"]: r["value"].rstrip(".") for r in records if r["type"] == "CNAME"}
    assert aliases == {
        f"sendoff-r{n}._domainkey.{zone.name}": f"sendoff-r{n}.{zone.name}.{own.name}" for n in (1, 2)
    }, records
    zone.serve([r for r in records if not r["name"].endswith(own.name)])  # once; never again
    (before,) = in_state(gateway, zone, "active")
    for turn, expected in enumerate(("sendoff-r1", "sendoff-r2", "sendoff-r1")):
        gateway.sendoff("dkim", "rotate", zone.name)
        assert in_state(gateway, zone, "waiting") == [expected]
        target = f"{expected}.{zone.name}.{own.name}"
        wait_until(lambda: texts(server, target), "the zone has been updated", 60)
        mirror = [{"name": target, "type": "TXT", "value": texts(server, target)[0]}]
        lab.dns.serve(own.name, own.text(mirror))  # what a resolver would see by itself
        wait_until(lambda: sent_by(gateway, account, zone, box, [expected]), "it signs", 90)
        wait_until(lambda: keys(gateway, zone)[before]["left"], "its mail has gone", 60)
        if turn == 1:
            refused = gateway.sendoff.run("dkim", "rotate", zone.name)
            assert refused.status == 1 and f"mail that {before} has signed is still on its way" in refused.err
        age(gateway, zone, 8, "old")
        if before.startswith("sendoff"):
            wait_until(lambda: before not in keys(gateway, zone), "it is gone", 90)
        else:
            wait_until(lambda: in_state(gateway, zone, "retired") == [before], "the customer may take it out", 90)
            gateway.sendoff("dkim", "retire", zone.name, before)
        before = expected
    gateway.stop()
