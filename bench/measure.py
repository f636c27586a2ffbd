"""Runs processes and measures them. Shared by the benchmarks."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Run:
    """Cost of a process and its descendants."""

    printed: bytes
    user_seconds: float
    wall_seconds: float
    # Of the largest single process.
    peak_mib: float
    # Sum over all processes, sampled every LOOK_SECONDS; shared pages count once per process.
    tree_peak_mib: float
    # By the clock of file timestamps.
    begun_at: float

    def until_written(self, path):
        """Seconds from the start until a file was written."""
        return path.stat().st_mtime - self.begun_at


def run(command, cwd=None):
    """Runs a process to its end."""
    # This process must stay small: until its exec, a child counts its parent's memory as its own.
    environment = {**os.environ, "VIPS_CONCURRENCY": "1"}
    with tempfile.TemporaryFile() as printed:
        begun_at, begun = time.time(), time.monotonic()
        child = subprocess.Popen(list(map(str, command)), stdout=printed, cwd=cwd, env=environment)
        tree = TreeMemory(child.pid)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        peak = tree.stop()
        if child.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))} ended with {child.returncode}")
        printed.seek(0)
        mib = usage.ru_maxrss / 1024
        return Run(printed.read(), usage.ru_utime, wall, mib, max(peak, mib), begun_at)


class TreeMemory:
    """Samples the total memory of a process and its descendants."""

    def __init__(self, root):
        self.root, self.peak, self.over = root, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.over.wait(LOOK_SECONDS):
            self.peak = max(self.peak, sum(map(resident_bytes, tree_of(self.root))))

    def stop(self):
        """Stops sampling and returns the highest sum in MiB."""
        self.over.set()
        self.thread.join()
        return self.peak / 2**20


def tree_of(root):
    """Process ids of a process and its descendants."""
    found, open_ends = [], [root]
    while open_ends:
        pid = open_ends.pop()
        found.append(pid)
        for thread in threads(pid):
            open_ends += map(int, read(thread / "children").split())
    return found


def threads(pid):
    """The folders of a process's threads under /proc; none if it has ended."""
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return []


def resident_bytes(pid):
    fields = read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * PAGE_BYTES if fields else 0


def read(path):
    """Content of a file under /proc, or nothing if its process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
