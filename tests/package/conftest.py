"""Fixtures for the tests of the Debian package; those of the whole program (tests/conftest.py) are there, too."""

import pytest

from sendoff_test.debian_root import DebianRoot, own_mounts


@pytest.fixture(scope="module", autouse=True)
def mounts():
    own_mounts()


@pytest.fixture
def debian(tmp_path):
    made = DebianRoot(tmp_path)
    yield made
    made.close()
