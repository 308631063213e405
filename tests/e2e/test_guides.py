"""docs/applications.md: the lines for each application are taken from there and run in the library that it has. Mail arrives, with
TLS that is verified; what the application gets of a refusal is what the guide says. Of Nextcloud, GitLab and Laravel it is the
library alone, with what they make of the lines."""

import socket
import threading

import pytest

from sendoff_test import guides
from sendoff_test.dns import txt
from sendoff_test.guides import ALL, Mail, Place
from sendoff_test.letters import marker
from sendoff_test.own_folder import own_folders
from sendoff_test.verify import verified

every_mailer = pytest.mark.parametrize("name", ALL)
# Debian 12's Django is of before it verified.
VERIFYING = [name for name in ALL if name != "Django"]
# Which the guide gives port 587.
BY_STARTTLS = ["Django", "Rails", "Node.js", "Python", "Perl"]


@pytest.fixture(scope="module", autouse=True)
def own_files(tmp_path_factory):
    own_folders(str(tmp_path_factory.mktemp("layers")), "/etc", "/usr/local/share")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("example.net")


@pytest.fixture(scope="module", params=["CA", "self-signed"])
def place(lab, request):
    """Its certificate is of a CA of one's own, or the gateway's own."""
    made = Place(lab, *(lab.authority.certificate(guides.HOST) if request.param == "CA" else ())).start()
    guides.trust(lab.authority.roots if request.param == "CA" else made.certificate, f"{lab.folder}/{request.param}")
    return made


@every_mailer
def test_it_arrives(lab, place, recipient, name):
    mark, mailer = marker(), ALL[name]
    (said,) = place.send(mailer, Mail(["you@example.net"], subject=mark))
    assert "sent" in said, said
    arrival = recipient.wait_for(mark)
    assert arrival.sender == f"{mailer.account}@example.com" and b"with ESMTPSA" in arrival.content
    assert sorted(verified(arrival.content, lab.dns)) == [("example.com", "ed25519-sha256"), ("example.com", "rsa-sha256")]
