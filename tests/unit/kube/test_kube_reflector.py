"""List and watch against a server that misbehaves in every way it can."""

from __future__ import annotations

import asyncio
import itertools
import random
from contextlib import asynccontextmanager

import pytest

from p4kube.kube.client import Client
from p4kube.kube.reflector import Pace, Reflector
from p4kube.kube.resources import SERVICES
from p4kube.kube.store import Store
from p4kube.kube.testing import FakeApi, FakeClock, MemoryTransport, settle, things
from p4kube.kube.testing.api import Broken, Failure

PACE = Pace(page=2, idle=100.0, retry_base=1.0, retry_cap=30.0)


class Watched:
    """A reflector of Services; `news` has ("+", "~" or "-") and the name of every change."""

    def __init__(self) -> None:
        self.api, self.clock = FakeApi(), FakeClock()
        self.store = Store()
        self.news: list[str] = []
        self.restarts: list[str] = []
        self.store.subscribe(self._note)

    def _note(self, change) -> None:
        sign = "+" if change.old is None else "-" if change.new is None else "~"
        self.news.append(sign + change.current.metadata.name)

    @asynccontextmanager
    async def running(self, selector: str = ""):
        self.reflector = Reflector(
            Client(MemoryTransport(self.api)),
            SERVICES,
            self.store,
            self.clock,
            label_selector=selector,
            pace=PACE,
            rng=random.Random(1),
            on_restart=lambda plural, reason: self.restarts.append(reason),
        )
        task = asyncio.create_task(self.reflector.run())
        await settle()
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def put(self, *names: str) -> None:
        for name in names:
            self.api.put("services", things.service(name))

    @property
    def names(self) -> list[str]:
        return sorted(thing.metadata.name for thing in self.store)

    @property
    def stream(self):
        (stream,) = self.api.streams("services")
        return stream

    def count(self, verb: str) -> int:
        return sum(request.startswith(verb) for request in self.api.requests)


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_lists_in_pages_then_watches_from_that_version(watched):
    watched.put("a", "b", "c", "d", "e")
    async with watched.running():
        assert watched.names == list("abcde") and watched.count("GET") == 3
        assert watched.reflector.synced.is_set()
        assert watched.stream.query["allowWatchBookmarks"] == "true"
        assert 300 <= int(watched.stream.query["timeoutSeconds"]) <= 600
        watched.put("f", "a")
        watched.api.delete("services", "default", "b")
        await settle()
        assert watched.news[5:] == ["+f", "~a", "-b"]


async def test_not_synced_before_the_last_page(watched):
    watched.put("a", "b", "c")
    watched.api.refuse("GET", "services", Broken(), times=1)
    async with watched.running():
        assert not watched.reflector.synced.is_set() and not watched.names
        await watched.clock.advance(2)
        assert watched.reflector.synced.is_set()


async def test_an_expired_continue_token_starts_the_list_again(watched):
    watched.put("a", "b", "c")
    original = watched.api.handle

    def expire_after_first_page(verb, path, query, body):
        answer = original(verb, path, query, body)
        watched.api.handle = original
        watched.api.delete("services", "default", "a")
        watched.api.compact()
        return answer

    watched.api.handle = expire_after_first_page
    async with watched.running():
        await watched.clock.advance(2)
        assert watched.names == ["b", "c"] and watched.restarts == ["list-expired"]


async def test_a_watch_that_ends_is_resumed_from_the_last_version(watched):
    watched.put("a")
    async with watched.running():
        watched.put("b")
        await watched.clock.advance(5)
        version = watched.store.get("default", "b").metadata.resource_version
        watched.stream.end()
        watched.put("c")
        await settle()
        assert watched.count("GET") == 1 and watched.stream.query["resourceVersion"] == version
        assert watched.news == ["+a", "+b", "+c"] and watched.restarts == []


async def test_bookmarks_move_the_version_and_nothing_else(watched):
    watched.put("a")
    async with watched.running():
        watched.api.put("nodes", things.node("n", "10.0.0.1"))
        watched.api.bookmark("services")
        await watched.clock.advance(5)
        watched.api.compact()
        watched.stream.end()
        await settle()
        assert watched.count("GET") == 1 and watched.news == ["+a"]


async def test_410_in_the_stream_lists_again_and_finds_deletions(watched):
    watched.put("a", "b")
    async with watched.running():
        stream = watched.stream
        stream.hang()
        watched.api.delete("services", "default", "a")
        watched.put("c")
        stream.muted = False
        watched.api.compact()
        stream.gone()
        await watched.clock.advance(1)
        assert watched.news[2:] == ["-a", "+c"] and watched.restarts == ["gone"]


