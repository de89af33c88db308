"""Table changes: complete, minimal, and right for every packet between any two of them."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from p4kube.switch.changes import Change, DeleteNextHop, Live, SetNextHop, SetRoute, apply, changes
from p4kube.switch.forwarding import NextHop, Target
from p4kube.switch.kernel import Prefix

hops = st.builds(NextHop, st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))
prefixes = st.builds(
    lambda length, address: Prefix(address, 32).up_to(length),
    st.sampled_from([0, 29, 30, 31, 32]),
    st.integers(0, 7),
)
wanted_routes = st.dictionaries(prefixes, st.none() | hops, max_size=12)
live_tables = st.builds(
    Live,
    st.dictionaries(prefixes, st.none() | st.integers(1, 6), max_size=12),
    st.dictionaries(st.integers(1, 6), st.none() | hops, max_size=6),
)


def decision(live: Live, address: int) -> Target:
    matching = [prefix for prefix in live.routes if prefix.covers(Prefix(address, 32))]
    if not matching:
        return None
    id = live.routes[max(matching, key=lambda prefix: prefix.length)]
    return None if id is None else live.next_hops.get(id)


def decisions(live: Live) -> list[Target]:
    return [decision(live, address) for address in range(8)]


def wanted_decisions(routes: dict[Prefix, Target]) -> list[Target]:
    ids = {hop: number for number, hop in enumerate({hop for hop in routes.values() if hop}, start=1)}
    return decisions(
        Live(
            {p: None if hop is None else ids[hop] for p, hop in routes.items()},
            {v: k for k, v in ids.items()},
        )
    )


def run(live: Live, steps: list[Change]) -> Live:
    after = copy.deepcopy(live)
    for step in steps:
        apply(after, step)
    return after


@given(live_tables, wanted_routes)
def test_the_tables_end_up_as_wanted(live: Live, routes: dict[Prefix, Target]) -> None:
    after = run(live, changes(live, routes))
    assert after.routes.keys() == routes.keys()
    for prefix, hop in routes.items():
        id = after.routes[prefix]
        assert (None if id is None else after.next_hops[id]) == hop
    assert set(after.next_hops) == {id for id in after.routes.values() if id is not None}
    assert changes(after, routes) == []


@given(live_tables, wanted_routes)
def test_every_packet_sees_its_old_or_its_new_way_at_every_step(
    live: Live, routes: dict[Prefix, Target]
) -> None:
    before, after = decisions(live), wanted_decisions(routes)
    step_by_step = copy.deepcopy(live)
    for change in changes(live, routes):
        apply(step_by_step, change)
        for old, new, now in zip(before, after, decisions(step_by_step), strict=True):
            assert now in (old, new), change


@given(live_tables, wanted_routes)
def test_a_next_hop_is_never_changed_in_place_nor_removed_while_named(
    live: Live, routes: dict[Prefix, Target]
) -> None:
    step_by_step = copy.deepcopy(live)
    for change in changes(live, routes):
        if isinstance(change, SetNextHop):
            assert change.id not in step_by_step.next_hops
        if isinstance(change, SetRoute) and change.next_hop is not None:
            assert change.next_hop in step_by_step.next_hops
        if isinstance(change, DeleteNextHop):
            assert change.id not in step_by_step.routes.values()
        apply(step_by_step, change)


@given(live_tables, wanted_routes)
def test_nothing_is_touched_that_is_right_already(live: Live, routes: dict[Prefix, Target]) -> None:
    settled = run(live, changes(live, routes))
    first = next(iter(sorted(routes)), None)
    if first is None:
        return
    moved = {**routes, first: NextHop(9, 9, 9)}
    kinds = [type(change) for change in changes(settled, moved)]
    # The new next hop, the route, and the old next hop if no other route names it.
    assert kinds in ([SetNextHop, SetRoute], [SetNextHop, SetRoute, DeleteNextHop])


def test_without_room_for_next_hops_the_kernel_forwards() -> None:
    routes: dict[Prefix, Target] = {Prefix(address, 32): NextHop(1, 1, address + 1) for address in range(8)}
    after = run(Live(), changes(Live(), routes, limit=5))
    assert len(after.next_hops) == 5
    assert sum(id is None for id in after.routes.values()) == 3
