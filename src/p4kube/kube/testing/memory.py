"""`Transport` straight into a `FakeApi`: no sockets, so a test decides the order of everything."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator

from p4kube.kube.errors import Unreachable, api_error
from p4kube.kube.testing.api import Broken, Failure, FakeApi, Stream
from p4kube.kube.transport import Query


class MemoryTransport:
    """The client's end of a `FakeApi`. `block` holds requests back while it is set: a server that hangs."""

    def __init__(self, api: FakeApi) -> None:
        self._api = api
        self._pass = asyncio.Event()
        self._pass.set()

    def block(self) -> None:
        self._pass.clear()

    def unblock(self) -> None:
        self._pass.set()

    async def request(
        self, method: str, path: str, query: Query | None = None, body: bytes = b"", content_type: str = ""
    ) -> bytes:
        await asyncio.sleep(0)
        await self._pass.wait()
        with _faults():
            return self._api.handle(method, path, dict(query or {}), body)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, query: Query) -> AsyncIterator[AsyncIterator[bytes]]:
        await asyncio.sleep(0)
        await self._pass.wait()
        with _faults():
            stream = self._api.watch(path, dict(query))
        try:
            yield _chunks(stream)
        finally:
            self._api.close(stream)


async def _chunks(stream: Stream) -> AsyncIterator[bytes]:
    while (chunk := await stream.chunks.get()) is not None:
        if isinstance(chunk, Broken):
            raise Unreachable("the connection broke")
        yield chunk


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        body = json.dumps(failure.body).encode()
        raise api_error(failure.code, body, float(failure.retry_after or 0)) from failure
    except Broken as broken:
        raise Unreachable(str(broken) or "the connection broke") from broken
