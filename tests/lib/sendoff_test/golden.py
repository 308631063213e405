"""What commands print, kept in files: `tests/golden`. SENDOFF_GOLDEN=write writes them anew, to be read before they are committed."""

import os
import re

FOLDER = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../golden"))
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"

# What is new with each run, and what of this machine is in the output.
VARIABLE = [
    (r'(?<="made\.backup","octets":)\d+', "1"),  # compressed
    (r"(?<=^made\.backup  )[0-9.]+K", "SIZE"),
    (r"systemctl start sendoff", "sendoff serve"),  # where the package is installed
    (r"\b[a-z2-9]{26}\b", "PASSWORD"),
    (r"[A-Za-z0-9+/]{40,}={0,2}", "BASE64"),
    (r'("BASE64"(\s+"[A-Za-z0-9+/=]+")*)', '"BASE64"'),
    (r"\b[0-9A-HJKMNP-TV-Z]{12}\b", "ID"),
]


def clock(when):
    """The environment in which a program's clock stands at a time (libfaketime), and its terminal has 80 columns."""
    return {
        "LD_PRELOAD": FAKETIME,
        "FAKETIME": when,
        "TZ": "UTC",
        "COLUMNS": "80",
        "ASAN_OPTIONS": "verify_asan_link_order=0",
    }


def steady(text, replaced=()):
    for pattern, by in [*replaced, *VARIABLE]:
        text = re.sub(pattern, by, text)
    return text


def check(name, text):
    path = f"{FOLDER}/{name}"
    if os.environ.get("SENDOFF_GOLDEN") == "write":
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    with open(path) as file:
        assert text == file.read(), f"{name} has changed; if it is meant to: SENDOFF_GOLDEN=write"
