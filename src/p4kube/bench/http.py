"""As much of HTTP/1.1 as a measurement needs, on plain sockets in an asyncio loop.

Streams and client libraries cost more per connection than everything that is measured here.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import NamedTuple

_CHUNK = 65536


class Target(NamedTuple):
    """Where requests go; `host` is an IPv4 address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class RequestFailed(Exception):
    """No good answer; the text is a short reason such as "connection refused"."""


def parse_target(text: str) -> Target:
    """From "address:port". Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise ValueError(f"'{text}' is not an address and a port, such as 10.0.0.1:80")
    return Target(host, int(port))


def request_bytes(target: Target, path: str, *, keep: bool) -> bytes:
    connection = "keep-alive" if keep else "close"
    return f"GET {path} HTTP/1.1\r\nHost: {target}\r\nConnection: {connection}\r\n\r\n".encode()


async def connect(target: Target) -> socket.socket:
    """A connected socket; its source port is the kernel's choice. Raises RequestFailed."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, target)
    except OSError as error:
        sock.close()
        raise RequestFailed(_reason("connecting", error)) from error
    except BaseException:
        sock.close()
        raise
    return sock


async def exchange(sock: socket.socket, request: bytes) -> str:
    """Sends a request and reads the answer to its end: its body, stripped. Raises RequestFailed."""
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(sock, request)
        head, body = await _read_head(loop, sock)
        missing = _content_length(head) - len(body)
        while missing > 0:
            chunk = await loop.sock_recv(sock, _CHUNK)
            if not chunk:
                raise RequestFailed("connection closed within the answer")
            body += chunk
            missing -= len(chunk)
    except OSError as error:
        raise RequestFailed(_reason("waiting for the answer", error)) from error
    return body.decode(errors="replace").strip()


async def _read_head(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = await loop.sock_recv(sock, _CHUNK)
        if not chunk:
            raise RequestFailed("connection closed within the answer" if data else "connection closed")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise RequestFailed(f"HTTP status {b''.join(status).decode(errors='replace')}")
    return head, body


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RequestFailed("an answer without Content-Length")


def _reason(when: str, error: OSError) -> str:
    # asyncio puts words of its own, with the address, into strerror.
    text = os.strerror(error.errno) if error.errno else str(error)
    return f"{when}: {text.lower()}"
