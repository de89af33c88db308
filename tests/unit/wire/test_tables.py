"""Cuckoo placement and the buddy allocator."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4kube.buddy import BuddyAllocator, PoolExhausted
from p4kube.cuckoo import TableFull, place


def candidates(item: int) -> tuple[int, int]:
    draw = random.Random(item)
    return draw.randrange(64), 64 + draw.randrange(64)


def test_placing_finds_everybody_at_every_moment() -> None:
    table: dict[int, int] = {}
    where: dict[int, int] = {}
    for item in range(60):
        for who, cell in place(item, table, candidates):
            assert cell in candidates(who)
            # The copy is made before the original goes: what stood here has been placed elsewhere.
            assert table.get(cell) is None or where[table[cell]] != cell
            table[cell] = who
            where[who] = cell
        table = {cell: who for who, cell in where.items()}
        assert len(table) == item + 1


def test_a_full_table_is_reported() -> None:
    with pytest.raises(TableFull):
        place(9, {0: 1, 1: 2}, lambda _: (0, 1))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=60))
def test_regions_never_overlap(steps: list[tuple[bool, int]]) -> None:
    pool = BuddyAllocator(7)
    taken: list[tuple[int, int]] = []
    for release, log2 in steps:
        if release and taken:
            pool.release(*taken.pop(log2 % len(taken)))
            continue
        try:
            base = pool.allocate(log2)
        except PoolExhausted:
            continue
        assert base % (1 << log2) == 0
        taken.append((base, log2))
        slots = [s for b, k in taken for s in range(b, b + (1 << k))]
        assert len(set(slots)) == len(slots) and max(slots) < 128
    assert pool.free_slots == 128 - sum(1 << k for _, k in taken)
    for region in taken:
        pool.release(*region)
    assert pool.allocate(7) == 0


def test_reserving_what_is_taken_is_refused() -> None:
    pool = BuddyAllocator(4)
    pool.reserve(8, 2)
    for base, log2 in ((8, 2), (8, 1), (11, 0), (0, 4), (6, 2)):
        with pytest.raises(PoolExhausted):
            pool.reserve(base, log2)
    assert pool.allocate(3) == 0
