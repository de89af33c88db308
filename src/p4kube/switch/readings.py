"""What a running data plane says of itself: registers and counters, by the names in the P4 source."""

from __future__ import annotations

from typing import Final

import msgspec

from p4kube.switch import own, tables
from p4kube.switch.dataplane import Readable
from p4kube.wire import contract

_PREFIX = "EVENT_"
# Event names by cell, e.g. {7: "update_forged"}, from p4/include/layout.p4.
EVENTS: Final[dict[int, str]] = dict(
    sorted(
        (cell, name.removeprefix(_PREFIX).lower())
        for name, cell in vars(contract).items()
        if name.startswith(_PREFIX)
    )
)


class Count(msgspec.Struct, frozen=True):
    packets: int
    bytes: int


class Order(msgspec.Struct, frozen=True):
    """How far updates have come: docs/protocol.md."""

    epoch: int
    sequence: int


def order(plane: Readable) -> Order:
    word = plane.register_read("update_state", 0)
    return Order(word >> 32, word & 0xFFFFFFFF)


def events(plane: Readable) -> dict[str, int]:
    """Every event by name, also those that never happened."""
    counts = plane.counter_dump("events")
    return {name: counts[cell][0] for cell, name in EVENTS.items()}


def counts(plane: Readable, counter: str) -> dict[int, Count]:
    """The cells of a counter (service or node ids) that are not zero."""
    cells = enumerate(plane.counter_dump(counter))
    return {id: Count(packets, size) for id, (packets, size) in cells if packets}


def sizes(plane: Readable) -> dict[str, int]:
    """Number of entries in each table with keys."""
    names = (tables.ROUTES, tables.NEXT_HOPS, own.UPDATE_ADDRESSES, own.UPDATE_KEYS)
    return {name: len(plane.table_entries(name)) for name in names}
