"""The package under a real systemd: the bare Debian boots in a container (systemd-nspawn), and a script in it does what an
administrator does, while a client keeps connecting."""

import os
import re
import subprocess

import pytest

from sendoff_test.debian_root import DebianRoot, package
from sendoff_test.package_root import ROOT

SYSTEMD = ("setpriv", "--pdeathsig", "KILL", "--", "systemd-nspawn", "--quiet", "--private-network", "--register=no", "--keep-unit")
UNIT = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /root/script
ExecStopPost=/bin/systemctl poweroff --force
TimeoutStartSec=8min
[Install]
WantedBy=default.target
"""
# Each step prints its name, and what it finds.
SCRIPT = r"""
exec >/root/said 2>&1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 SYSTEMD_PAGER=
main() { systemctl show -P MainPID sendoff; }
answers() { # waits for a greeting, however long it takes
  if exec 3<>/dev/tcp/127.0.0.1/587; then read -t 240 line <&3; exec 3<&- 3>&-; echo "${line:-nothing}"; else echo refused; fi
}
until_running() { # another process than this one
  for _ in $(seq 600); do
    case $(main) in 0|"$1") ;; *) [ "$(systemctl is-active sendoff)" = active ] && return;; esac
    sleep 0.2
  done
  echo "did not come back"
}

echo STEP unconfigured
dpkg -i /root/old.deb
systemctl is-enabled sendoff.service sendoff.socket
systemctl start sendoff; systemctl is-active sendoff

echo STEP setup
sendoff setup --yes --hostname smtp.example.com --dns 127.0.0.1@53 --source none --domain none --account none >/root/setup
echo "status $?"; grep -A9 'Running it' /root/setup; grep -c 'is not running' /root/setup
systemctl is-active sendoff

echo STEP another folder
systemctl stop sendoff; mv /etc/sendoff/sendoff.conf /root/kept.conf
sendoff setup --yes --hostname smtp.example.com --dns 127.0.0.1@53 --source none --domain none --account none --data-dir "/srv/the mail" >/root/setup
systemctl is-active sendoff; ls "/srv/the mail/lock"
systemctl stop sendoff; mv /root/kept.conf /etc/sendoff/sendoff.conf
rm -r /etc/systemd/system/sendoff.service.d; systemctl daemon-reload

echo STEP started
sendoff account add blog --sender example.com >/dev/null 2>&1
mkdir -p /etc/systemd/system/sendoff.service.d
printf '[Service]\nWatchdogSec=20\n' >/etc/systemd/system/sendoff.service.d/test.conf
systemctl daemon-reload
systemctl start sendoff
systemctl show -P ActiveState -P StatusText -P User sendoff
grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/$(main)/status
answers
systemctl reload sendoff && systemctl is-active sendoff
sendoff status >/dev/null && echo status works

echo STEP over restarts
during() { echo "$1" >/root/during; sleep 1; before=$(main); }
echo start >/root/during; touch /root/go
(while [ -e /root/go ]; do
  during=$(cat /root/during); met=$(answers)
  case $met in 220*|421*) met=greeted;; refused) ;; *) met="cut: $met";; esac
  echo "$during $met"
done >/root/client) 2>/root/client.errors &
during restart; systemctl restart sendoff; until_running "$before"
during upgrade; dpkg -i /root/new.deb; until_running "$before"
during crash; kill -SEGV "$before"; until_running "$before"
during end; rm /root/go; wait
sort /root/client | uniq -c; sort /root/client.errors | uniq -c
dpkg-query -W -f '${Version}\n' sendoff
sendoff account list

echo STEP a configuration that is wrong
before=$(main)
echo 'nonsense = 1' >>/etc/sendoff/sendoff.conf
dpkg -i /root/new.deb
[ "$(main)" = "$before" ] && echo still the same process
sed -i '/^nonsense/d' /etc/sendoff/sendoff.conf

echo STEP watchdog
before=$(main); kill -STOP "$before"; until_running "$before"
journalctl -u sendoff | grep -o 'Watchdog timeout'
answers

echo STEP executable memory
cat >/usr/local/bin/executable <<'END' # mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
#!/usr/bin/perl
print syscall(9, 0, 4096, 7, 34, -1, 0) == -1 ? "denied: $!\n" : "allowed\n";
END
chmod 755 /usr/local/bin/executable
sed -e 's|^ExecStart=.*|ExecStart=/usr/local/bin/executable|' -e 's/^Type=.*/Type=oneshot/' -e '/^ExecCondition=/d; /^Restart/d; /^Watchdog/d' \
  -e '/^StateDirectory/d; /^RuntimeDirectory/d; /^FileDescriptorStore/d' /lib/systemd/system/sendoff.service >/etc/systemd/system/hook.service
