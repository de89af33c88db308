"""How many endpoints of a Service port run on which node: the weights of the data plane.

The rules are those of the EndpointSlice API (discovery/v1) and of KEP-1669: ready endpoints count; if
there is none, those that still serve while they terminate count instead.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
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
    number: int = field(init=False, repr=False)
    """The address as an integer: IPv4Address hashes an order of magnitude slower."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", int(self.address))


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
    """What one endpoint is good for; of two views of the same endpoint the higher one counts.

    UNREADY takes no new connection, but keeps those it has: it may be ready again in a moment.
    """

    UNREADY = 0
    DRAINING = 1
    READY = 2


def state_of(endpoint: Endpoint) -> State:
    conditions = endpoint.conditions
    if conditions.is_ready:
        return State.READY
    if conditions.is_serving and conditions.is_terminating:
        return State.DRAINING
    return State.UNREADY


@dataclass(frozen=True)
class PlacedEndpoint:
    """One endpoint of one Service port: where it runs and what it is good for."""

    node: str | None
    state: State


def merge_slices(slices: Iterable[EndpointSlice], port_name: str, protocol: str) -> list[PlacedEndpoint]:
    """The IPv4 endpoints for one port, each once, though it may stand in several slices.

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
            if not endpoint.addresses or (state is State.UNREADY and protocol != "TCP"):
                # A UDP client would speak into the void for as long as it does not give up.
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
    for endpoint in endpoints:
        node = nodes.get(endpoint.node or "")
        if endpoint.state is State.READY and (node is None or node.excluded):
            return True
    return False


def shares(
    endpoints: Collection[PlacedEndpoint], nodes: Mapping[str, NodeView], any_node: bool
) -> tuple[NodeShare, ...]:
    """The nodes for a port, sorted by address, with their weights.

    A node labelled as excluded gets no new connection; its endpoints count as draining, so that the
    connections it has stay where they are; those that are not ready likewise. `any_node` is true for
    externalTrafficPolicy Cluster: if no eligible node has a ready endpoint although there are some (all on
    excluded or unknown nodes), every eligible node is as good as any other, since it passes the connection
    on.
    """
    ready: Counter[int] = Counter()
    draining: Counter[int] = Counter()
    unready: Counter[int] = Counter()
    for endpoint in endpoints:
        node = nodes.get(endpoint.node or "")
        if node is not None:
            usable = endpoint.state is State.READY and not node.excluded
            resting = unready if endpoint.state is State.UNREADY else draining
            (ready if usable else resting)[node.number] += 1
    if not ready:
        anywhere = any_node and placed_elsewhere(endpoints, nodes)
        ready = _fallback(draining, nodes.values(), anywhere)
        draining = Counter({number: n for number, n in draining.items() if number not in ready})
    kept = draining + unready
    return tuple(
        NodeShare(IPv4Address(number), ready[number], kept[number]) for number in sorted({*ready, *kept})
    )


def _fallback(draining: Counter[int], nodes: Iterable[NodeView], any_node: bool) -> Counter[int]:
    """Who serves if no eligible node has a ready endpoint."""
    if any_node:
        return Counter({node.number: 1 for node in nodes if node.ready and not node.excluded})
    if not draining:
        return Counter()
    eligible = {node.number for node in nodes if not node.excluded}
    return Counter({number: n for number, n in draining.items() if number in eligible})
