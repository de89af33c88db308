"""The derived routes against a literal reading of what the kernel would do, packet by packet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p4kube.switch.forwarding import NextHop, Target, derive, folded, to_confirm, to_resolve
from p4kube.switch.kernel import (
    TABLE_DEFAULT,
    TABLE_LOCAL,
    TABLE_MAIN,
    Hop,
    Link,
    Neighbour,
    NeighbourKey,
    NeighbourState,
    Prefix,
    Route,
    RouteKind,
    Snapshot,
)

PORTS = {1: 11, 2: 12}  # interface 3 exists and is not a port
LINKS = (Link(1, "p0", 0xA1, True), Link(2, "p1", 0xA2, True), Link(3, "mgmt", 0xA3, True))
BASE = 10 << 24


def network(text_length: int, low: int) -> Prefix:
    return Prefix(BASE | low, 32).up_to(text_length)


# A small world: 10.0.0.0/28 and what is around it, so that prefixes meet often.
addresses = st.integers(0, 15).map(lambda low: BASE | low)
prefixes = st.builds(network, st.sampled_from([0, 8, 28, 29, 30, 31, 32]), st.integers(0, 15))
hops = st.builds(Hop, st.sampled_from([1, 2, 3]), st.none() | addresses, st.sampled_from([True, True, False]))
routes = st.builds(
    Route,
    prefix=prefixes,
    table=st.sampled_from([TABLE_LOCAL, TABLE_MAIN, TABLE_MAIN, TABLE_MAIN, TABLE_DEFAULT, 100]),
    kind=st.sampled_from([RouteKind.FORWARD, RouteKind.FORWARD, RouteKind.KERNEL]),
    hops=st.lists(hops, min_size=1, max_size=3).map(tuple),
    metric=st.integers(0, 3),
    tos=st.sampled_from([0, 0, 0, 0, 8]),
)
neighbours = st.builds(
    Neighbour,
    st.builds(NeighbourKey, st.sampled_from([1, 2, 3]), addresses),
    st.sampled_from(NeighbourState),
    st.sampled_from([0xB1, 0xB2, 0]),
)


def unique_by_metric(all_routes: list[Route]) -> tuple[Route, ...]:
    """The kernel holds one route for each prefix, table, tos and metric."""
    kept = {(r.table, r.prefix, r.tos, r.metric): r for r in all_routes}
    return tuple(
        r if r.table != TABLE_LOCAL else Route(r.prefix, r.table, RouteKind.KERNEL) for r in kept.values()
    )


snapshots = st.builds(
    lambda r, n: Snapshot(LINKS, unique_by_metric(r), tuple({each.key: each for each in n}.values())),
    st.lists(routes, max_size=12),
    st.lists(neighbours, max_size=10),
)


def longest_match(table: dict[Prefix, Target], address: int) -> Target:
    matching = [prefix for prefix in table if prefix.covers(Prefix(address, 32))]
    return table[max(matching, key=lambda prefix: prefix.length)] if matching else None


def kernel_decision(snapshot: Snapshot, address: int) -> Target:
    """What XDP may do with a packet to `address`: a next hop, or None if the kernel is to decide."""
    macs = {each.key: each.mac for each in snapshot.neighbours if each.usable}
    for table in (TABLE_LOCAL, TABLE_MAIN, TABLE_DEFAULT):
        matching = [r for r in snapshot.routes if r.table == table and r.prefix.covers(Prefix(address, 32))]
        if not matching:
            continue
        length = max(route.prefix.length for route in matching)
        rivals = [route for route in matching if route.prefix.length == length]
        best = min(rivals, key=lambda route: route.metric)
        if best.kind is RouteKind.KERNEL or any(route.tos for route in rivals):
            return None
        alive = [hop for hop in best.hops if hop.alive]
        if alive and alive[0].gateway is None:
            on_link = NeighbourKey(alive[0].interface, address)
            return forward(on_link, macs)
        for hop in alive:
            if hop.gateway is None:
                return None
            if hop.interface not in PORTS:
                continue
            target = forward(NeighbourKey(hop.interface, hop.gateway), macs)
            if target is not None:
                return target
        return None
    return None


def forward(key: NeighbourKey, macs: dict[NeighbourKey, int]) -> Target:
    if key.interface not in PORTS or key not in macs:
        return None
    source = next(link.mac for link in LINKS if link.index == key.interface)
    return NextHop(PORTS[key.interface], source, macs[key])


@given(snapshots)
def test_every_packet_goes_where_the_kernel_would_send_it(snapshot: Snapshot) -> None:
    derived = dict(derive(snapshot, PORTS).routes)
    for low in range(16):
        assert longest_match(derived, BASE | low) == kernel_decision(snapshot, BASE | low), low


@given(snapshots)
def test_used_neighbours_are_exactly_the_macs_forwarded_to(snapshot: Snapshot) -> None:
    forwarding = derive(snapshot, PORTS)
    macs = {each.key: each.mac for each in snapshot.neighbours}
    hops = {hop for hop in forwarding.routes.values() if hop is not None}
    assert {(PORTS[key.interface], macs[key]) for key in forwarding.used} == {
        (hop.port, hop.destination) for hop in hops
    }
    assert not forwarding.wanted & forwarding.used


tables = st.dictionaries(prefixes, st.none() | st.builds(NextHop, st.just(11), st.just(1), st.integers(1, 3)))


@given(tables, st.integers(0, 8))
def test_a_full_table_leaves_the_rest_to_the_kernel(whole: dict[Prefix, Target], limit: int) -> None:
    part = folded(whole, limit)
    assert len(part) == min(limit, len(whole))
    if len(whole) <= limit:
        assert part == whole
    for low in range(16):
        assert longest_match(part, BASE | low) in (None, longest_match(whole, BASE | low))


def test_a_neighbour_on_another_port_than_the_network_is_not_forwarded_to() -> None:
    network_route = Route(Prefix(BASE, 24), hops=(Hop(1),))
    here, elsewhere = NeighbourKey(1, BASE | 1), NeighbourKey(2, BASE | 2)
    known = tuple(Neighbour(key, NeighbourState.FRESH, 0xB1) for key in (here, elsewhere))
    table = derive(Snapshot(LINKS, (network_route,), known), PORTS).routes
    assert table[Prefix(BASE | 1, 32)] == NextHop(11, 0xA1, 0xB1)
    assert Prefix(BASE | 2, 32) not in table


def test_multicast_broadcast_and_loopback_do_not_follow_the_default_route() -> None:
    gateway = NeighbourKey(1, BASE | 1)
    snapshot = Snapshot(
        LINKS,
        (Route(Prefix(0, 0), hops=(Hop(1, gateway.address),)),),
        (Neighbour(gateway, NeighbourState.FRESH, 0xB1),),
    )
    table = dict(derive(snapshot, PORTS).routes)
    assert longest_match(table, 8 << 24) == NextHop(11, 0xA1, 0xB1)
    for address in (0xE0000005, 0xFFFFFFFF, 127 << 24 | 1, 5):
        assert longest_match(table, address) is None


def test_a_port_that_is_down_is_not_forwarded_to() -> None:
    gateway = NeighbourKey(1, BASE | 1)
    down = (Link(1, "p0", 0xA1, False),)
    route = Route(Prefix(0, 0), hops=(Hop(1, gateway.address),))
    snapshot = Snapshot(down, (route,), (Neighbour(gateway, NeighbourState.FRESH, 0xB1),))
    forwarding = derive(snapshot, PORTS)
    assert forwarding.routes[Prefix(0, 0)] is None
    assert not forwarding.wanted


def test_stale_neighbours_in_use_and_unresolved_gateways_are_to_be_confirmed() -> None:
    stale, idle, missing, pending = (NeighbourKey(1, BASE | low) for low in (1, 2, 3, 4))
    known = (
        Neighbour(stale, NeighbourState.STALE, 0xB1),
        Neighbour(idle, NeighbourState.STALE, 0xB2),
        Neighbour(pending, NeighbourState.PENDING, 0),
    )
    via = [
        Route(Prefix(BASE | low << 8, 24), hops=(Hop(1, key.address),))
        for low, key in enumerate((stale, missing, pending), start=1)
    ]
    forwarding = derive(Snapshot(LINKS, tuple(via), known), PORTS)
    assert to_confirm(forwarding, known) == {stale}
    assert to_resolve(forwarding, known) == {missing}