systemctl daemon-reload; systemctl start hook; journalctl --sync; journalctl -u hook -o cat | grep -E '^(denied|allowed)'
mkdir /etc/systemd/system/hook.service.d; cp /root/drop-in /etc/systemd/system/hook.service.d/override.conf
systemctl daemon-reload; systemctl start hook; journalctl --sync; journalctl -u hook -o cat | grep -E '^(denied|allowed)' | tail -1

echo STEP socket unit
systemctl stop sendoff; answers
systemctl enable --now sendoff.socket; systemctl is-active sendoff
answers; systemctl is-active sendoff
systemctl disable --now sendoff.socket; systemctl stop sendoff

echo STEP purge
systemctl start sendoff
dpkg --purge sendoff
systemctl is-active sendoff
ls /var/lib/sendoff/sendoff.db
systemctl list-unit-files 'sendoff*'
echo STEP end
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each step of the script has said."""
    debian = DebianRoot(tmp_path_factory.mktemp("systemd"))
    for which in ("old", "new"):
        subprocess.run(["cp", package(which), debian.file(f"/root/{which}.deb")], check=True)
    os.remove(debian.file("/usr/sbin/policy-rc.d"))
    with open(f"{ROOT}/docs/install.md") as guide:
        (drop_in,) = re.findall(r"^```\n(\[Service\]\nMemoryDenyWriteExecute=.*?)^```", guide.read(), re.M | re.S)
    for path, text in (("/root/script", SCRIPT), ("/root/drop-in", drop_in), ("/etc/systemd/system/trial.service", UNIT)):
        with open(debian.file(path), "w") as file:
            file.write(text)
    debian("systemctl", "enable", "trial.service")
    debian.leave_to_container()
    done = subprocess.run([*SYSTEMD, "-D", debian.path, "/bin/true"], capture_output=True, text=True)
    if done.returncode != 0:
        debian.close()
        pytest.skip(f"no container can be made here: {done.stderr}")
    try:
        done = subprocess.run([*SYSTEMD, "-D", debian.path, "--boot"], capture_output=True, text=True, timeout=540)
        with open(debian.file("/root/said")) as file:
            text = file.read()
    finally:
        debian.close()
    print(text)
    assert "STEP end" in text, text + done.stdout[-2000:] + done.stderr
    return dict(re.findall(r"^STEP ([\w ]+)\n(.*?)(?=^STEP |\Z)", text, re.M | re.S))


def test_unconfigured(said):
    lines = said["unconfigured"].split("\n")
    assert "Sendoff is installed and not configured yet. Next, as root: sendoff setup" in lines
    assert lines[-4:-1] == ["enabled", "disabled", "inactive"]


def test_setup_starts_it(said):
    """Once it has said so, doctor finds it running."""
    text = said["setup"]
    assert text.startswith("status 1\n") and "\n$ systemctl enable --now sendoff\n" in text
    assert text.endswith("\n0\nactive\n"), text


def test_another_folder(said):
    """The unit may write there, too."""
    assert said["another folder"] == "active\n/srv/the mail/lock\n"


def test_started(said):
    text = said["started"]
    assert "active\n" in text and "accepts mail as smtp.example.com\n" in text and "sendoff\n" in text
    assert re.search(r"CapEff:\s0000000000000400\nNoNewPrivs:\s1\nSeccomp:\s2\n", text)
    assert "220 smtp.example.com" in text and text.endswith("active\nstatus works\n")


def test_no_connection_is_refused_over_a_restart_an_upgrade_and_a_crash(said):
    """A crash cuts what it had accepted: here, one connection at most."""
    text = said["over restarts"]
    met = {during: {what: int(times) for times, what in re.findall(rf"^ +(\d+) {during} (.+)$", text, re.M)} for during in ("restart", "upgrade", "crash")}
    assert met["restart"].keys() == {"greeted"} and met["upgrade"].keys() == {"greeted"}, text
    cut = sum(times for what, times in met["crash"].items() if what.startswith("cut"))
    assert "greeted" in met["crash"] and "refused" not in met["crash"] and cut <= 1, text
    assert "\n0.1.0\n" in text and "blog" in text and "did not come back" not in text


def test_an_upgrade_that_cannot_start(said):
    text = said["a configuration that is wrong"]
    assert "no such option 'nonsense'" in text and "is not (re)started" in text and "still the same process" in text


def test_watchdog(said):
    assert said["watchdog"].startswith("Watchdog timeout\n220 "), said["watchdog"]


def test_socket_unit(said):
    lines = [line for line in said["socket unit"].split("\n") if not line.startswith(("Created", "Removed", "/root/script"))]
    assert lines[0] == "refused" and lines[1] == "inactive" and lines[2].startswith("220 ") and lines[3] == "active", lines


def test_a_hook_that_wants_executable_memory(said):
    """It has none, until the drop-in of docs/install.md is there."""
    assert said["executable memory"] == "denied: Operation not permitted\nallowed\n"


def test_purge(said):
    text = said["purge"]
    assert "inactive\n" in text and "/var/lib/sendoff/sendoff.db\n" in text and "0 unit files listed" in text
