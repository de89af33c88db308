"""Regions of 2^k slots, aligned to their size, out of a pool of 2^n (a buddy allocator)."""

from __future__ import annotations


class PoolExhausted(Exception):
    """No free region of the size asked for."""


class BuddyAllocator:
    def __init__(self, pool_log2: int) -> None:
        self._pool_log2 = pool_log2
        self._free: list[set[int]] = [set() for _ in range(pool_log2 + 1)]
        self._free[pool_log2].add(0)

    def allocate(self, log2: int) -> int:
        """The base of a free region of 2^log2. Raises PoolExhausted."""
        for size in range(log2, self._pool_log2 + 1):
            if self._free[size]:
                base = min(self._free[size])
                self.reserve(base, log2)
                return base
        raise PoolExhausted(f"no free region of {1 << log2} slots")

    def reserve(self, base: int, log2: int) -> None:
        """Takes a particular region. Raises PoolExhausted if it is not free as a whole."""
        size, start = log2, base
        while size <= self._pool_log2 and start not in self._free[size]:
            size += 1
            start = base >> size << size
        if size > self._pool_log2 or base & ((1 << log2) - 1):
            raise PoolExhausted(f"slots {base} to {base + (1 << log2) - 1} are not free")
        self._free[size].discard(start)
        while size > log2:
            size -= 1
            half = base >> size << size
            self._free[size].add(half ^ (1 << size))

    def release(self, base: int, log2: int) -> None:
        """Gives a region back and joins it with its free buddies."""
        while log2 < self._pool_log2 and base ^ (1 << log2) in self._free[log2]:
            self._free[log2].discard(base ^ (1 << log2))
            base &= ~(1 << log2)
            log2 += 1
        self._free[log2].add(base)

    @property
    def free_slots(self) -> int:
        return sum(len(regions) << log2 for log2, regions in enumerate(self._free))
