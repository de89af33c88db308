"""The traffic generator and the watch as processes in the lab, ended whatever happens."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO

import msgspec

from p4kube.bench.http import Target
from p4kube.bench.traffic import BurstReport, SteadyReport
from p4kube.demo.programming import EndpointChange
from p4kube.lab import Lab, LabError, layout

_CLIENT = [sys.executable, "-m", "p4kube.bench.client"]


def burst(lab: Lab, target: Target, path: str, count: int) -> BurstReport:
    """`count` requests from the client. Raises LabError if the generator fails."""
    argv = [*_CLIENT, "burst", str(target), "--path", path, "--count", str(count)]
    done = lab.run_in("client", argv, timeout=300)
    if done.returncode != 0:
        raise LabError(f"the traffic generator failed:\n{done.stderr.strip()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=BurstReport)


class SteadyTraffic:
    """Running traffic; `finish` ends it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def finish(self) -> SteadyReport:
        """Lets the last requests end, and returns what happened. Raises LabError."""
        try:
            output, _ = self._process.communicate(timeout=30)
            return msgspec.json.decode(output, type=SteadyReport)
        except (subprocess.TimeoutExpired, msgspec.DecodeError) as error:
            raise LabError(f"the traffic generator did not report: {error}") from error


@contextlib.contextmanager
def steady(lab: Lab, target: Target, path: str, kept: int) -> Iterator[SteadyTraffic]:
    """New connections all the time, and `kept` ones with a request every 100 ms; all of them stand."""
    argv = [*_CLIENT, "steady", str(target), "--path", path, "--kept", str(kept)]
    with _process(lab, "client", argv) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "started":
            raise LabError("the traffic generator did not start; its errors are above")
        yield SteadyTraffic(process)


@contextlib.contextmanager
def endpoint_changes(lab: Lab, namespace: str, service: str) -> Iterator[list[EndpointChange]]:
    """A list that grows with each change of the Service's EndpointSlices while the block runs."""
    server = f"{layout.API_ADDRESS}:{layout.API_PORT}"
    argv = [
        sys.executable,
        "-m",
        "p4kube.demo.watch",
        server,
        str(lab.files.certificates),
        namespace,
        service,
    ]
    with _process(lab, "cp", argv) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise LabError("the watch of EndpointSlices did not start; its errors are above")
        changes = [msgspec.json.decode(first, type=EndpointChange)]
        reader = threading.Thread(target=_collect, args=(process.stdout, changes), daemon=True)
        reader.start()
        yield changes


def _collect(lines: IO[str], changes: list[EndpointChange]) -> None:
    for line in lines:
        changes.append(msgspec.json.decode(line, type=EndpointChange))


@contextlib.contextmanager
def _process(lab: Lab, place: str, argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    """In a session of its own, so that Ctrl-C reaches us alone, and we end it."""
    process = lab.popen_in(
        place, argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()
