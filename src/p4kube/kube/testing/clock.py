"""Time that passes only when a test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class FakeTimer:
    """Due at `due` seconds of its clock, unless cancelled."""

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """A `Clock` that starts at 2026-01-01 and moves by `advance` only."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def monotonic(self) -> float:
        return self._elapsed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def call_later(self, delay: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(self._elapsed + max(delay, 0.0), callback)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    async def sleep(self, delay: float) -> None:
        if delay <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, lambda: None if future.done() else future.set_result(None))
        try:
            await future
        finally:
            timer.cancel()

    @property
    def next_due(self) -> float | None:
        """When the next timer fires, in seconds of this clock; None if none is set."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass: timers fire in order, and what they wake up runs before the next one."""
        end = self._elapsed + seconds
        await settle()
        while (due := self.next_due) is not None and due <= end:
            self._elapsed = max(self._elapsed, due)
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()
            await settle()
        self._elapsed = end
        await settle()


async def settle(turns: int = 30) -> None:
    """Let every task run until it waits for something that is not there."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], limit: float = 5.0) -> None:
    """Wait for real I/O to make `condition` true; AssertionError after `limit` seconds of real time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit
    while not condition():
        if loop.time() > end:
            raise AssertionError(f"still not true after {limit} s")
        await asyncio.sleep(0.001)
