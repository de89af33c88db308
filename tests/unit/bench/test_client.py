"""The traffic generator, against a small server in the same loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from p4kube.bench.burst import burst
from p4kube.bench.http import RequestFailed, Target, connect, exchange, parse_target, request_bytes
from p4kube.bench.steady import Load, steady

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[Target]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield Target(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()


class Pods:
    """Each connection belongs to the next pod; one of a pod in `dead` is closed at its next request."""

    def __init__(self) -> None:
        self.names = itertools.cycle(["web-a", "web-b"])
        self.dead: set[str] = set()
        self.requests = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = next(self.names)
        while head := await _head(reader):
            self.requests += 1
            if name in self.dead:
                break
            writer.write(answer(name + "\n"))
            if b"Connection: close" in head:
                break
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def test_a_burst_counts_answers_by_body() -> None:
    async def scene() -> None:
        async with served(Pods().handle) as target:
            report = await burst(target, "/", 100, 8, 5)
            assert report.answers == {"web-a": 50, "web-b": 50}
            assert report.failures == []

    asyncio.run(scene())


def test_a_refused_connection_is_a_failure() -> None:
    async def scene() -> None:
        async with served(Pods().handle) as target:
            pass
        report = await burst(target, "/", 3, 2, 5)
        assert [each.reason for each in report.failures] == ["connecting: connection refused"] * 3
        assert report.answers == {}

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (answer("gone", "503 Service Unavailable"), "HTTP status 503"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "an answer without Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "connection closed within the answer"),
        (b"", "connection closed"),
    ],
)
def test_bad_answers_have_a_reason(sent: bytes, reason: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        writer.write(sent)
        writer.close()

    async def scene() -> None:
        async with served(handle) as target:
            sock = await connect(target)
            with sock, pytest.raises(RequestFailed, match=f"^{reason}$"):
                await exchange(sock, request_bytes(target, "/", keep=False))

    asyncio.run(scene())


def test_no_answer_in_time_is_a_failure() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def scene() -> None:
        async with served(handle) as target:
            report = await burst(target, "/", 1, 1, 0.05)
            assert [each.reason for each in report.failures] == ["no answer within 0.05 s"]

    asyncio.run(scene())


def test_steady_traffic_tells_broken_connections_from_kept_ones() -> None:
    async def scene() -> None:
        pods, started, stop = Pods(), asyncio.Event(), asyncio.Event()
        async with served(pods.handle) as target:
            load = Load(target, "/", rate=200, workers=2, kept=4, period=0.01)
            running = asyncio.create_task(steady(load, started, stop))
            await started.wait()
            pods.dead.add("web-a")
            seen = pods.requests
            while pods.requests < seen + 40:
                await asyncio.sleep(0.005)
            stop.set()
            report = await running
        kept = {each.backend: each for each in report.connections}
        assert len(report.connections) == 4
        assert kept["web-a"].reason == "connection closed"
        assert kept["web-a"].ended is not None
        assert kept["web-b"].ended is None
        assert kept["web-b"].requests > 1
        assert report.requests > 0
        assert {each.reason for each in report.failures} <= {"connection closed"}

    asyncio.run(scene())


def test_an_answer_of_another_pod_on_a_kept_connection_is_an_error() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for name in ("web-a", "web-b"):
            await _head(reader)
            writer.write(answer(name))

    async def scene() -> None:
        started, stop = asyncio.Event(), asyncio.Event()
        async with served(handle) as target:
            load = Load(target, "/", workers=0, kept=1, period=0.001)
            report = await steady(load, started, stop)
        assert report.connections[0].reason == "answered by web-b, not by web-a"

    asyncio.run(scene())


def test_targets() -> None:
    assert parse_target("10.0.0.1:80") == Target("10.0.0.1", 80)
    for bad in ("10.0.0.1", ":80", "host:http"):
        with pytest.raises(ValueError, match="is not an address and a port"):
            parse_target(bad)
