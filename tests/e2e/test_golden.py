"""What each command prints: for people in 80 columns, and as JSON. The store is that of the newest fixture (it is upgraded
first), the clock stands. A command that changes something has a store of its own."""

import os
import re
import shutil
import subprocess

import pytest

from sendoff_test import golden, stored
from sendoff_test.command import PROGRAM, SANITIZERS, assert_no_report
from test_golden_live import LINES as LIVE
from test_golden_setup import FILES as SETUP_FILES, LINES as SETUP
from test_upgrade import FOLDERS

WHEN = "2026-11-28 18:00:00"
NEWEST = max(FOLDERS, key=lambda folder: int(folder.rpartition("-")[2]))
SHAPING = os.path.normpath(os.path.join(golden.FOLDER, "../../deploy/shaping.conf"))
CONFIG = """hostname = "smtp.example.com"
data_dir = "{data}"
listen "127.0.0.1:2587" {{ tls = "optional" }}
dns {{ servers = {{"{dns}"}} }}
"""

# By the name of its file; the words, where HELD and WAITING are ids in the store, REF is a refusal's reference. "$" ends a pattern
# of what stays out.
READING = {
    "account-list": "account list",
    "account-show": "account show blog",
    "account-show-suspended": "account show late-payer",
    "account-usage": "account usage blog",
    "account-usage-all": "account usage",
    "account-review": "account review blog",
    "config-check": "config check",
    "dkim-list": "dkim list",
    "domain-list": "domain list",
    "domain-show": "domain show example.com",
    "domain-usage": "domain usage",
    "gateway-show": "gateway show",
    "gateway-usage": "gateway usage",
    "help": "help",
    "help-limits": "help limits",
    "help-config": "help config",
    "help-verb": "help queue release",
    "help-noun": "help dkim",
    "import-accounts": "import accounts FILES/accounts.csv --dry-run",
    "import-postfix": "import postfix FILES/postfix --dry-run",
    "log": "log",
    "log-account": "log --account tiny",
    "log-summary": "log summary --by account --since 2026-11-28 --utc",
    "log-summary-domain": "log summary --by domain --since 2026-11-28 --utc",
    "log-export": "log export --format csv --account tiny --utc",
    "domain-records": "domain records shop.example",
    "domain-records-table": "domain records shop.example --format table",
    "explain": "explain --account shop --from orders@shop.example --to user@example.net",
    "explain-refused": "explain --account shop --from ceo@bank.example --to user@example.net",
    "site-show": "site show quiet.example",
    "site-check": f"site check {SHAPING}",
    "status-not-running": "status",
    "unban-not-running": "unban 192.0.2.7",
    "send-test-not-running": "send-test --account blog --to user@example.net",
    "tls-report-send-not-running": "tls-report send",
    "log-show": "log show WAITING",
    "policy-list": "policy list",
    "policy-replay": "policy replay --since 7d --limit 3/day",
    "policy-replay-list": "policy replay --since 7d --account blog --limit 3/day --list",
    "queue-list": "queue list",
    "queue-list-held": "queue list --state held",
    "queue-show": "queue show WAITING",
    "queue-summary": "queue summary",
    "route-list": "route list",
    "site-list": "site list",
    "source-list": "source list",
    "suppression-list": "suppression list",
    "suppression-bounces": "suppression list --bounces",
    "suppression-export": "suppression export -",
    "tls-report-list": "tls-report list",
    "tls-report-show": "tls-report show down.example.net",
    "why": "why REF",
    "why-message": "why WAITING",
    "completion-bash": "completion bash",
    "completion-zsh": "completion zsh",
    "restore-nothing": "restore nothing.backup",
    "completion-words": "completion words -- account s",
}
CHANGING = {
    "account-add": "account add new --sender example.com --limit 60/minute:smooth",
    "account-add-unsigned": "account add new --sender unsigned.example",
    "account-set": "account set blog --add-limit 7/hour",
    "account-password": "account password blog",
    "account-suspend": "account suspend blog --reason hacked",
    "account-resume": "account resume late-payer",
    "account-remove": "account remove blog --yes",
    "account-trust": "account trust blog",
    "domain-add": "domain add new.example --key both",
    "domain-set": "domain set example.com --dmarc observe",
    "domain-remove": "domain remove strict.example --yes",
    "dkim-rotate": "dkim rotate shop.example",
    "dkim-retire": "dkim retire shop.example none",
    "gateway-set": "gateway set --limit 9/hour",
    "queue-retry": "queue retry WAITING",
    "queue-hold": "queue hold WAITING",
    "queue-release": "queue release HELD",
    "queue-drop": "queue drop WAITING",
    "suppression-import": "suppression import bounces.csv --account blog",
    "dkim-import": "dkim import shop.example mail.private --selector mail",
    "import-opendkim": "import opendkim opendkim --yes",
    "log-compact": "log compact",
    "backup": "backup made.backup",
    "queue-bounce-reason": "queue bounce WAITING --reason moved",
    "queue-drop-all": "queue drop --account blog --dry-run",
    "queue-drop-unasked": "queue drop --account blog",
    "queue-bounce": "queue bounce WAITING",
    "route-set": "route set partner.example mx2.partner.example:2525 --tls none",
    "init": "init --hostname smtp.example.com",
    "queue-reroute": "queue reroute --account blog --to-pool bulk --dry-run",
    "route-add": "route add far.example mx.far.example:2525 --tls none",
    "route-remove": "route remove partner.example",
    "site-pause": "site pause quiet.example --until 2h",
    "site-resume": "site resume quiet.example",
    "site-pause-source": "site pause quiet.example --source 203.0.113.7",
    "site-pause-unknown": "site pause quite.example",
    "site-forget": "site forget quiet.example",
    "source-add": "source add 192.0.2.77 --helo out.example.com",
    "source-set": "source set 127.0.0.2 --weight 3",
    "source-remove": "source remove 127.0.0.3 --yes",
    "suppression-add": "suppression add x@example.net --account blog",
    "suppression-remove": "suppression remove trap@up.example.net",
    "wrong-command": "acount list",
    "wrong-verb": "queue flush",
    "wrong-option": "log --sinc 2h",
    "wrong-account": "account show blgo",
    "wrong-limit": "account set blog --limit 5/fortnight",
}
# What each command says when it does not do it: as the mistake is made most. All in one file.
REFUSED = (
    "init --hostname smtp.example.com",
    "serve --log-level loud",
    "config check --config nowhere.conf",
    "account add blog --sender example.com",
    "account add new",
    "account list blog",
    "account show nobody",
    "account usage nobody",
    "account review nobody",
    "account trust nobody",
    "account set blog --pool",
    "account password nobody",
    "account suspend blog",
    "account resume nobody",
    "account remove blog",
    "domain add example.com",
    "domain list example.com",
    "domain show exmaple.com",
    "domain usage example.org",
    "domain records example.org",
    "domain check example.org",
    "domain set example.com --dmarc strict",
    "domain remove example.org",
    "dkim list example.org",
    "dkim rotate example.org",
    "dkim retire shop.example nothing",
    "dkim import shop.example nowhere.private --selector mail",
    "source add 192.0.2.77",
    "source list 192.0.2.77",
    "source set 192.0.2.77 --weight 3",
    "source remove 192.0.2.77",
    "route add partner.example mx2.partner.example",
    "route list partner.example",
    "route set nowhere.example mx.nowhere.example",
    "route remove nowhere.example",
    "site list google",
    "site show nowhere.example",
    "site pause google --until soon",
    "site resume",
    "site forget",
    "site check nowhere.conf",
    "gateway show limits",
    "gateway usage today",
    "gateway set --limit 9",
    "policy list limits",
    "policy replay --since 7d",
    "queue list --state waiting",
    "queue show 000000000000",
    "queue summary blog",
    "queue retry",
    "queue hold 000000000000",
    "queue release WAITING",
    "queue drop --account blog",
    "queue bounce --account nobody",
    "queue reroute --account blog --to-pool nowhere",
    "suppression add nonsense",
    "suppression list --account nobody",
    "suppression remove user@example.net",
    "suppression import nowhere.csv",
    "suppression export nowhere/list.csv",
    "log --event lost",
    "log show 000000000000",
    "log summary --by day",
    "log export --format xml",
    "log compact all",
    "why 7QF2K9",
    "explain --account blog --from blog@example.com",
    "explain --account nobody --from a@example.com --to user@example.net",
    "tls-report list --day tomorrow",
    "tls-report show nowhere.example",
    "tls-report send --day today",
    "status now",
    "doctor now",
    "send-test --account nobody --to user@example.net",
    "unban",
    "import accounts nowhere.csv",
    "import opendkim nowhere",
    "import postfix nowhere",
    "backup nowhere/made.backup",
    "restore nowhere.backup",
    "help limit",
    "completion bash now",
    "completion zsh now",
)


