"""Traffic that goes on until told to stop: new connections at a rate, and connections that are kept."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass, field

from p4kube.bench.burst import one_request
from p4kube.bench.http import RequestFailed, Target, connect, exchange, request_bytes
from p4kube.bench.traffic import Failure, LongConnection, SteadyReport


@dataclass(frozen=True)
class Load:
    """`rate` new connections per second from `workers` that take turns; `kept` connections with a request
    every `period` seconds. A request has `patience` seconds for its answer."""

    target: Target
    path: str
    rate: float = 200.0
    workers: int = 8
    kept: int = 50
    period: float = 0.1
    patience: float = 5.0


@dataclass
class _Tally:
    requests: int = 0
    slowest: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    connections: list[LongConnection] = field(default_factory=list)


async def steady(load: Load, started: asyncio.Event, stop: asyncio.Event) -> SteadyReport:
    """Runs until `stop`; sets `started` once every kept connection has had its first answer or failed."""
    tally, began = _Tally(), time.monotonic()
    waiting = [asyncio.Event() for _ in range(load.kept)]
    async with asyncio.TaskGroup() as group:
        for i, ready in enumerate(waiting):
            group.create_task(_keep(load, tally, i * load.period / load.kept, ready, stop))
        for i in range(load.workers):
            group.create_task(_renew(load, tally, i / load.rate, stop))
        for ready in waiting:
            await ready.wait()
        started.set()
    seconds = time.monotonic() - began
    return SteadyReport(tally.requests, seconds, tally.slowest, tally.failures, tally.connections)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()


async def _renew(load: Load, tally: _Tally, delay: float, stop: asyncio.Event) -> None:
    """One worker: a new connection at each of its turns."""
    request = request_bytes(load.target, load.path, keep=False)
    turn = load.workers / load.rate
    due = time.monotonic() + delay
    while True:
        await _rest(stop, due - time.monotonic())
        if stop.is_set():
            return
        began = time.monotonic()
        tally.requests += 1
        try:
            await one_request(load.target, request, load.patience)
            tally.slowest = max(tally.slowest, time.monotonic() - began)
        except RequestFailed as error:
            tally.failures.append(Failure(time.time(), str(error)))
        # What could not be sent in time is not made up for: that would be a burst.
        due = max(due + turn, time.monotonic())


async def _keep(load: Load, tally: _Tally, delay: float, ready: asyncio.Event, stop: asyncio.Event) -> None:
    """One kept connection, from its opening to its end."""
    request = request_bytes(load.target, load.path, keep=True)
    await _rest(stop, delay)
    opened, backend, requests, ended, reason = time.time(), "", 0, None, ""
    try:
        sock = await _open(load)
        try:
            while not stop.is_set():
                answer = await _ask(sock, request, load.patience)
                requests += 1
                backend = backend or answer
                ready.set()
                if answer != backend:
                    raise RequestFailed(f"answered by {answer}, not by {backend}")
                await _rest(stop, load.period)
        finally:
            sock.close()
    except RequestFailed as error:
        ended, reason = time.time(), str(error)
    finally:
        ready.set()
    tally.connections.append(LongConnection(opened, backend, requests, ended, reason))


async def _open(load: Load) -> socket.socket:
    try:
        async with asyncio.timeout(load.patience):
            return await connect(load.target)
    except TimeoutError:
        raise RequestFailed(f"no connection within {load.patience:g} s") from None


async def _ask(sock: socket.socket, request: bytes, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            return await exchange(sock, request)
    except TimeoutError:
        raise RequestFailed(f"no answer within {seconds:g} s") from None
