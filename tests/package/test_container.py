"""The container, without a container engine: what the Dockerfile names is there, its commands work in a bare Debian, and what it
runs gets on with a root that it cannot write to, as a user that is not root. And the examples."""

import os
import re
import shlex
import subprocess

import pytest

from sendoff_test.command import Command
from sendoff_test.debian_root import package
from sendoff_test.own_network import OwnNetwork
from sendoff_test.package_root import ROOT
from sendoff_test.processes import wait_until

CONTAINER = f"{ROOT}/deploy/container"
EXAMPLES = f"{ROOT}/deploy/examples"
VOLUME = "/var/lib/sendoff"
NUMBER = 587  # the user's, as the Dockerfile says


@pytest.fixture
def own_ports():
    """A network with nothing in it, where everybody may bind any port, as in a container of Docker's."""
    network = OwnNetwork()
    subprocess.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start"], check=True)
    yield
    network.close()


def instructions():
    """(name, rest) of the Dockerfile, with lines joined."""
    with open(f"{CONTAINER}/Dockerfile") as file:
        text = re.sub(r"\\\n", " ", "".join(line for line in file if not line.startswith("#")))
    return [tuple(line.split(None, 1)) for line in text.split("\n") if line.strip()]


def stage(number):
    """The instructions of one of its stages."""
    starts = [at for at, (name, _) in enumerate(instructions()) if name == "FROM"]
    return instructions()[starts[number] + 1 : [*starts, None][number + 1]]