class Store:
    def __init__(self, folder, dns):
        self.data, self.config = f"{folder}/data", f"{folder}/sendoff.conf"
        with open(self.config, "w") as file:
            file.write(CONFIG.format(data=self.data, dns=dns))
        self.ids = {}

    def run(self, *words):
        done = subprocess.run(
            [PROGRAM, "--config", self.config, *words],
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            cwd=os.path.dirname(self.data),
            env={**os.environ, **SANITIZERS, **golden.clock(WHEN)},
        )
        assert_no_report(done.stderr, " ".join(words))
        return done

    def words(self, line, json=False):
        for name, value in self.ids.items():
            line = re.sub(rf"\b{name}\b", value, line)
        return [*(["--json"] if json else []), *line.split(" ")]

    def text(self, line, json):
        done = self.run(*self.words(line, json))
        text = f"{done.stdout}{done.stderr}[status {done.returncode}]\n"
        return text.replace(os.path.dirname(self.data), "/var/lib").replace(SHAPING, "/etc/sendoff/shaping.conf").replace(stored.FIXTURES, "/fixtures")

    def check(self, name, line, json):
        golden.check(f"{name}.{'json' if json else 'txt'}", golden.steady(self.text(line, json)))


@pytest.fixture(scope="module")
def template(lab, tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("golden"), lab.dns.server)
    os.mkdir(made.data, 0o700)
    stored.restore(NEWEST, made.data)
    if made.run("account", "list").returncode:  # of an earlier version
        done = made.run("init")
        assert done.returncode == 0, done.stderr
    log = made.run("--json", "log", "--limit", "0").stdout
    queue = made.run("--json", "queue", "list").stdout
    made.ids = {
        "FILES": stored.FIXTURES,
        "HELD": re.search(r'"message":"(\w+)"[^\n]*"state":"held"', queue)[1],
        "WAITING": re.search(r'"message":"(\w+)"[^\n]*"state":"queued"', queue)[1],
        "REF": re.search(r'"ref":"(\w+)"', log)[1],
    }
    return made


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "mail.private"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", path, "2048"], check=True, capture_output=True)
    return path


