"""Processes of containers: started in a pod's namespaces, awaited by pidfd, known again after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from p4kube.lab.process import start_time_of

_LOST = 137


class Child(msgspec.Struct, frozen=True):
    """A container's first process. `start_time` is in clock ticks since boot, `started_at` RFC 3339."""

    pid: int
    start_time: int
    started_at: str
    restarts: int = 0


def spawn(
    argv: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    started_at: str,
    restarts: int,
) -> Child:
    """Start a process in a session of its own, with its output appended to `log`. Raises OSError."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(environment),
            cwd="/",
        )
    # The pidfd tells when it ends; the Popen object must not wait for it as well.
    started.returncode = 0
    return Child(started.pid, start_time_of(started.pid) or 0, started_at, restarts)


async def wait(child: Child) -> int:
    """Exit code of a process when it ends: 128 + n for a signal n, as shells and Kubernetes say it.

    A process that an earlier kubelet started is not our child: its code is unknown and given as 137.
    """
    try:
        descriptor = os.pidfd_open(child.pid)
    except ProcessLookupError:
        return _LOST
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        if start_time_of(child.pid) not in (child.start_time, None):
            return _LOST
        loop.add_reader(descriptor, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    try:
        _, status = os.waitpid(child.pid, 0)
    except ChildProcessError:
        return _LOST
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def is_alive(child: Child) -> bool:
    return start_time_of(child.pid) == child.start_time


def terminate(child: Child) -> None:
    """SIGTERM to the container's first process alone, as a container runtime does."""
    if is_alive(child):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)


def kill_group(child: Child) -> None:
    """SIGKILL to everything in the container's session, whether or not its first process still lives."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


async def run_to_end(argv: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, str]:
    """Run a short command (a probe, a hook); returns exit code and the start of its output.

    Raises TimeoutError, after killing it, when it takes longer than `seconds`.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode or 0, output[:1024].decode(errors="replace")
