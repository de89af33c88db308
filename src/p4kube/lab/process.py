"""The lab's long-running processes: start one detached, know it again later, end it.

A process is known by pid *and* start time, so that a pid which the machine gave to somebody else is
never signalled.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from p4kube.lab import netns
from p4kube.lab.state import write_whole


class Process(msgspec.Struct, frozen=True):
    """One started process: `argv` is what runs inside `namespace`.

    `start_time` is in clock ticks since boot (field 22 of /proc/<pid>/stat).
    """

    name: str
    pid: int
    start_time: int
    argv: list[str]
    namespace: str | None = None


def start_time_of(pid: int) -> int | None:
    """Start time of a live process in clock ticks since boot; None if it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the command in parentheses, which may itself hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def reap(pid: int) -> None:
    """Collect a process's exit status if it is a child of ours."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def alive(process: Process) -> bool:
    reap(process.pid)
    return start_time_of(process.pid) == process.start_time


def uptime(process: Process) -> float:
    """Seconds since the process started."""
    ticks = os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - process.start_time / ticks)


def start(
    name: str,
    argv: Sequence[str],
    *,
    log: Path,
    folder: Path,
    namespace: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a detached process, with its output appended to `log`, and record it in `folder`.

    The record is on disk before this returns.
    """
    full = [*(netns.nsenter(namespace) if namespace else []), *argv]
    with log.open("ab") as output:
        child = subprocess.Popen(
            full,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
            cwd="/",
        )
    process = Process(name, child.pid, start_time_of(child.pid) or 0, list(argv), namespace)
    write_whole(folder / f"{name}.json", msgspec.json.encode(process))
    # We follow the process by /proc; the Popen object must not complain when it is collected.
    child.returncode = 0
    return process


def read(folder: Path, name: str) -> Process | None:
    """The recorded process of that name, dead or alive."""
    try:
        return msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=Process)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def read_all(folder: Path) -> list[Process]:
    """Every recorded process, in order of name."""
    if not folder.is_dir():
        return []
    found = (read(folder, path.stem) for path in sorted(folder.glob("*.json")))
    return [process for process in found if process is not None]


def send(process: Process, number: int) -> None:
    """Signal a process if it is still the one that was recorded."""
    if alive(process):
        _signal(process.pid, number)


def end(processes: Iterable[Process], patience: float) -> None:
    """SIGTERM to all, then SIGKILL to those that live `patience` seconds later; waits for the last."""
    remaining = [process for process in processes if alive(process)]
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for process in remaining:
            send(process, number)
        deadline = time.monotonic() + seconds
        while remaining and time.monotonic() < deadline:
            time.sleep(0.02)
            remaining = [process for process in remaining if alive(process)]
        if not remaining:
            return


def kill_inhabitants(namespaces: Sequence[str]) -> None:
    """SIGKILL everything that lives in the given network namespaces, until nobody does (or 5 s passed).

    The lab makes these namespaces itself, so whoever is inside belongs to it, recorded or not.
    """
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        living = netns.inhabitants(namespaces)
        living.pop(os.getpid(), None)
        if not living:
            return
        for pid in living:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.02)
        for pid in living:
            reap(pid)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
