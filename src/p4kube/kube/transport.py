"""HTTP to the API server. `Transport` is the seam where tests put a server in memory."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aiohttp

from p4kube.kube.connection import Connection
from p4kube.kube.errors import Unreachable, api_error

Query = Mapping[str, str]

CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 30.0


class Transport(Protocol):
    """Raises ApiError for a failure that the server reports, Unreachable for anything below that."""

    async def request(
        self, method: str, path: str, query: Query | None = None, body: bytes = b"", content_type: str = ""
    ) -> bytes:
        """One request and its whole answer."""
        ...

    def stream(self, path: str, query: Query) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A GET whose answer comes in chunks; the iterator ends when the server ends it in good order."""
        ...


class HttpTransport:
    """`Transport` over aiohttp. Use as an async context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpTransport:
        # Watches hold a connection each, so the pool has no limit.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def request(
        self, method: str, path: str, query: Query | None = None, body: bytes = b"", content_type: str = ""
    ) -> bytes:
        with _as_unreachable(method, path):
            async with self._open(method, path, query or {}, body, content_type) as response:
                answer = await response.read()
                if response.status >= 400:
                    raise api_error(response.status, answer, _retry_after(response))
                return answer

    @contextlib.asynccontextmanager
    async def stream(self, path: str, query: Query) -> AsyncIterator[AsyncIterator[bytes]]:
        forever = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        with _as_unreachable("GET", path):
            async with self._open("GET", path, query, b"", "", timeout=forever) as response:
                if response.status >= 400:
                    raise api_error(response.status, await response.read(), _retry_after(response))
                _keep_alive(response)
                yield response.content.iter_any()

    def _open(
        self,
        method: str,
        path: str,
        query: Query,
        body: bytes,
        content_type: str,
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.client._BaseRequestContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("HttpTransport is used outside of `async with`")
        headers = {"Accept": "application/json", "User-Agent": "p4kube"}
        if content_type:
            headers["Content-Type"] = content_type
        if token := self._connection.token():
            headers["Authorization"] = f"Bearer {token}"
        return self._session.request(
            method,
            self._connection.server + path,
            params=query,
            data=body or None,
            headers=headers,
            ssl=self._connection.ssl or True,
            server_hostname=self._connection.server_name,
            timeout=timeout or aiohttp.helpers.sentinel,
            # aiohttp pauses the socket at twice this; a big buffer lets a burst of events come in one go.
            read_bufsize=2**20,
        )


@contextlib.contextmanager
def _as_unreachable(method: str, path: str) -> Iterator[None]:
    """Every way in which aiohttp says "that did not work" becomes Unreachable."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(f"{method} {path}: {error or type(error).__name__}") from error


def _retry_after(response: aiohttp.ClientResponse) -> float:
    try:
        return float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    """Let the kernel notice within 30 s that the peer of an idle watch is gone without a word."""
    transport = response.connection.transport if response.connection else None
    sock = transport.get_extra_info("socket") if transport else None
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
