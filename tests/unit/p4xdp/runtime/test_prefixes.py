"""The trie in state memory finds what a search through all prefixes finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4xdp.runtime import slots
from p4xdp.runtime.memory import StateMemory
from p4xdp.runtime.prefixes import PrefixTrie, TrieFull
from p4xdp.runtime.slots import Places
from p4xdp.targets.xdp.layout import ARRAY_KEY_BITS, NODE_BITS, NODE_CELLS, trie_levels
from p4xdp.targets.xdp.manifest import CHILD, ActionLayout, Call, KeyLayout, TableLayout

SLOTS = 64


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "GRACE", 0.0)


def layout(width: int, *, nodes: int = 128) -> TableLayout:
    cells = 4 << min(width, ARRAY_KEY_BITS)
    pool = 64 + cells
    node = pool + 8 * SLOTS
    marks = node + 4 * NODE_CELLS * nodes
    key = KeyLayout("k", "lpm", width, 0, 4)
    return TableLayout(
        "t", "trie", "", 0, 8, 40, (key,), (ActionLayout(1, "a", ()),), Call(0),
        index_offset=64, pool_offset=pool, pool_slots=SLOTS,
        nodes_offset=node, nodes=nodes, prefixes_offset=marks,
    )  # fmt: skip


@contextmanager
def memory_of(table: TableLayout) -> Iterator[StateMemory]:
    size = table.prefixes_offset + 8 * table.pool_slots
    fd = os.memfd_create("state")
    os.truncate(fd, size + 4096)
    memory = StateMemory(fd, size)
    os.close(fd)
    yield memory
    memory.close()


def trie_in(memory: StateMemory, table: TableLayout, used: set[int]) -> PrefixTrie:
    return PrefixTrie(
        memory, table, Places(memory, table.pool_offset, table.pool_slots, table.value_size, used)
    )


def walk(memory: StateMemory, table: TableLayout, key: int) -> bytes | None:
    """What the compiled program does."""
    width = table.keys[0].width
    levels = trie_levels(width)
    rest = NODE_BITS * levels
    key <<= max(0, rest + ARRAY_KEY_BITS - width) if levels else 0
    cell = memory.read(table.index_offset + 4 * (key >> rest), 4)
    while cell & CHILD:
        rest -= NODE_BITS
        node = table.nodes_offset + 4 * NODE_CELLS * (cell & ~CHILD)
        cell = memory.read(node + 4 * (key >> rest & NODE_CELLS - 1), 4)
    return memory.get(table.pool_offset + 8 * cell, 8) if cell else None


def search(entries: dict[tuple[int, int], bytes], width: int, key: int) -> bytes | None:
    for length in range(width, -1, -1):
        found = entries.get((key >> width - length << width - length, length))
        if found is not None:
            return found
    return None


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, int, bool]]]:
    width = draw(st.sampled_from([9, 16, 18, 20, 27, 32]))
    length = st.integers(0, width).map(lambda n: max(n, width - 14))
    values = st.integers(0, 255).map(lambda n: n << 4 & (1 << width) - 1)
    change = st.tuples(values, length, st.integers(1, 1 << 60), st.booleans())
    return width, draw(st.lists(change, max_size=25))


@given(changes(), st.integers(0, 25))
@settings(max_examples=60, deadline=None)
def test_finds_the_longest_prefix(drawn: tuple[int, list[tuple[int, int, int, bool]]], restart: int) -> None:
    width, steps = drawn
    table = layout(width)
    entries: dict[tuple[int, int], bytes] = {}
    with memory_of(table) as memory:
        trie = trie_in(memory, table, set())
        for number, (value, length, data, add) in enumerate(steps):
            prefix = (value >> width - length << width - length, length)
            if add or not entries:
                entries[prefix] = data.to_bytes(8, "little")
                trie.put(prefix, entries[prefix])
            else:
                assert trie.delete(prefix) == (entries.pop(prefix, None) is not None)
            if number == restart:
                named = {memory.read(cell, 4) for cell in range(64, table.pool_offset, 4)}
                trie = trie_in(
                    memory, table, {cell for cell in named if not cell & CHILD} | set(range(1, 40))
                )
        keys = {v + d & (1 << width) - 1 for v, *_ in steps for d in (0, 1, 15, 16, -1)} | {
            0,
            (1 << width) - 1,
        }
        for key in keys:
            assert walk(memory, table, key) == search(entries, width, key), hex(key)


def test_all_nodes_come_back() -> None:
    table = layout(32, nodes=16)
    with memory_of(table) as memory:
        trie = trie_in(memory, table, set())
        for round_ in range(30):
            trie.put((round_ << 16, 32), b"12345678")
            assert trie.delete((round_ << 16, 32))
        assert walk(memory, table, 5 << 16) is None


def test_full_is_said_before_anything_changes() -> None:
    table = msgspec.structs.replace(layout(32, nodes=8), size=40)
    with memory_of(table) as memory:
        trie = trie_in(memory, table, set())
        trie.put((1 << 16, 32), b"12345678")
        with pytest.raises(TrieFull):
            trie.put((2 << 16, 32), b"abcdefgh")
        assert walk(memory, table, 2 << 16) is None
        assert walk(memory, table, 1 << 16) == b"12345678"
