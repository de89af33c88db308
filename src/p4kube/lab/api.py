"""The process kubelet's access to the API server, and nothing more than it needs.

Everything that speaks HTTP to the API server stands here, so that another client core can take its place.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiohttp
import msgspec
from aiohttp import ClientTimeout

from p4kube.lab import netns
from p4kube.lab.podspec import ObjectMeta

Item = TypeVar("Item")
_WATCH_SECONDS = 300
_ANSWER = ClientTimeout(total=20)


class ApiError(Exception):
    """The API server refused a request. `code` is the HTTP status, 0 if there was no answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}" if code else message)
        self.code = code


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _List(msgspec.Struct, Generic[Item]):
    metadata: _ListMeta
    items: list[Item] | None = None


class _RawEvent(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Versioned(msgspec.Struct):
    metadata: ObjectMeta


class Event(msgspec.Struct, Generic[Item], frozen=True):
    """One change: ADDED, MODIFIED or DELETED."""

    type: str
    item: Item


class Listing(msgspec.Struct, Generic[Item], frozen=True):
    """Everything there is: who was known before and is not in it has been deleted."""

    items: list[Item]


class ApiClient:
    """One identity's connection to the API server, with its sockets in one network namespace."""

    def __init__(self, server: str, certificates: Path, identity: str, namespace: str) -> None:
        context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        context.load_cert_chain(certificates / f"{identity}.crt", certificates / f"{identity}.key")
        connector = aiohttp.TCPConnector(
            ssl=context,
            limit=0,
            socket_factory=lambda info: netns.open_socket(namespace, info[0], info[1], info[2]),
        )
        self._server = server
        self._session = aiohttp.ClientSession(connector=connector)

    async def close(self) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        query: dict[str, str] | None = None,
    ) -> bytes:
        """One request; returns the body. Raises `ApiError` for a refusal or a broken connection."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        try:
            async with self._session.request(
                method, self._server + path, data=data, headers=headers, params=query, timeout=_ANSWER
            ) as answer:
                content = await answer.read()
                if answer.status >= 400:
                    raise ApiError(answer.status, _reason(content))
                return content
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, f"{method} {path}: {error or type(error).__name__}") from error

    async def patch_strategic(self, path: str, body: object) -> bytes:
        """Strategic merge patch: lists that have a merge key (conditions) are merged by it."""
        return await self.request("PATCH", path, body, content_type="application/strategic-merge-patch+json")

    async def follow(
        self, path: str, kind: type[Item], field_selector: str | None = None
    ) -> AsyncIterator[Event[Item] | Listing[Item]]:
        """List, then watch, for ever: a `Listing`, then the changes as `Event`.

        After a break too old to resume comes another `Listing`. Never raises for the network; backs
        off and tries again.
        """
        query = {"fieldSelector": field_selector} if field_selector else {}
        delay = 0.2
        while True:
            try:
                content = await self.request("GET", path, query=query)
                listed = msgspec.json.decode(content, type=_List[kind])  # type: ignore[valid-type]
                yield Listing(listed.items or [])
                delay = 0.2
                version = listed.metadata.resource_version
                async for event in self._watch(path, kind, query, version):
                    yield event
            except ApiError:
                pass
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))
            delay = min(delay * 2, 5.0)

    async def _watch(
        self, path: str, kind: type[Item], query: dict[str, str], version: str
    ) -> AsyncIterator[Event[Item]]:
        """Watch from `version` on, resuming after each timeout; returns when a new list is needed."""
        decoder = msgspec.json.Decoder(_RawEvent)
        failures = 0
        while failures < 20:
            try:
                async for line in self._watch_lines(path, query, version):
                    raw = decoder.decode(line)
                    if raw.type == "ERROR":
                        return
                    failures = 0
                    version = msgspec.json.decode(raw.object, type=_Versioned).metadata.resource_version
                    if raw.type != "BOOKMARK":
                        yield Event(raw.type, msgspec.json.decode(raw.object, type=kind))
            except ApiError as error:
                if error.code:
                    return
                failures += 1
                await asyncio.sleep(min(0.2 * failures, 2.0))

    async def _watch_lines(self, path: str, query: dict[str, str], version: str) -> AsyncIterator[bytes]:
        seconds = int(_WATCH_SECONDS * random.uniform(0.7, 1.0))
        full = {
            **query,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        # Bookmarks come about once a minute: silence for two means that the connection is dead.
        timeout = ClientTimeout(total=None, sock_connect=10, sock_read=130)
        try:
            async with self._session.get(self._server + path, params=full, timeout=timeout) as answer:
                if answer.status >= 400:
                    raise ApiError(answer.status, _reason(await answer.read()))
                rest = b""
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, f"watch {path}: {error or type(error).__name__}") from error


def _reason(content: bytes) -> str:
    """The message inside a metav1.Status, or the raw text."""
    try:
        status: Any = msgspec.json.decode(content)
        return str(status["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return content[:300].decode(errors="replace")
