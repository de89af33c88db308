"""The entries of a trie table: longest-prefix matches that the program finds with a few loads.

The tables's manifest says how the trie lies in memory. Every cell names the entry that wins there (longer
prefixes are pushed over shorter ones), so that a packet that reads cells one after the other while they are
changed finds either the old or the new entry for its address.
"""

from __future__ import annotations

from collections.abc import Iterator

from p4xdp.runtime.memory import StateMemory
from p4xdp.runtime.slots import Places
from p4xdp.targets.xdp.layout import ARRAY_KEY_BITS, NODE_BITS, NODE_CELLS, trie_levels
from p4xdp.targets.xdp.manifest import CHILD, TableLayout

Prefix = tuple[int, int]
"""Value, of which only the first bits count, and how many these are."""


class TrieFull(Exception):
    """No slot or no node is left."""


class PrefixTrie:
    """`slots` holds the values; a trie that is in the memory already is taken over."""

    def __init__(self, memory: StateMemory, table: TableLayout, slots: Places) -> None:
        self._memory, self._table, self._slots = memory, table, slots
        self._width = table.keys[0].width
        self._levels = trie_levels(self._width)
        self._top = min(self._width, ARRAY_KEY_BITS)
        self._entries: dict[Prefix, int] = {}
        for prefix, slot in stored_prefixes(memory, table):
            if prefix in self._entries:
                self._mark(slot, 0)
            else:
                self._entries[prefix] = slot
        self._lengths = {slot: length for (_, length), slot in self._entries.items()}
        nodes = set(self._reachable(table.index_offset, 1 << self._top))
        size = 4 * NODE_CELLS
        self._nodes = Places(memory, table.nodes_offset, table.nodes, size, nodes)
        self._repair()

    def _repair(self) -> None:
        """Finishes what a process that wrote here may have left half done."""
        for (value, length), slot in sorted(self._entries.items(), key=lambda item: item[0][1]):
            self._cover(value, length, slot)

    def put(self, prefix: Prefix, data: bytes) -> None:
        """Adds or replaces an entry. Raises TrieFull."""
        value, length = prefix
        old = self._entries.get(prefix)
        if old is None and len(self._entries) >= self._table.size:
            raise TrieFull
        if not len(self._slots) or len(self._nodes) < self._levels:
            raise TrieFull
        slot = self._slots.take(data)
        self._mark(slot, value << 8 | length + 1)
        self._entries[prefix], self._lengths[slot] = slot, length
        if old is not None:
            self._lengths[old] = -1
        self._cover(value, length, slot)
        if old is not None:
            self._release(old)

    def delete(self, prefix: Prefix) -> bool:
        """Removes an entry; False if there is none."""
        slot = self._entries.pop(prefix, None)
        if slot is None:
            return False
        value, length = prefix
        heir, heir_length = self._next_best(value, length)
        self._lengths[slot] = -1
        self._cover(value, length, heir, heir_length)
        self._release(slot)
        return True

    def _release(self, slot: int) -> None:
        self._mark(slot, 0)
        del self._lengths[slot]
        self._slots.give(slot)

    def _mark(self, slot: int, value: int) -> None:
        self._memory.write(self._table.prefixes_offset + 8 * slot, 8, value)

    def _next_best(self, value: int, length: int) -> tuple[int, int]:
        for shorter in range(length - 1, -1, -1):
            found = self._entries.get((_cut(value, shorter, self._width), shorter))
            if found is not None:
                return found, shorter
        return 0, -1

    # ------------------------------------------------------------------ cells

    def _cover(self, value: int, length: int, slot: int, strength: int | None = None) -> None:
        """Writes `slot` to all cells below the prefix whose entries are not longer than `strength` (the
        prefix's length unless given)."""
        strength = length if strength is None else strength
        padded = value << self._top + NODE_BITS * self._levels - self._width
        shift = NODE_BITS * self._levels
        base, depth = self._table.index_offset, self._top
        path: list[tuple[int, int]] = []
        while length > depth:
            cell = base + 4 * (padded >> shift & ((1 << (self._top if not path else NODE_BITS)) - 1))
            base = self._node(cell)
            path.append((cell, base))
            depth += NODE_BITS
            shift -= NODE_BITS
        bits = self._top if not path else NODE_BITS
        first = padded >> shift & ((1 << bits) - 1)
        self._fill(base + 4 * first, 1 << depth - length, slot, strength)
        for cell, node in reversed(path):
            self._collapse(cell, node)

    def _fill(self, first: int, count: int, slot: int, strength: int) -> None:
        memory = self._memory
        for cell in range(first, first + 4 * count, 4):
            there = memory.read(cell, 4)
            if there & CHILD:
                self._fill(self._address(there), NODE_CELLS, slot, strength)
                self._collapse(cell, self._address(there))
            elif there != slot and self._lengths.get(there, -1) <= strength:
                memory.write(cell, 4, slot)

    def _node(self, cell: int) -> int:
        """Address of the node that `cell` names; if it names none, of a new one that says the same."""
        there = self._memory.read(cell, 4)
        if not there & CHILD:
            there = CHILD | self._nodes.take(there.to_bytes(4, "little") * NODE_CELLS)
            self._memory.write(cell, 4, there)
        return self._address(there)

    def _address(self, cell: int) -> int:
        return self._table.nodes_offset + 4 * NODE_CELLS * (cell & ~CHILD)

    def _collapse(self, cell: int, node: int) -> None:
        """Does without a node all of whose cells name the same entry."""
        cells = self._memory.get(node, 4 * NODE_CELLS)
        first = int.from_bytes(cells[:4], "little")
        if first & CHILD or cells != cells[:4] * NODE_CELLS:
            return
        number = self._memory.read(cell, 4) & ~CHILD
        self._memory.write(cell, 4, first)
        self._nodes.give(number)

    def _reachable(self, base: int, count: int) -> Iterator[int]:
        for cell in range(base, base + 4 * count, 4):
            there = self._memory.read(cell, 4)
            if there & CHILD:
                yield there & ~CHILD
                yield from self._reachable(self._address(there), NODE_CELLS)


def _cut(value: int, length: int, width: int) -> int:
    return value >> width - length << width - length


def stored_prefixes(memory: StateMemory, table: TableLayout) -> Iterator[tuple[Prefix, int]]:
    """The prefixes that the memory holds, with their slots."""
    for slot in range(1, table.pool_slots):
        mark = memory.read(table.prefixes_offset + 8 * slot, 8)
        if mark:
            yield (mark >> 8, (mark & 0xFF) - 1), slot
