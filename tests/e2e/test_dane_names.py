"""Which names DANE goes by (RFC 7672 2.2, 3.2): where TLSA records are looked for behind aliases, and what a certificate of a
CA of the domain's own (DANE-TA) may be for."""

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.hostile_dns import HostileDns, silent
from sendoff_test.lab import exchanger_name
from sendoff_test.mx import server_context
from sendoff_test.tlsa import publish, tlsa

FROM = "a@example.com"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("dane")


def send(gateway, account, domain):
    return submit_marked(gateway, account, FROM, [f"r@{domain}"])


def delivered(gateway, domain):
    return gateway.wait_event("delivered", "--to", f"r@{domain}", timeout=60)[0]


def deferred(gateway, domain):
    return gateway.wait_event("deferred", "--to", f"r@{domain}", timeout=60)[-1]


def exchanger_for(lab, address, name):
    """With a certificate of the authority for that name; and the names that clients ask it for."""
    context, asked = server_context(*lab.authority.chain(name)), []
    context.sni_callback = lambda _, name, __: asked.append(name)
    return lab.exchanger(address=address, tls=context), asked


@pytest.mark.parametrize("name", ["host", "next hop", "where its alias leads", "another"])
def test_a_next_hop_that_is_an_alias(lab, gateway, account, name):
    """3.2.2: the certificate may be for the host, for the domain that the mail is for, or for where its CNAME leads, at
    which the MX records are."""
    address, domain, target = lab.block.new_address(), lab.new_domain(), lab.new_domain()
    host = exchanger_name(address)
    names = {"host": host, "next hop": domain, "where its alias leads": target, "another": lab.new_domain()}
    mx, asked = exchanger_for(lab, address, names[name])
    lab.dns.update({(domain, "CNAME"): [f"{target}."], (target, "MX"): [f"10 {host}."]})
    publish(lab, host, tlsa(2, 0, 1, lab.authority.roots))
    mark = send(gateway, account, domain)
    if name == "another":
        assert deferred(gateway, domain)["rule"] == "dane" and not mx.arrivals
        return
    mx.wait_for(mark)
    assert delivered(gateway, domain)["tlsa"] == "2 0 1" and asked[0] == host


@pytest.mark.parametrize("where", ["its end", "its beginning"])
@pytest.mark.parametrize("name", ["its end", "its beginning", "another"])
def test_a_domain_without_mx_that_is_an_alias(lab, gateway, account, where, name):
    """2.2.2, 3.2.2: its own host. The records are at the end of the alias, and the domain is a name of its certificate, too;
    those at its beginning count only where there are none at the end, and then for that name alone."""
    address, domain = lab.block.new_address(), lab.new_domain()
    host = exchanger_name(address)
    names = {"its end": host, "its beginning": domain, "another": lab.new_domain()}
    mx, asked = exchanger_for(lab, address, names[name])
    lab.dns.set(domain, "CNAME", f"{host}.")
    publish(lab, host if where == "its end" else domain, tlsa(2, 0, 1, lab.authority.roots))
    if where == "its end":
        publish(lab, domain, tlsa(2, 0, 1, lab.authority.roots, wrong=True))
    mark = send(gateway, account, domain)
    if name == "another" or (name, where) == ("its end", "its beginning"):
        assert deferred(gateway, domain)["rule"] == "dane" and not mx.arrivals
    else:
        mx.wait_for(mark)
        assert delivered(gateway, domain)["verified"] == "dane"
    assert asked[0] == (host if where == "its end" else domain)


def test_records_by_an_alias(lab, gateway, account):
    """RFC 7671 7: those of several hosts may be in one place. The host keeps its name."""
    address, domain = lab.block.new_address(), lab.new_domain()
    host, place = exchanger_name(address), f"tlsa.{domain}"
    mx, asked = exchanger_for(lab, address, host)
    lab.dns.update(
        {
            (domain, "MX"): [f"10 {host}."],
            (f"_{lab.delivery_port}._tcp.{host}", "CNAME"): [f"{place}."],
            (place, "TLSA"): [tlsa(2, 0, 1, lab.authority.roots)],
        }
    )
    mx.wait_for(send(gateway, account, domain))
    assert delivered(gateway, domain)["verified"] == "dane" and asked == [host]


@pytest.mark.parametrize("usage", [2, 3])
def test_a_certificate_that_has_expired(lab, gateway, account, usage):
    """3.1.1, 3.1.2: dates count for a CA's, and not where the record has the certificate itself."""
    address, domain = lab.block.new_address(), lab.new_domain()
    host = exchanger_name(address)
    certificate, key = lab.authority.certificate(host, days=-1)
    mx = lab.exchanger(domain, address=address, tls=server_context(certificate, key))
    publish(lab, host, tlsa(3, 1, 1, certificate) if usage == 3 else tlsa(2, 0, 0, lab.authority.roots))
    mark = send(gateway, account, domain)
    if usage == 3:
        mx.wait_for(mark)
        assert delivered(gateway, domain)["verified"] == "dane"
    else:
        event = deferred(gateway, domain)
        assert event["rule"] == "dane" and "expired" in event["text"] and not mx.arrivals, event


def test_records_that_nobody_answers_for(lab):
    """2.1.2: a timeout is no denial."""
    hostile = HostileDns(lab.block, lab.dns)
    lab._closing.append(hostile)
    gateway = lab.new_gateway().configure(servers=[hostile.server]).start()
    account = gateway.add_account("timeout")
    mx = lab.exchanger(lab.new_domain(), tls="good")
    publish(lab, mx.name, tlsa(3, 1, 1, lab.certificate()[0]))  # else what denies the host's AAAA denies these, too
    hostile.spoilt[f"_{lab.delivery_port}._tcp.{mx.name}"] = silent
    mark = send(gateway, account, mx.domain)
    event = deferred(gateway, mx.domain)
    assert event["rule"] == "dns" and f"DNS does not answer for the TLSA records of {mx.name}" in event["text"], event
    assert not mx.arrivals
    hostile.spoilt.clear()
    gateway.restart()  # libunbound remembers for a while who is silent
    gateway.sendoff.run("queue", "retry", "--to", f"r@{mx.domain}", "--yes")  # it may have gone by itself
    mx.wait_for(mark, timeout=90)
    assert delivered(gateway, mx.domain)["verified"] == "dane"
    gateway.stop()
