"""Whatever happens on the way, the store ends up equal to the API, and the news adds up to the store."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from p4kube.kube.client import Client
from p4kube.kube.lines import LineSplitter
from p4kube.kube.reflector import Pace, Reflector
from p4kube.kube.resources import SERVICES
from p4kube.kube.store import Store
from p4kube.kube.testing import FakeApi, FakeClock, MemoryTransport, settle, things
from p4kube.kube.testing.api import Broken, Failure

NAMES = st.sampled_from("abcdef")
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("refuse"), st.integers(1, 4)),
    st.tuples(st.just("fail"), st.sampled_from([410, 429, 500])),
    st.tuples(st.just("advance"), st.integers(1, 200)),
    st.tuples(
        st.sampled_from(["end", "drop", "gone", "hang", "cut", "garbage", "compact", "bookmark"]), st.just(0)
    ),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_the_store_converges(steps):
    asyncio.run(converge(steps))


async def converge(steps):
    api, clock, store = FakeApi(), FakeClock(), Store()
    replayed: dict[str, str] = {}
    store.subscribe(lambda change: replay(replayed, change))
    pace = Pace(page=2, idle=100, retry_base=1, retry_cap=10)
    reflector = Reflector(
        Client(MemoryTransport(api)), SERVICES, store, clock, pace=pace, rng=random.Random(0)
    )
    task = asyncio.create_task(reflector.run())
    for what, detail in steps:
        await act(api, clock, what, detail)
    api.heal()
    await clock.advance(250)
    assert not task.done()
    expected = {
        thing["metadata"]["name"]: thing["metadata"]["resourceVersion"] for thing in api.all("services")
    }
    assert {thing.metadata.name: thing.metadata.resource_version for thing in store} == expected == replayed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def replay(state, change):
    name = change.current.metadata.name
    if change.old is None:
        assert name not in state
    else:
        assert state[name] == change.old.metadata.resource_version
    if change.new is None:
        del state[name]
    else:
        state[name] = change.new.metadata.resource_version


async def act(api, clock, what, detail):
    if what == "put":
        api.put("services", things.service(detail))
    elif what == "delete" and any(thing["metadata"]["name"] == detail for thing in api.all("services")):
        api.delete("services", "default", detail)
    elif what == "refuse":
        api.refuse("*", "services", Broken(), times=detail)
    elif what == "fail":
        api.refuse("*", "services", Failure(detail, "Reason", retry_after="3"))
    elif what == "advance":
        await clock.advance(detail)
    elif what == "compact":
        api.compact()
    elif what == "bookmark":
        api.bookmark("services")
    for stream in api.streams("services"):
        if what in ("end", "drop", "gone", "hang"):
            getattr(stream, what)()
        elif what == "cut":
            stream.raw(b'{"type":"MODIFIED","obj')
            stream.drop()
        elif what == "garbage":
            stream.raw(b'{"type": 3}\n')
    if what in ("put", "delete"):
        await settle(5)


@given(st.lists(st.binary(min_size=1, max_size=20)), st.randoms(use_true_random=False))
def test_lines_do_not_depend_on_the_chunks(lines, rng):
    lines = [line.replace(b"\n", b"") for line in lines]
    data = b"".join(line + b"\n" for line in lines)
    splitter, found = LineSplitter(), []
    while data:
        size = rng.randint(1, len(data))
        found += splitter.feed(data[:size])
        data = data[size:]
    assert found == [line for line in lines if line.strip()] and splitter.unfinished == 0
