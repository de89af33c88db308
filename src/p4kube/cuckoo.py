"""Places in a table where each item may stand in a few cells only: others move aside (cuckoo hashing).

The data plane looks an item up in its cells in turn; an item that moves aside is written to its new cell
before the old one is used again, so it is found at every moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item")
_SEARCH_LIMIT = 4096


class TableFull(Exception):
    """No arrangement was found within the search limit."""


def place(
    item: Item, occupied: Mapping[int, Item], candidates: Callable[[Item], Sequence[int]]
) -> list[tuple[Item, int]]:
    """The moves that make room for `item`, as (who, to which cell), in the order in which to make them;
    the last one places `item`. The shortest chain there is (breadth first).

    Raises TableFull if none is found.
    """
    parents: dict[int, int | None] = dict.fromkeys(candidates(item))
    queue = deque(parents)
    while queue and len(parents) < _SEARCH_LIMIT:
        cell = queue.popleft()
        tenant = occupied.get(cell)
        if tenant is None:
            return _chain(item, cell, parents, occupied)
        for other in candidates(tenant):
            if other not in parents:
                parents[other] = cell
                queue.append(other)
    raise TableFull


def _chain(
    item: Item, free: int, parents: Mapping[int, int | None], occupied: Mapping[int, Item]
) -> list[tuple[Item, int]]:
    moves: list[tuple[Item, int]] = []
    cell = free
    while (origin := parents[cell]) is not None:
        moves.append((occupied[origin], cell))
        cell = origin
    moves.append((item, cell))
    return moves
