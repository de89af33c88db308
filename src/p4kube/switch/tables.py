"""Link state in the data plane's tables `routes` and `next_hops` (p4/control/routing.p4)."""

from __future__ import annotations

from p4kube.switch.changes import Change, DeleteNextHop, DeleteRoute, Live, SetNextHop, SetRoute
from p4kube.switch.dataplane import DataPlane, action_of
from p4kube.switch.forwarding import NextHop
from p4kube.switch.kernel import Prefix
from p4xdp.ir.nodes import KeySet

ROUTES, NEXT_HOPS = "routes", "next_hops"


def read(plane: DataPlane) -> Live:
    """What the tables hold."""
    live = Live()
    for entry in plane.table_entries(ROUTES):
        key = entry.keys[0]
        via = entry.arguments[0] if action_of(entry) == "via" else None
        live.routes[_prefix(key)] = via
    for entry in plane.table_entries(NEXT_HOPS):
        hop = NextHop(*entry.arguments) if action_of(entry) == "forward" else None
        live.next_hops[entry.keys[0].value] = hop
    return live


def make(plane: DataPlane, change: Change) -> None:
    """Carries one change out. Raises DeviceError."""
    match change:
        case SetNextHop(id, hop):
            arguments = (hop.port, hop.source, hop.destination)
            plane.table_add(NEXT_HOPS, [KeySet("exact", id)], "forward", arguments)
        case SetRoute(prefix, None):
            plane.table_add(ROUTES, [_key(prefix)], "to_cpu", ())
        case SetRoute(prefix, int() as id):
            plane.table_add(ROUTES, [_key(prefix)], "via", (id,))
        case DeleteRoute(prefix):
            plane.table_delete(ROUTES, [_key(prefix)])
        case DeleteNextHop(id):
            plane.table_delete(NEXT_HOPS, [KeySet("exact", id)])


def _key(prefix: Prefix) -> KeySet:
    return KeySet("mask", prefix.address, prefix.mask)


def _prefix(key: KeySet) -> Prefix:
    length = {"exact": 32, "any": 0}.get(key.kind, key.mask.bit_count())
    return Prefix(key.value, length)