def test_what_it_names_is_there():
    copied = [shlex.split(rest) for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    for *sources, _ in copied:
        for source in sources:
            assert os.path.exists(f"{ROOT}/{source}"), source
    run = [word for name, rest in stage(0) if name == "RUN" for word in shlex.split(rest) if word.startswith("deploy/")]
    assert run == ["deploy/install-packages", "deploy/make-package"]
    assert all(os.access(f"{ROOT}/{script}", os.X_OK) for script in (*run, "deploy/container/start"))


def test_its_packages_are_debians():
    listed = subprocess.run([f"{ROOT}/deploy/install-packages", "--list", "build", "package"], capture_output=True, text=True, check=True)
    known = subprocess.run(["apt-cache", "show", "--no-all-versions", *listed.stdout.split()], capture_output=True, text=True)
    assert known.returncode == 0, known.stderr


def test_compose():
    with open(f"{CONTAINER}/compose.yaml") as file:
        text = file.read()
    for wanted in ("read_only: true", "no-new-privileges:true", "SENDOFF_HOSTNAME:", f"data:{VOLUME}", "dockerfile: deploy/container/Dockerfile"):
        assert wanted in text
    context = re.search(r"context: (\S+)", text)[1]
    assert os.path.samefile(f"{CONTAINER}/{context}", ROOT)
    assert ("USER", "sendoff") in stage(1)


def test_it_runs(lab, debian, own_ports):
    """As the second stage makes it, but for the download of what the bare Debian has already."""
    for name, rest in stage(1):
        if name == "RUN" and "apt-get" not in rest:
            debian("sh", "-euc", rest)
    debian.install(package("new"))
    subprocess.run(["cp", f"{CONTAINER}/start", debian.file("/usr/local/bin/sendoff-start")], check=True)
    debian("chown", f"{NUMBER}:{NUMBER}", VOLUME)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=755,uid={NUMBER},gid={NUMBER}", "tmpfs", debian.file(VOLUME)], check=True)
    subprocess.run(["mount", "-o", "remount,ro", debian.path], check=True)
    (environment,) = (rest for name, rest in stage(1) if name == "ENV")
    (entry,) = (re.findall(r'"([^"]*)"', rest) for name, rest in stage(1) if name == "ENTRYPOINT")
    (command,) = (re.findall(r'"([^"]*)"', rest) for name, rest in stage(1) if name == "CMD")
    (healthcheck,) = (re.findall(r'"([^"]*)"', rest) for name, rest in stage(1) if name == "HEALTHCHECK")
    set_up = ["chroot", debian.path, "setpriv", f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", "--no-new-privs", "--", "env", environment]
    outside = subprocess.run([*set_up, *entry, *command], capture_output=True, text=True)
    assert outside.returncode != 0 and "SENDOFF_HOSTNAME=smtp.example.com" in outside.stderr
    process = lab.processes.start([*set_up, "SENDOFF_HOSTNAME=smtp.example.com", *entry, "status"], f"{lab.folder}/status.log")
    assert process.wait() == 1, "there is nothing yet, and asking makes nothing"
    process = lab.processes.start([*set_up, "SENDOFF_HOSTNAME=smtp.example.com", *entry, *command], f"{lab.folder}/container.log")

    def healthy():
        assert process.running(), process.output()
        return subprocess.run([*set_up, *healthcheck], capture_output=True).returncode == 0

    wait_until(healthy, "the healthcheck is content", timeout=30)
    config = f"{VOLUME}/sendoff.conf"
    assert Command(config, "/usr/sbin/sendoff", set_up)("account", "add", "blog", "--sender", "example.com")
    assert process.stop() == 0
    process = lab.processes.start([*set_up, *entry, *command], f"{lab.folder}/container.log")
    wait_until(healthy, "it starts again, without its name", timeout=30)
    assert process.stop() == 0


@pytest.mark.parametrize("name", sorted(name for name in os.listdir(EXAMPLES) if name.endswith(".sh")))
def test_example_scripts(name):
    subprocess.run(["sh", "-n", f"{EXAMPLES}/{name}"], check=True)
    with open(f"{EXAMPLES}/{name}") as file:
        ours = set(re.findall(r"/usr/share/sendoff/([\w-]+)", file.read()))
    assert ours and all(os.access(f"{ROOT}/deploy/{one}", os.X_OK) for one in ours)


def test_examples_are_listed():
    with open(f"{EXAMPLES}/README.md") as file:
        listed = set(re.findall(r"\]\(([^)]*)\)", file.read()))
    assert listed == set(os.listdir(EXAMPLES)) - {"README.md"}


def test_example_firewall(tmp_path):
    with open(f"{EXAMPLES}/nftables.conf") as file:
        (tmp_path / "nftables.conf").write_text(file.read().replace("skuid sendoff", "skuid nobody"))
    subprocess.run(["unshare", "--net", "nft", "-c", "-f", tmp_path / "nftables.conf"], check=True)


def test_example_units():
    for unit in ("sendoff-caddy.path", "sendoff-caddy.service"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"{EXAMPLES}/{unit}"], capture_output=True, text=True)
        complaints = [line for line in done.stderr.split("\n") if "sendoff-caddy" in line and "install-certificate is not executable" not in line]
        assert not complaints, complaints


def test_caddys_unit_copies_what_caddy_has(debian, lab):
    """Its command, in the folder that its path unit watches."""
    debian.install(package("new"))
    with open(f"{EXAMPLES}/sendoff-caddy.service") as file:
        unit = dict(line.strip().split("=", 1) for line in file if "=" in line)
    with open(f"{EXAMPLES}/sendoff-caddy.path") as file:
        watched = re.search(r"PathChanged=(\S+)", file.read())[1]
    folder = unit["WorkingDirectory"]
    assert os.path.dirname(watched) == folder
    os.makedirs(debian.file(folder), mode=0o700)
    for source, kind in zip(lab.certificate(), ("crt", "key")):
        subprocess.run(["cp", source, debian.file(f"{folder}/smtp.example.com.{kind}")], check=True)
    debian("sh", "-euc", f"cd {folder} && {unit['ExecStart']}")
    debian("setpriv", "--reuid=sendoff", "--regid=sendoff", "--init-groups", "cat", "/etc/sendoff/tls/smtp.example.com/privkey.pem")
