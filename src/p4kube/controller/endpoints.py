"""How many endpoints of a Service port run on which node: the weights of the data plane.

The rules are those of the EndpointSlice API (discovery/v1) and of KEP-1669: ready endpoints count; if
there is none, those that still serve while they terminate count instead.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from p4kube.kube.objects import Endpoint, EndpointSlice, Node
from p4kube.model import NodeShare

EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True)
class NodeView:
    """What matters of a Node: its IPv4 InternalIP, whether it is excluded, whether it is Ready."""

    name: str
    address: IPv4Address
    excluded: bool
    ready: bool


def view_node(node: Node) -> NodeView | None:
    """None if the node has no IPv4 InternalIP: then nothing can be sent there."""
    address = _internal_address(node)
    if address is None:
        return None
    conditions = node.status.conditions or ()
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
    # The label's presence counts, whatever its value (KEP-1143).
    return NodeView(node.metadata.name, address, node.metadata.label(EXCLUDE_LABEL) is not None, ready)


def _internal_address(node: Node) -> IPv4Address | None:
    for candidate in node.status.addresses or ():
        if candidate.type == "InternalIP":
            try:
                return IPv4Address(candidate.address)
            except AddressValueError:
                continue
    return None


class State(enum.IntEnum):
    """What one endpoint is good for; of two views of the same endpoint the higher one counts."""

    UNUSABLE = 0
    DRAINING = 1
    READY = 2


def state_of(endpoint: Endpoint) -> State:
    conditions = endpoint.conditions
    if conditions.is_ready:
        return State.READY
    if conditions.is_serving and conditions.is_terminating:
        return State.DRAINING
    return State.UNUSABLE


@dataclass(frozen=True)
class PlacedEndpoint:
    """One endpoint of one Service port: where it runs and what it is good for."""

    node: str | None
    state: State


def merge_slices(slices: Iterable[EndpointSlice], port_name: str, protocol: str) -> list[PlacedEndpoint]:
    """The usable IPv4 endpoints for one port, each once, though it may stand in several slices.

    While the slices of a Service are rearranged an endpoint can be in two of them for a moment, and the
    two may not agree; taking the better state never drops an endpoint that works.
    """
    merged: dict[tuple[str, int], PlacedEndpoint] = {}
    for part in slices:
        if part.address_type != "IPv4":
            continue
        numbers = _port_numbers(part, port_name, protocol)
        for endpoint in part.endpoints or () if numbers else ():
            state = state_of(endpoint)
            if state is State.UNUSABLE or not endpoint.addresses:
                continue
            placed = PlacedEndpoint(endpoint.node_name, state)
            for number in numbers:
                key = (endpoint.addresses[0], number)
                known = merged.get(key)
                if known is None or _better(placed, known):
                    merged[key] = placed
    return list(merged.values())


def _port_numbers(part: EndpointSlice, name: str, protocol: str) -> list[int]:
    """The target ports in a slice for a Service port: same name and protocol (nil reads "" and TCP)."""
    return [
        port.port
        for port in part.ports or ()
        if port.port is not None and (port.name or "", port.protocol or "TCP") == (name, protocol)
    ]


def _better(new: PlacedEndpoint, known: PlacedEndpoint) -> bool:
    """A total order, so that the order of the slices does not matter."""
    return (new.state, new.node or "") > (known.state, known.node or "")


def placed_elsewhere(endpoints: Iterable[PlacedEndpoint], nodes: Mapping[str, NodeView]) -> bool:
    """Whether a ready endpoint runs where we send nothing: on an excluded or an unknown node."""
    eligible = {name for name, node in nodes.items() if not node.excluded}
    return any(one.state is State.READY and one.node not in eligible for one in endpoints)


def shares(
    endpoints: Collection[PlacedEndpoint], nodes: Mapping[str, NodeView], any_node: bool
) -> tuple[NodeShare, ...]:
    """The nodes for a port, sorted by address, with their weights.

    A node labelled as excluded gets no new connection; its endpoints count as draining, so that the
    connections it has stay where they are. `any_node` is true for externalTrafficPolicy Cluster: if no
    eligible node has a ready endpoint although there are some (all on excluded or unknown nodes), every
    eligible node is as good as any other, since it passes the connection on.
    """
    ready: Counter[IPv4Address] = Counter()
    draining: Counter[IPv4Address] = Counter()
    for endpoint in endpoints:
        node = nodes.get(endpoint.node or "")
        if node is not None:
            usable = endpoint.state is State.READY and not node.excluded
            (ready if usable else draining)[node.address] += 1
    if not ready:
        anywhere = any_node and placed_elsewhere(endpoints, nodes)
        ready = _fallback(draining, nodes.values(), anywhere)
        draining = Counter({address: n for address, n in draining.items() if address not in ready})
    return tuple(
        NodeShare(address, ready[address], draining[address]) for address in sorted({*ready, *draining})
    )


def _fallback(
    draining: Counter[IPv4Address], nodes: Iterable[NodeView], any_node: bool
) -> Counter[IPv4Address]:
    """Who serves if no eligible node has a ready endpoint."""
    eligible = [node for node in nodes if not node.excluded]
    if any_node:
        return Counter({node.address: 1 for node in eligible if node.ready})
    return Counter({node.address: draining[node.address] for node in eligible if draining[node.address]})
