"""From the kernel's view to what the data plane should forward by itself. Pure.

The rule behind everything: what is not certain goes `to_cpu`, where the kernel decides as it always did.
So a route may be left out only together with everything that a shorter prefix would do wrongly in its place.

Precedence is the kernel's (net/ipv4/fib_rules.c and fib_trie.c): table local, then main, then default; in
each the longest prefix, then the lowest metric. Policy rules beyond these three are not followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from p4kube.switch.kernel import (
    TABLE_DEFAULT,
    TABLE_LOCAL,
    TABLE_MAIN,
    Link,
    Neighbour,
    NeighbourKey,
    NeighbourState,
    Prefix,
    Route,
    RouteKind,
    Snapshot,
)

# Never forwarded, whatever the routes say: "this" network, loopback, multicast, reserved and broadcast.
_KERNELS_OWN = (Prefix(0, 8), Prefix(127 << 24, 8), Prefix(7 << 29, 3))
_TABLES = (TABLE_LOCAL, TABLE_MAIN, TABLE_DEFAULT)


@dataclass(frozen=True, slots=True, order=True)
class NextHop:
    """A port of the data plane and the frame's addresses there (48 bits each)."""

    port: int
    source: int
    destination: int


# What a prefix leads to; None is the switch's own kernel.
Target = NextHop | None


@dataclass(frozen=True, slots=True)
class Forwarding:
    """`routes` by longest prefix; what matches none goes to the kernel.

    `used`: neighbours whose MAC is forwarded to. `wanted`: gateways that have no usable MAC yet.
    """

    routes: Mapping[Prefix, Target]
    used: frozenset[NeighbourKey] = frozenset()
    wanted: frozenset[NeighbourKey] = frozenset()


def derive(snapshot: Snapshot, ports: Mapping[int, int]) -> Forwarding:
    """What the data plane forwards. `ports`: interface index -> port number, of what the program serves."""
    reach = _Reach(snapshot, ports)
    chosen = dict(_by_precedence(snapshot.routes))
    routes: dict[Prefix, Target] = dict.fromkeys(_KERNELS_OWN)
    used: set[NeighbourKey] = set()
    wanted: set[NeighbourKey] = set()
    for prefix, route in chosen.items():
        target, via, missing = reach.route(route)
        routes[prefix] = target
        used |= via
        wanted |= missing
    for key, hop in reach.neighbours():
        if _on_link(_lookup(chosen, key.address), key.interface):
            routes[Prefix(key.address, 32)] = hop
            used.add(key)
    return Forwarding(routes, frozenset(used), frozenset(wanted))


def to_confirm(forwarding: Forwarding, neighbours: Iterable[Neighbour]) -> frozenset[NeighbourKey]:
    """Neighbours in use that the kernel should probe: it does not see the packets that XDP forwards to them,
    so it would let them go stale, and in the end forget them."""
    stale = {each.key for each in neighbours if each.state is NeighbourState.STALE}
    return forwarding.used & stale


def to_resolve(forwarding: Forwarding, neighbours: Iterable[Neighbour]) -> frozenset[NeighbourKey]:
    """Gateways that the kernel should ask for: nobody else does before a packet goes through them."""
    known = {each.key for each in neighbours if each.state is not NeighbourState.FAILED}
    return forwarding.wanted - known


def folded(routes: Mapping[Prefix, Target], limit: int) -> dict[Prefix, Target]:
    """The routes, at most `limit` of them, for a table that holds no more.

    The most specific are given up first; the prefix around one that is given up is left to the kernel, so
    that nothing is forwarded differently: it is only forwarded by the kernel.
    """
    kept = dict(routes)
    longest_first = sorted(kept, key=lambda prefix: (-prefix.length, kept[prefix] is None, prefix.address))
    for prefix in longest_first[: max(0, len(kept) - limit)]:
        del kept[prefix]
        around = _longest(kept, prefix.address, prefix.length)
        if around is not None:
            kept[around] = None
    return kept


class _Reach:
    """Which neighbours can be forwarded to, and how."""

    def __init__(self, snapshot: Snapshot, ports: Mapping[int, int]) -> None:
        self._ports = ports
        self._links: dict[int, Link] = {link.index: link for link in snapshot.links if link.up and link.mac}
        self._usable = {each.key: each.mac for each in snapshot.neighbours if each.usable}

    def neighbours(self) -> Iterator[tuple[NeighbourKey, NextHop]]:
        for key in self._usable:
            hop = self._next_hop(key)
            if hop is not None:
                yield key, hop

    def route(self, route: Route) -> tuple[Target, set[NeighbourKey], set[NeighbourKey]]:
        """The target of a route, the neighbours used for it, and those missing for it.

        Of several next hops (ECMP) the first that can be reached; on-link ones are the kernel's.
        """
        missing: set[NeighbourKey] = set()
        for hop in route.hops if route.kind is RouteKind.FORWARD else ():
            if not hop.alive:
                continue
            if hop.gateway is None:
                break
            if hop.interface not in self._ports or hop.interface not in self._links:
                continue
            key = NeighbourKey(hop.interface, hop.gateway)
            target = self._next_hop(key)
            if target is not None:
                return target, {key}, missing
            missing.add(key)
        return None, set(), missing

    def _next_hop(self, key: NeighbourKey) -> NextHop | None:
        link, port = self._links.get(key.interface), self._ports.get(key.interface)
        mac = self._usable.get(key)
        if link is None or port is None or mac is None:
            return None
        return NextHop(port, link.mac, mac)


def _by_precedence(routes: Iterable[Route]) -> Iterator[tuple[Prefix, Route]]:
    """For each prefix the route that the kernel takes; prefixes that never match are left out."""
    tables: dict[int, dict[Prefix, list[Route]]] = defaultdict(lambda: defaultdict(list))
    for route in routes:
        tables[route.table][route.prefix].append(route)
    earlier: set[Prefix] = set(_KERNELS_OWN)
    for table in _TABLES:
        of_this = tables.get(table, {})
        for prefix, rivals in of_this.items():
            if not _covered(earlier, prefix):
                yield prefix, _best(rivals)
        earlier |= of_this.keys()


def _best(rivals: list[Route]) -> Route:
    if any(route.tos for route in rivals):
        # Which one is taken depends on the packet: the kernel's business.
        return Route(rivals[0].prefix, rivals[0].table, RouteKind.KERNEL)
    return min(rivals, key=lambda route: route.metric)


def _covered(prefixes: set[Prefix], prefix: Prefix) -> bool:
    return any(prefix.up_to(length) in prefixes for length in range(prefix.length + 1))


def _longest(prefixes: Mapping[Prefix, object], address: int, longest: int = 32) -> Prefix | None:
    exact = Prefix(address, 32)
    for length in range(longest, -1, -1):
        prefix = exact.up_to(length)
        if prefix in prefixes:
            return prefix
    return None


def _lookup(chosen: Mapping[Prefix, Route], address: int) -> Route | None:
    prefix = _longest(chosen, address)
    return None if prefix is None else chosen[prefix]


def _on_link(route: Route | None, interface: int) -> bool:
    """Whether packets for a neighbour on `interface` go straight to it by this route."""
    if route is None or route.kind is not RouteKind.FORWARD:
        return False
    alive = [hop for hop in route.hops if hop.alive]
    return bool(alive) and alive[0].gateway is None and alive[0].interface == interface
