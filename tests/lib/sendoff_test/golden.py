"""What commands print, kept in files: `tests/golden`. SENDOFF_GOLDEN=write writes them anew, to be read before they are committed."""

import difflib
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

# And where a gateway runs. The width stays what it is, so that a table whose columns change does not pass.
LIVE = [
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", "2026-11-28T12:00:00.000"),
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d UTC", "2026-11-28 12:00 UTC"),
    (r"\b20\d\d-\d\d-\d\d\b", "2026-11-28"),
    (r"(?m)^\d\d-\d\d \d\d:\d\d:\d\d ", "11-28 12:00:00 "),
    (r"\bs20\d{4}([re])", r"s202611\1"),  # selectors
    (r"\bid=20\d{12}\b", "id=20261128120000"),  # of an MTA-STS policy
    (r'(\bsendoff why |\bref=|"ref":"|(?m:^)    why      )[0-9A-HJKMNP-TV-Z]{8}\b', r"\1REFERENC"),
    # The steps of send-test, and the stages of a delivery: which of them it sees is chance.
    (r"(?m)^ +\d+\.\d\ds  (?=[a-zA-Z]+ )", "  0.00s  "),
    (r'"seconds":\d+(\.\d+)?', '"seconds":0'),
    (r"(?m)^  0\.00s  delivery  .*\n(  +mx-.*\n)?", ""),
    (r'(?m)^{"step":"delivery",.*\n', ""),
    (r"accepted it, \d+\.\d\ds after the session began\. What it\sdoes", "accepted it, 0.00s after the session began. What it\ndoes"),
    (r"(?m)^(    after +)\d+\.\d\ds$", r"\g<1>0.00s"),
    (r"\(after [\d.]+m?s\)", "(after 0ms)"),
    (r"(?m)^(    took     )[\d.]+m?s$", r"\g<1>0ms"),
    (r"\b(first attempt|delivered) after [\d.]+m?s", r"\1 after 0ms"),
    (r'"(after_ms|age_ms|took_ms|attempt_ms)":\d+', r'"\1":0'),
    (r"\bage_ms=\d+", "age_ms=0"),
    (r"\b(UTC, in) (\d+[dhms])+\b", r"\1 SPAN"),  # retries are spread
    (r"\bfirst (\d+[ms])+ ago", "first 0s ago"),
    (r"half\s+within\s+\S+,\s+nine\s+of\s+ten\s+within\s+\S+\s+\((\d+)\s+message", r"half within 10ms, nine of ten within 10ms (\1 message"),  # what was learnt
    (r'"(half_within_ms|most_within_ms|usual_delay_ms)":\d+', r'"\1":10'),
    (r"\bat \d\d:00 to \d\d:59 UTC", "at 12:00 to 12:59 UTC"),
    (r'"hour":\d+', '"hour":12'),
    (r"(?m)^([0-9A-Z]{12}  .*  \d+  )(?:\d+[dhms])+$", r"\1NEXT"),  # of queue list
    (r"\b[0-9.]+[KMG] are free\b", "1G are free"),
    (r"\bmade (\d+[ms])+ ago\b", "made 0s ago"),
    (r"\(process \d+\):\s+it\s+greets\s+with\s", "(process 1): it greets with "),
    # status
    (r"(?m)^((?:pid|uptime_seconds|store_operations|store_commits|store_waiting|disk_free|disk_reserve) +)\S+$", r"\1N"),
    (r'"(pid|uptime_seconds|store_operations|store_commits|store_waiting|disk_free|disk_reserve|seconds_left)":\d+', r'"\1":0'),
    (r"\bfor (10m|[1-9]m(\d+s)?)(?=\s)", "for 10m"),  # a ban of ten minutes
    (r"\bpaused by command, 1h5\dm", "paused by command, 1h59m"),
    (r"(\[203\.0\.114\.\d+\]:25, for )(\d+[dhms])+", r"\1SPAN"),  # under way
    (r"\busually after (under 1s|\d+\S*)", "usually after under 1s"),
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
        before = file.read()
    changes = difflib.unified_diff(before.splitlines(), text.splitlines(), "was", "is", lineterm="", n=1)
    assert text == before, f"{name} has changed; if it is meant to: SENDOFF_GOLDEN=write\n" + "\n".join(changes)
