"""A queue of keys to look at again: each key at most once in line, never in two hands at once."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from p4kube.kube.backoff import Backoff
from p4kube.kube.clock import Clock, Timer

T = TypeVar("T", bound=Hashable)


class WorkQueue(Generic[T]):
    """Coalescing work queue.

    A key added while it waits stays where it is; one added while somebody works on it is given out again
    after `done`. So a worker always sees the newest state, and a burst of a thousand changes of one
    object is one piece of work. Retries wait per key: one key that keeps failing delays no other.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        retry_base: float = 0.05,
        retry_cap: float = 60.0,
        rng: random.Random | None = None,
    ) -> None:
        self._clock = clock
        self._new_backoff: Callable[[], Backoff] = lambda: Backoff(retry_base, retry_cap, rng)
        self._line: deque[T] = deque()
        self._waiting: set[T] = set()
        self._working: set[T] = set()
        self._timers: dict[T, tuple[float, Timer]] = {}
        self._backoffs: dict[T, Backoff] = {}
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        """Keys that wait in line; neither those in work nor those added for later."""
        return len(self._line)

    def add(self, key: T) -> None:
        """Add now; what was added for later still comes later."""
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._enqueue(key)

    def add_after(self, key: T, delay: float) -> None:
        """Add in `delay` seconds; of several delays of one key the earliest counts."""
        due = self._clock.monotonic() + delay
        pending = self._timers.get(key)
        if pending is not None and pending[0] <= due:
            return
        self._forget_timer(key)
        self._timers[key] = (due, self._clock.call_later(delay, lambda: self._on_time(key)))

    def retry(self, key: T, at_least: float = 0.0) -> float:
        """Add after the key's own backoff, which doubles each time; returns the delay in seconds."""
        delay = self._backoffs.setdefault(key, self._new_backoff()).next(at_least)
        self.add_after(key, delay)
        return delay

    def succeeded(self, key: T) -> None:
        """Forget earlier failures of `key`."""
        self._backoffs.pop(key, None)

    async def get(self) -> T:
        """The next key; the caller must call `done` with it."""
        while not self._line:
            self._ready.clear()
            await self._ready.wait()
        key = self._line.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def done(self, key: T) -> None:
        self._working.discard(key)
        if key in self._waiting:
            self._enqueue(key)

    def close(self) -> None:
        """Call off everything that is due later."""
        for key in list(self._timers):
            self._forget_timer(key)

    def _on_time(self, key: T) -> None:
        del self._timers[key]
        self.add(key)

    def _enqueue(self, key: T) -> None:
        self._line.append(key)
        self._ready.set()

    def _forget_timer(self, key: T) -> None:
        pending = self._timers.pop(key, None)
        if pending is not None:
            pending[1].cancel()
