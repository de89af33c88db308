"""The kernel's links, routes and neighbours through rtnetlink (pyroute2), and requests to resolve neighbours.

Numbers: linux/rtnetlink.h, linux/neighbour.h, linux/if.h.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address
from socket import AF_INET
from types import TracebackType
from typing import Any, TypeVar

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from p4kube.switch.kernel import (
    Hop,
    KernelError,
    Link,
    Neighbour,
    NeighbourKey,
    NeighbourState,
    Part,
    Prefix,
    Route,
    RouteKind,
    Snapshot,
)

_T = TypeVar("_T")

_RTN_UNICAST = 1
_NEXT_HOP_OUT = 1 | 16  # RTNH_F_DEAD, RTNH_F_LINKDOWN
_CLONED = 0x200  # RTM_F_CLONED: a cached exception, not a route
_IFF_UP = 1
_XDP_MODES = {"xdp": False, "xdpgeneric": True}  # as pyroute2 names them
_NTF_USE, _NTF_PROXY = 1, 8
_STATES = {
    0x02: NeighbourState.FRESH,  # REACHABLE
    0x40: NeighbourState.FRESH,  # NOARP
    0x80: NeighbourState.FRESH,  # PERMANENT
    0x04: NeighbourState.STALE,
    # The kernel is asking already; the MAC that it has is used meanwhile.
    0x08: NeighbourState.FRESH,  # DELAY
    0x10: NeighbourState.FRESH,  # PROBE
    0x01: NeighbourState.PENDING,  # INCOMPLETE
    0x20: NeighbourState.FAILED,
}
# Attributes of a route that make its packets more than forwarded, or to a next hop that is not IPv4.
_BEYOND_XDP = ("RTA_ENCAP", "RTA_VIA")
_KERNELS_RULES = {(0, 255), (32766, 254), (32767, 253)}  # priority and table


class Netlink:
    """Speaks to the kernel of the network namespace in which it was opened. Use as `async with`."""

    def __init__(self) -> None:
        self._ip: Any = AsyncIPRoute()

    async def __aenter__(self) -> Netlink:
        await self._ip.bind()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ip.close()

    async def refresh(self, known: Snapshot, parts: Part) -> Snapshot:
        if Part.LINKS in parts:
            links = await self._dump("links", self._ip.get_links, decode_link)
            known = dataclasses.replace(known, links=links)
        if Part.ROUTES in parts:
            routes = await self._dump("routes", self._ip.get_routes, decode_route, family=AF_INET)
            known = dataclasses.replace(known, routes=routes)
        if Part.NEIGHBOURS in parts:
            dump = self._ip.get_neighbours
            neighbours = await self._dump("neighbours", dump, decode_neighbour, family=AF_INET)
            known = dataclasses.replace(known, neighbours=neighbours)
        return known

    async def resolve(self, neighbours: Iterable[NeighbourKey]) -> None:
        for key in neighbours:
            address = str(IPv4Address(key.address))
            try:
                # NTF_USE is what a packet of the kernel's own would do: a new entry is resolved, a stale
                # one confirmed. It leaves the MAC alone.
                await self._ip.neigh("replace", dst=address, ifindex=key.interface, flags=_NTF_USE, state=0)
            except NetlinkError:
                continue  # the interface or the address has just gone: the next snapshot tells

    async def foreign_rules(self) -> tuple[str, ...]:
        rules = await self._dump("rules", self._ip.get_rules, decode_rule, family=AF_INET)
        return tuple(f"priority {priority} (table {table})" for priority, table in rules)

    async def _dump(
        self, what: str, dump: Callable[..., Awaitable[Any]], decode: Callable[[Any], _T | None], **only: int
    ) -> tuple[_T, ...]:
        try:
            return tuple([each async for message in await dump(**only) if (each := decode(message))])
        except (NetlinkError, OSError) as error:
            raise KernelError(f"cannot read {what} from the kernel: {error}") from error


def decode_link(message: Any) -> Link:
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        mac=mac_number(message.get_attr("IFLA_ADDRESS")),
        up=bool(message["flags"] & _IFF_UP),
        mtu=message.get_attr("IFLA_MTU") or 0,
        generic=_XDP_MODES.get(message.get_nested("IFLA_XDP", "IFLA_XDP_ATTACHED")),
    )


def decode_route(message: Any) -> Route | None:
    """None for a cached exception (redirects, path MTU), which is not in the table."""
    if message["flags"] & _CLONED:
        return None
    address = message.get_attr("RTA_DST")
    forwarded = message["type"] == _RTN_UNICAST and not any(map(message.get_attr, _BEYOND_XDP))
    hops = _hops(message) if forwarded else ()
    return Route(
        prefix=Prefix(int(IPv4Address(address)) if address else 0, message["dst_len"]),
        table=message.get_attr("RTA_TABLE") or message["table"],
        kind=RouteKind.FORWARD if hops else RouteKind.KERNEL,
        hops=hops,
        metric=message.get_attr("RTA_PRIORITY") or 0,
        tos=message["tos"],
    )


def _hops(message: Any) -> tuple[Hop, ...]:
    """No hops at all if one of them is beyond XDP: the kernel then forwards the whole route."""
    several = message.get_attr("RTA_MULTIPATH")
    if several is None:
        interface, gateway = message.get_attr("RTA_OIF"), message.get_attr("RTA_GATEWAY")
        return () if interface is None else (_hop(interface, gateway, message["flags"]),)
    hops = []
    for each in several:
        attributes = dict(each["attrs"])
        if not attributes.keys().isdisjoint(_BEYOND_XDP):
            return ()
        hops.append(_hop(each["oif"], attributes.get("RTA_GATEWAY"), each["flags"]))
    return tuple(hops)


def _hop(interface: int, gateway: str | None, flags: int) -> Hop:
    return Hop(interface, int(IPv4Address(gateway)) if gateway else None, not flags & _NEXT_HOP_OUT)


def decode_neighbour(message: Any) -> Neighbour | None:
    """None for an entry by which the kernel answers in another's place, or of no known state."""
    state = _STATES.get(message["state"])
    address = message.get_attr("NDA_DST")
    if state is None or address is None or message["flags"] & _NTF_PROXY:
        return None
    key = NeighbourKey(message["ifindex"], int(IPv4Address(address)))
    return Neighbour(key, state, mac_number(message.get_attr("NDA_LLADDR")))


def decode_rule(message: Any) -> tuple[int, int] | None:
    """Priority and table of a policy routing rule; None for those that every kernel starts with."""
    rule = (message.get_attr("FRA_PRIORITY") or 0, message.get_attr("FRA_TABLE") or message["table"])
    return None if rule in _KERNELS_RULES else rule


def mac_number(text: str | None) -> int:
    """48 bits; 0 for what is not an Ethernet address."""
    digits = (text or "").replace(":", "")
    return int(digits, 16) if len(digits) == 12 else 0