async def test_410_at_the_start_of_a_watch_lists_again(watched):
    watched.put("a", "b")
    async with watched.running():
        await watched.clock.advance(5)
        watched.stream.end()
        watched.api.delete("services", "default", "a")
        watched.api.compact()
        await watched.clock.advance(1)
        assert watched.names == ["b"] and watched.restarts == ["gone"]


async def test_deleted_and_made_again_while_away_is_seen_as_both(watched):
    watched.put("a")
    async with watched.running():
        watched.stream.hang()
        watched.api.delete("services", "default", "a")
        watched.put("a")
        watched.stream.muted = False
        watched.api.compact()
        watched.stream.gone()
        await watched.clock.advance(1)
        assert watched.news == ["+a", "-a", "+a"]


async def test_an_event_cut_off_in_the_middle_is_not_applied_and_not_lost(watched):
    watched.put("a")
    async with watched.running():
        await watched.clock.advance(5)
        watched.stream.raw(b'{"type":"ADDED","object":{"metadata":{"na')
        watched.stream.end()
        watched.put("b")
        await watched.clock.advance(2)
        assert watched.names == ["a", "b"] and watched.restarts == ["unreachable"]
        assert watched.count("GET") == 1


async def test_an_unreadable_line_lists_again(watched):
    watched.put("a")
    async with watched.running():
        watched.stream.raw(b"<html>bad gateway</html>\n")
        await watched.clock.advance(2)
        assert watched.restarts == ["unreadable-event"] and watched.count("GET") == 2


async def test_a_dropped_connection_resumes(watched):
    watched.put("a")
    async with watched.running():
        watched.stream.drop()
        watched.put("b")
        await watched.clock.advance(2)
        assert watched.names == ["a", "b"] and watched.count("GET") == 1


async def test_a_silent_hang_is_noticed(watched):
    watched.put("a")
    async with watched.running():
        watched.stream.hang()
        watched.put("b")
        await watched.clock.advance(99)
        assert watched.names == ["a"]
        await watched.clock.advance(3)
        assert watched.names == ["a", "b"] and watched.restarts == ["unreachable"]


async def test_bookmarks_keep_a_quiet_watch_alive(watched):
    watched.put("a")
    async with watched.running():
        for _ in range(5):
            await watched.clock.advance(60)
            watched.api.bookmark("services")
            await settle()
        assert watched.restarts == [] and watched.count("WATCH") == 1


async def test_backoff_grows_to_its_cap_and_is_forgotten_after_success(watched):
    watched.put("a")
    async with watched.running():
        watched.api.outage()
        await settle()
        tries = []
        for _ in range(300):
            before = watched.count("WATCH")
            await watched.clock.advance(1)
            if watched.count("WATCH") > before:
                tries.append(watched.clock.monotonic())
        gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
        assert gaps[0] <= 3 and max(gaps) <= 31 and all(gap >= 14 for gap in gaps[6:])
        watched.api.heal()
        await watched.clock.advance(31)
        watched.put("b")
        await settle()
        watched.stream.drop()
        before = watched.count("WATCH")
        await watched.clock.advance(1.5)
        assert watched.count("WATCH") == before + 1


async def test_a_watch_that_ends_at_once_does_not_spin(watched):
    watched.put("a")
    async with watched.running():
        for _ in range(20):
            for stream in watched.api.streams("services"):
                stream.end()
            await settle()
        assert watched.count("WATCH") == 1


async def test_retry_after_is_honoured(watched):
    watched.api.refuse("GET", "services", Failure(429, "TooManyRequests", retry_after="20"), times=1)
    async with watched.running():
        await watched.clock.advance(19)
        assert watched.count("GET") == 1
        await watched.clock.advance(2)
        assert watched.count("GET") == 2


async def test_an_object_of_an_unexpected_shape_keeps_its_last_good_state(watched):
    watched.put("a", "b")
    async with watched.running():
        watched.api.change("services", "default", "a", spec={"ports": "none"})
        watched.put("c")
        await settle()
        assert watched.names == ["a", "b", "c"]
        assert watched.store.get("default", "a").spec.ports[0].port == 80
        watched.api.compact()
        watched.stream.gone()
        await watched.clock.advance(2)
        assert watched.names == ["a", "b", "c"] and watched.restarts == ["gone"]


async def test_a_selector_narrows_list_and_watch(watched):
    watched.api.put("services", {**things.service("a"), "metadata": _meta("a", x="1")})
    watched.put("b")
    async with watched.running(selector="x"):
        watched.put("c")
        watched.api.change("services", "default", "a", metadata={"labels": {"x": None}})
        await settle()
        assert watched.news == ["+a", "-a"]


def _meta(name, **labels):
    return {"name": name, "namespace": "default", "labels": labels}
