"""Coalescing, exclusion, and backoff per key."""

from __future__ import annotations

import random

from p4kube.kube.testing import FakeClock, settle
from p4kube.kube.workqueue import WorkQueue


async def test_a_key_stands_in_line_once_and_in_order():
    queue = WorkQueue(FakeClock())
    for key in "abab":
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"] and len(queue) == 0


async def test_a_key_in_work_is_given_out_again_only_after_done():
    queue = WorkQueue(FakeClock())
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_of_several_delays_the_earliest_counts():
    clock = FakeClock()
    queue = WorkQueue(clock)
    for delay in (5.0, 2.0, 9.0):
        queue.add_after("a", delay)
    await clock.advance(1.9)
    assert len(queue) == 0
    await clock.advance(0.2)
    assert len(queue) == 1
    await queue.get()
    queue.done("a")
    await clock.advance(20)
    assert len(queue) == 0


async def test_adding_now_does_not_call_off_later():
    clock = FakeClock()
    queue = WorkQueue(clock)
    queue.add_after("a", 2.0)
    queue.add("a")
    await queue.get()
    queue.done("a")
    await clock.advance(2)
    assert len(queue) == 1


async def test_backoff_is_per_key_and_forgotten_on_success():
    queue = WorkQueue(FakeClock(), retry_base=1.0, retry_cap=8.0, rng=random.Random(3))
    delays = [queue.retry("a") for _ in range(6)]
    assert all(0.5 * 2**n <= delay <= 2**n for n, delay in enumerate(delays[:4]))
    assert all(4 <= delay <= 8 for delay in delays[3:])
    assert queue.retry("b") <= 1
    queue.succeeded("a")
    assert queue.retry("a") <= 1


async def test_close_calls_off_what_is_due_later():
    clock = FakeClock()
    queue = WorkQueue(clock)
    queue.add_after("a", 1.0)
    queue.close()
    await clock.advance(2)
    await settle()
    assert len(queue) == 0 and clock.next_due is None
