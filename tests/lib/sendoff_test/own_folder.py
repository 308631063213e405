"""Folders of the system with a layer of the test's own over them: what is written there only this process and its children see,
and nothing of it is left behind."""

import os
import subprocess

from .debian_root import own_mounts

MOUNT = """
set -eu
layers=$1; shift
mount -t tmpfs -o mode=755 tmpfs "$layers"
for folder; do
  mkdir -p "$layers/upper$folder" "$layers/work$folder"
  mount -t overlay -o "lowerdir=$folder,upperdir=$layers/upper$folder,workdir=$layers/work$folder" overlay "$folder"
done
"""


def own_folders(layers, *folders):
    """From now on what is written in `folders` is in memory. `layers`: an empty folder for that."""
    own_mounts()
    os.makedirs(layers, exist_ok=True)
    subprocess.run(["sh", "-c", MOUNT, "mount", layers, *folders], check=True)
