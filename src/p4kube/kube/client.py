"""Typed verbs over a transport: the five that P4Kube uses, and the raw material of a watch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from p4kube.kube.errors import Malformed
from p4kube.kube.objects import KubeObject, Object
from p4kube.kube.resources import Resource
from p4kube.kube.transport import Transport

K = TypeVar("K", bound=KubeObject)
MERGE_PATCH = "application/merge-patch+json"
FIELD_MANAGER = "p4kube"


class ListMeta(Object, frozen=True):
    """`metav1.ListMeta`."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class RawList(Object, frozen=True):
    """A list whose items are decoded one by one, so that one bad item does not hide the others."""

    metadata: ListMeta = ListMeta()
    items: tuple[msgspec.Raw, ...] | None = None


@dataclass(frozen=True)
class Page(Generic[K]):
    """Part of a list. `items` are raw; `Client.decoded` reads them."""

    items: tuple[msgspec.Raw, ...]
    resource_version: str
    more: str
    """The token for the next page, empty on the last one."""


class Client:
    """Reads and writes objects. Every method raises ApiError, Unreachable or Malformed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, resource: Resource[K], namespace: str, name: str) -> K:
        return _decode(resource, await self._transport.request("GET", resource.path(namespace, name)))

    async def create(self, resource: Resource[K], thing: K) -> K:
        body = _with_kind(resource, thing)
        path = resource.path(thing.metadata.namespace)
        query = {"fieldManager": FIELD_MANAGER}
        return _decode(resource, await self._transport.request("POST", path, query, body, "application/json"))

    async def patch(
        self, resource: Resource[K], namespace: str, name: str, change: object, subresource: str = ""
    ) -> K:
        """A JSON merge patch (RFC 7386).

        Put `metadata.resourceVersion` into `change` to make it conditional: the server answers 409 if the
        object has another version by then.
        """
        path = resource.path(namespace, name, subresource)
        query = {"fieldManager": FIELD_MANAGER}
        body = msgspec.json.encode(change)
        return _decode(resource, await self._transport.request("PATCH", path, query, body, MERGE_PATCH))

    async def page(self, resource: Resource[K], query: dict[str, str]) -> Page[K]:
        body = await self._transport.request("GET", resource.path(), query)
        try:
            whole = msgspec.json.decode(body, type=RawList)
        except msgspec.MsgspecError as error:
            raise Malformed(f"list of {resource.plural}: {error}") from error
        if not whole.metadata.resource_version:
            raise Malformed(f"list of {resource.plural}: no resourceVersion to watch from")
        return Page(whole.items or (), whole.metadata.resource_version, whole.metadata.continue_)

    def watch(
        self, resource: Resource[K], query: dict[str, str]
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The chunks of a watch; `reflector` makes sense of them."""
        return self._transport.stream(resource.path(), {**query, "watch": "true"})


def _decode(resource: Resource[K], body: bytes) -> K:
    try:
        return msgspec.json.decode(body, type=resource.type)
    except msgspec.MsgspecError as error:
        raise Malformed(f"{resource.kind}: {error}") from error


def _with_kind(resource: Resource[K], thing: K) -> bytes:
    fields: dict[str, Any] = msgspec.to_builtins(thing)
    return msgspec.json.encode({"apiVersion": resource.api_version, "kind": resource.kind, **fields})


def decode_each(resource: Resource[K], items: Iterable[msgspec.Raw]) -> tuple[list[K], list[str]]:
    """The objects that can be read, and a message for each that cannot."""
    decoder = msgspec.json.Decoder(resource.type)
    things: list[K] = []
    problems: list[str] = []
    for item in items:
        try:
            things.append(decoder.decode(item))
        except msgspec.MsgspecError as error:
            problems.append(f"{resource.kind} {name_in(item)}: {error}")
    return things, problems


def key_in(item: msgspec.Raw | bytes) -> tuple[str, str] | None:
    """(namespace, name) of an object that may be otherwise unreadable."""
    try:
        return msgspec.json.decode(item, type=KubeObject).key
    except msgspec.MsgspecError:
        return None


def name_in(item: msgspec.Raw | bytes) -> str:
    """The same for messages."""
    namespace, name = key_in(item) or ("", "(unreadable metadata)")
    return f"{namespace}/{name}" if namespace else name
