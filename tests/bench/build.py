"""What needs the network, or a compiler: before the namespaces."""

import subprocess
import sys

from place import ROOT


def build():
    """Packages, the gateway, and the tools of tests/bench/load."""
    subprocess.run([f"{ROOT}/deploy/install-packages", "build", "quickstart", "bench"], check=True, stdout=sys.stderr)
    for step in (["--preset", "bench"], ["--build", "--preset", "bench"]):
        done = subprocess.run(["cmake", *step], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
