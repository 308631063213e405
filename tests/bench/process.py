"""What a process has used, from /proc."""

import os


def cpu_seconds(pid):
    """Of all its threads that are there; to the nanosecond, where /proc/PID/stat counts in hundredths of a second."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def memory(pid, what="VmRSS"):
    """Octets: VmRSS is what it has, VmHWM the most that it has had."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) * 1024
    raise KeyError(what)
