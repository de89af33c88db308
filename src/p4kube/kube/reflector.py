"""Keeps a store equal to the API server's state: list, then watch, for as long as the process lives.

The rules (Kubernetes API concepts, "Efficient detection of changes"):

* list in pages at the newest version, then watch from exactly the list's resourceVersion;
* a watch that ends is resumed from the last version seen, bookmarks included;
* 410 Gone, in the HTTP status or as an event in the stream, means that history was lost: list again, and
  whatever the store holds that the list does not was deleted meanwhile;
* a peer that says nothing for a while, not even a bookmark, may be gone: resume on a new connection;
* whatever fails repeatedly waits in between, longer each time.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from p4kube.kube.backoff import Backoff
from p4kube.kube.client import Client, decode_each, key_in, name_in
from p4kube.kube.clock import Clock, first_of
from p4kube.kube.errors import ApiError, KubeError, Malformed, Status, Unreachable
from p4kube.kube.lines import LineSplitter
from p4kube.kube.objects import KubeObject
from p4kube.kube.resources import Resource
from p4kube.kube.store import Store

log = logging.getLogger(__name__)
K = TypeVar("K", bound=KubeObject)


class Frame(msgspec.Struct):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


@dataclass(frozen=True)
class Pace:
    """The times of a reflector, in seconds, and its page size in objects.

    `watch_shortest`..`watch_longest` is the lifetime asked of the server (`timeoutSeconds`), jittered so
    that watches do not all end at once. The server sends a bookmark about once a minute, so a watch
    silent for `idle` is not trusted any more.
    """

    page: int = 500
    watch_shortest: float = 300.0
    watch_longest: float = 600.0
    idle: float = 150.0
    retry_base: float = 0.25
    retry_cap: float = 30.0


class _ListAgain(Exception):
    """The watch cannot be resumed; `args[0]` says why."""


class Reflector(Generic[K]):
    """Feeds `store` with one resource. `synced` is set once the first list is in the store.

    `label_selector` narrows both list and watch. `on_restart(plural, reason)` is told of every list after
    the first and of every watch that did not end in good order.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource[K],
        store: Store[K],
        clock: Clock,
        *,
        label_selector: str = "",
        pace: Pace | None = None,
        rng: random.Random | None = None,
        on_restart: Callable[[str, str], None] = lambda plural, reason: None,
    ) -> None:
        self.store = store
        self.synced = asyncio.Event()
        self._client = client
        self._resource = resource
        self._clock = clock
        self._selector = {"labelSelector": label_selector} if label_selector else {}
        self._pace = pace or Pace()
        self._rng = rng or random.Random()
        self._on_restart = on_restart
        self._backoff = Backoff(self._pace.retry_base, self._pace.retry_cap, self._rng)
        self._decoder = msgspec.json.Decoder(resource.type)
        self._frames = msgspec.json.Decoder(Frame)
        self._bookmarks = msgspec.json.Decoder(KubeObject)
        self._version = ""
        self._last_heard = 0.0

    async def run(self) -> None:
        """Never returns; cancel it."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except _ListAgain as reason:
                self._version = ""
                self._restarted(str(reason))
                await self._clock.sleep(self._backoff.next())
            except KubeError as error:
                self._restarted(_reason(error))
                await self._wait_after(error)

    async def _wait_after(self, error: KubeError) -> None:
        asked = error.retry_after if isinstance(error, ApiError) else 0.0
        delay = self._backoff.next(asked)
        hint = ""
        if isinstance(error, ApiError) and error.not_found:
            hint = f" (is the CustomResourceDefinition of {self._resource.kind} installed?)"
        log.warning("%s: %s%s; trying again in %.1f s", self._resource.plural, error, hint, delay)
        await self._clock.sleep(delay)

    def _restarted(self, reason: str) -> None:
        self._on_restart(self._resource.plural, reason)

    async def _list(self) -> None:
        """All pages into the store at once: a half-read list would look like deletions."""
        query = {"limit": str(self._pace.page), **self._selector}
        items: list[msgspec.Raw] = []
        while True:
            try:
                page = await self._client.page(self._resource, query)
            except ApiError as error:
                if error.gone and "continue" in query:
                    # The token outlived the history it points into; only a list from the start is consistent.
                    query.pop("continue")
                    items.clear()
                    self._restarted("list-expired")
                    await self._clock.sleep(self._backoff.next())
                    continue
                raise
            items += page.items
            if not page.more:
                break
            query["continue"] = page.more
        things, problems = decode_each(self._resource, items)
        for problem in problems:
            log.error("%s; this object is ignored until it changes", problem)
        # What cannot be read is not gone: its last good state stays in the store.
        listed = [key for item in items if (key := key_in(item))] if problems else []
        self.store.replace(things, self._clock.monotonic(), keep=listed)
        self._version = page.resource_version
        log.info("%s: listed %d at version %s", self._resource.plural, len(things), self._version)
        self.synced.set()

    async def _watch(self) -> None:
        """One watch, to its end. Returns if the server ended it in good order after a decent time."""
        seconds = self._rng.uniform(self._pace.watch_shortest, self._pace.watch_longest)
        query = {
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(seconds)),
            **self._selector,
        }
        started = self._last_heard = self._clock.monotonic()
        before = self._version
        try:
            await first_of(self._read(query), self._silence())
        except ApiError as error:
            if error.gone:
                raise _ListAgain("gone") from error
            raise
        if self._version == before and self._clock.monotonic() - started < 1.0:
            raise Unreachable("the watch ended as soon as it began")
        self._backoff.reset()

    async def _silence(self) -> None:
        """Raises Unreachable once nothing has been heard for `idle` seconds."""
        while True:
            quiet = self._clock.monotonic() - self._last_heard
            if quiet >= self._pace.idle:
                raise Unreachable(f"nothing heard for {quiet:.0f} s")
            # A rounded remainder of almost nothing must not become a busy loop.
            await self._clock.sleep(max(self._pace.idle - quiet, 0.05))

    async def _read(self, query: dict[str, str]) -> None:
        lines = LineSplitter()
        async with self._client.watch(self._resource, query) as chunks:
            self._last_heard = self._clock.monotonic()
            async for chunk in chunks:
                received = self._last_heard = self._clock.monotonic()
                for line in lines.feed(chunk):
                    self._take(line, received)
        if lines.unfinished:
            raise Unreachable("the watch broke off in the middle of an event")

    def _take(self, line: bytes, received: float) -> None:
        """Apply one event. An event that is not JSON may hide a change: only a new list is safe then."""
        try:
            frame = self._frames.decode(line)
            if frame.type == "ERROR":
                self._refuse(msgspec.json.decode(frame.object, type=Status))
            thing = self._bookmarks.decode(frame.object) if frame.type == "BOOKMARK" else self._decoded(frame)
        except msgspec.MsgspecError as error:
            log.warning("%s: unreadable watch event: %s", self._resource.plural, error)
            raise _ListAgain("unreadable-event") from error
        if isinstance(thing, self._resource.type):
            self._apply(frame.type, thing, received)
        self._version = thing.metadata.resource_version or self._version
        self._backoff.reset()

    def _refuse(self, status: Status) -> None:
        error = ApiError(status.code, status.reason, status.message)
        if error.gone or status.reason in ("Expired", "Gone"):
            raise _ListAgain("gone")
        raise error

    def _decoded(self, frame: Frame) -> KubeObject:
        """The object, or only its metadata if a field that we use has a type that we do not expect."""
        try:
            return self._decoder.decode(frame.object)
        except msgspec.ValidationError as error:
            where = f"{self._resource.kind} {name_in(frame.object)}"
            log.error("%s: %s; its last good state stays until it changes", where, error)
            return self._bookmarks.decode(frame.object)

    def _apply(self, event: str, thing: K, received: float) -> None:
        if event == "DELETED":
            self.store.remove(thing.key, received)
        elif event in ("ADDED", "MODIFIED"):
            self.store.put(thing, received)
        else:
            log.warning("%s: unknown watch event type %r", self._resource.plural, event)


def _reason(error: KubeError) -> str:
    """A short label for a metric."""
    if isinstance(error, ApiError):
        return f"http-{error.code}"
    return "malformed" if isinstance(error, Malformed) else "unreachable"
