"""Memory that packets read while it is replaced, without a reader ever seeing half of anything.

Something new is written to a free place, then the cell that names the place is changed by one store. A place
that is no longer named is written again only after `GRACE` seconds, when no packet can still be reading it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from p4xdp.runtime.memory import StateMemory

GRACE = 0.02


class Places:
    """`count` places of `size` bytes at `offset`, numbered from 1 (0 stays unused), some of them `used`."""

    def __init__(self, memory: StateMemory, offset: int, count: int, size: int, used: Iterable[int]) -> None:
        self._memory = memory
        self._offset, self._size = offset, size
        now, taken = time.monotonic(), set(used)
        self._free = deque((now, place) for place in range(1, count) if place not in taken)

    def __len__(self) -> int:
        """How many are free."""
        return len(self._free)

    def take(self, data: bytes) -> int:
        """A free place, with `data` in it. Raises IndexError if there is none."""
        since, place = self._free.popleft()
        wait = since + GRACE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._memory.put(self._offset + place * self._size, data)
        return place

    def give(self, place: int) -> None:
        """The place is no longer named anywhere."""
        self._free.append((time.monotonic(), place))

    def replace(self, cell: int, data: bytes | None) -> None:
        """Makes the u32 at `cell` name a place with `data` (None: nothing). Raises IndexError."""
        old = self._memory.read(cell, 4)
        self._memory.write(cell, 4, 0 if data is None else self.take(data))
        if old:
            self.give(old)
