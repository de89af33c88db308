"""Table values in the state memory that are replaced without a reader ever seeing half of one.

A value is written to a free slot, then the cell that names the slot is changed by one store. A slot that is
no longer named is written again only after `GRACE` seconds, when no packet can still be reading it.
"""

from __future__ import annotations

import time
from collections import deque

from p4xdp.runtime.memory import StateMemory

GRACE = 0.02


class SlotPool:
    """`slots` values of `size` bytes at `offset`; slot 0 stays unused. `used`: the slots that are named."""

    def __init__(self, memory: StateMemory, offset: int, slots: int, size: int, used: set[int]) -> None:
        self._memory = memory
        self._offset, self._size = offset, size
        now = time.monotonic()
        self._free = deque((now, slot) for slot in range(1, slots) if slot not in used)

    def replace(self, cell: int, value: bytes | None) -> None:
        """Makes the u32 at `cell` name `value` (None: nothing). Raises IndexError if no slot is left."""
        old = self._memory.read(cell, 4)
        new = 0
        if value is not None:
            since, new = self._free.popleft()
            wait = since + GRACE - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self._memory.put(self._offset + new * self._size, value)
        self._memory.write(cell, 4, new)
        if old:
            self._free.append((time.monotonic(), old))
