"""From the tables as they are to the tables as they should be, in an order that is right at every step. Pure.

A packet always sees either its old way or its new one:

* a next hop stands before a route names it, and goes after the last route that named it; its content is
  never changed in place, since a packet could then see half of each;
* routes are set from the longest prefix to the shortest and deleted from the shortest to the longest,
  so that no prefix in between catches packets which neither the old nor the new table would give to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from p4kube.switch.forwarding import NextHop, Target
from p4kube.switch.kernel import Prefix

MAX_NEXT_HOPS = 65535  # ids 1 to 65535


@dataclass(frozen=True, slots=True)
class Live:
    """What the data plane's tables hold. `routes`: prefix -> id of a next hop, None for to_cpu.

    `next_hops`: id -> where it forwards to; None for an id that exists but leads to the kernel.
    """

    routes: dict[Prefix, int | None] = field(default_factory=dict)
    next_hops: dict[int, Target] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetNextHop:
    id: int
    hop: NextHop


@dataclass(frozen=True, slots=True)
class SetRoute:
    prefix: Prefix
    next_hop: int | None


@dataclass(frozen=True, slots=True)
class DeleteRoute:
    prefix: Prefix


@dataclass(frozen=True, slots=True)
class DeleteNextHop:
    id: int


Change = SetNextHop | SetRoute | DeleteRoute | DeleteNextHop


def changes(live: Live, routes: Mapping[Prefix, Target], limit: int = MAX_NEXT_HOPS) -> list[Change]:
    """The fewest operations that turn `live` into `routes`.

    Beyond `limit` next hops, routes through the rest are left to the kernel.
    """
    hops = _numbered(live, {hop for hop in routes.values() if hop is not None}, limit)
    wanted = {prefix: None if hop is None else hops.get(hop) for prefix, hop in routes.items()}
    kept = set(hops.values())
    return [
        *(SetNextHop(id, hop) for hop, id in hops.items() if live.next_hops.get(id) != hop),
        *_set(live, wanted),
        *_delete(live, wanted),
        *(DeleteNextHop(id) for id in sorted(live.next_hops) if id not in kept),
    ]


def apply(live: Live, change: Change) -> None:
    """Notes in `live` that the change was made."""
    match change:
        case SetNextHop(id, hop):
            live.next_hops[id] = hop
        case SetRoute(prefix, next_hop):
            live.routes[prefix] = next_hop
        case DeleteRoute(prefix):
            del live.routes[prefix]
        case DeleteNextHop(id):
            del live.next_hops[id]


def _numbered(live: Live, hops: Iterable[NextHop], limit: int) -> dict[NextHop, int]:
    """An id for each next hop: the one that it has, else the lowest that is free."""
    wanted = sorted(hops)
    known: dict[NextHop, int] = {}
    for id in sorted(live.next_hops, reverse=True):
        hop = live.next_hops[id]
        if hop is not None:
            known[hop] = id
    numbered = {hop: known[hop] for hop in wanted if hop in known}
    # Ids that stand in the table, or that a route names though they do not: none of them is free.
    taken = set(live.next_hops) | {id for id in live.routes.values() if id is not None}
    free = (id for id in range(1, MAX_NEXT_HOPS + 1) if id not in taken)
    room = limit - len(live.next_hops)
    fresh = [hop for hop in wanted if hop not in numbered][: max(0, room)]
    return numbered | dict(zip(fresh, free, strict=False))


def _set(live: Live, wanted: Mapping[Prefix, int | None]) -> Iterator[SetRoute]:
    missing = -1
    for prefix in sorted(wanted, key=lambda prefix: (-prefix.length, prefix.address)):
        if live.routes.get(prefix, missing) != wanted[prefix]:
            yield SetRoute(prefix, wanted[prefix])


def _delete(live: Live, wanted: Mapping[Prefix, int | None]) -> Iterator[DeleteRoute]:
    for prefix in sorted(live.routes, key=lambda prefix: (prefix.length, prefix.address)):
        if prefix not in wanted:
            yield DeleteRoute(prefix)