@pytest.fixture
def copy(lab, template, key, tmp_path):
    made = Store(tmp_path, lab.dns.server)
    shutil.copytree(template.data, made.data)
    (tmp_path / "bounces.csv").write_text("gone@example.net\nno address\n")
    shutil.copy(key, tmp_path / "mail.private")
    os.makedirs(tmp_path / "opendkim/keys/moved.example")
    shutil.copy(key, tmp_path / "opendkim/keys/moved.example/mail.private")
    made.ids = template.ids
    return made


@pytest.mark.parametrize("json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("name", READING)
def test_reading(template, name, json):
    template.check(name, READING[name], json)


@pytest.mark.parametrize("json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("name", CHANGING)
def test_changing(copy, name, json):
    copy.check(name, CHANGING[name], json)


@pytest.mark.parametrize("json", [False, True], ids=["text", "json"])
def test_refused(template, json):
    texts = [f"$ sendoff {line}\n{template.text(line, json)}\n" for line in REFUSED]
    golden.check(f"refused.{'json' if json else 'txt'}", golden.steady("".join(texts)))


def test_text_fits_80_columns():
    """All but lines that are to be pasted, or are a log's or an error."""
    long = []
    for name in READING:
        if name in ("config-check", "domain-records", "explain-refused", "send-test-not-running", "help-config", "suppression-export", "import-postfix") or name.startswith(("completion", "log", "why", "policy-replay-list")):
            continue
        with open(f"{golden.FOLDER}/{name}.txt") as file:
            long += [f"{name}: {line}" for line in file if len(line.rstrip("\n")) > 80 and not line.startswith("sendoff: ")]
    assert long == []


def test_every_command_is_here():
    listing = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout.split("\n\n")[2]
    commands = {" ".join(line[:20].split()) for line in listing.splitlines()}
    lines = [*READING.values(), *CHANGING.values(), *LIVE.values(), *SETUP.values()]
    assert commands - called(commands, lines) == set()
    assert commands - called(commands, REFUSED) == {"setup", "completion words"}  # test_golden_setup.py; the shell's, with no word for people


def called(commands, lines):
    """Those of which there is a line; "log show" is none of log."""
    return {max((one for one in commands if f"{line} ".startswith(f"{one} ")), key=len, default="") for line in lines}


def test_no_file_is_left_over():
    here = {f"{name}.{kind}" for name in [*READING, *CHANGING, *LIVE] for kind in ("txt", "json")} | set(SETUP_FILES) | {"refused.txt", "refused.json"}
    assert set(os.listdir(golden.FOLDER)) - here == set()
