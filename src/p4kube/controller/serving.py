"""From one Service and everything around it to what the switches shall serve."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from p4kube.controller.allocator import Assignment, PortKey
from p4kube.controller.endpoints import NodeView, merge_slices, placed_elsewhere, shares
from p4kube.controller.refusal import Refusal
from p4kube.controller.screening import RefusedPort, Screening, ServablePort
from p4kube.kube.objects import EndpointSlice, Service
from p4kube.model import ServiceKey, ServicePort


@dataclass(frozen=True)
class Decision:
    """What becomes of a Service: `served` at the assignment's address, `refused` with a reason each.

    `address_refusal` says why the Service has no address, or not the one it asks for.
    """

    screening: Screening
    assignment: Assignment | None = None
    address_refusal: Refusal | None = None

    @property
    def served(self) -> tuple[ServablePort, ...]:
        if self.assignment is None:
            return ()
        clashes = self.assignment.clashes
        return tuple(port for port in self.screening.servable if (port.port, port.protocol) not in clashes)

    @property
    def refused(self) -> tuple[RefusedPort, ...]:
        """Ports that fail by themselves, by a clash, or because there is no address for them."""
        screened = self.screening.refused
        if self.assignment is not None:
            clashes = self.assignment.clashes.items()
            return screened + tuple(_clashing(port, owner) for port, owner in clashes)
        if self.address_refusal is not None:
            why = self.address_refusal
            return screened + tuple(
                RefusedPort(port.port, port.protocol.name, why) for port in self.screening.servable
            )
        return screened

    @property
    def waits_for_others(self) -> bool:
        """Whether a pool or another Service's change could make this one better off."""
        return self.address_refusal is not None or bool(self.assignment and self.assignment.clashes)


def _clashing(port: PortKey, owner: ServiceKey) -> RefusedPort:
    number, protocol = port
    why = Refusal("PortClash", f"{owner} has this port at the same address; change one of the two")
    return RefusedPort(number, protocol.name, why)


@dataclass(frozen=True)
class Serving:
    """`ports` for the data plane, sorted; `any_node` if they also depend on nodes without endpoints."""

    ports: tuple[ServicePort, ...]
    any_node: bool


def serving_of(
    service: Service, decision: Decision, slices: Collection[EndpointSlice], nodes: Mapping[str, NodeView]
) -> Serving:
    """Node mode: a request goes to the port's nodePort on a node chosen by its ready endpoints.

    With externalTrafficPolicy Local the node serves it itself, and the pod sees the client's address.
    With Cluster kube-proxy there may choose any pod of the cluster, so that one more hop is possible.
    """
    if decision.assignment is None:
        return Serving((), False)
    cluster_policy = service.spec.external_traffic_policy != "Local"
    any_node = False
    ports = []
    for port in sorted(decision.served, key=lambda port: (port.port, port.protocol)):
        endpoints = merge_slices(slices, port.name, port.protocol.name)
        any_node = any_node or (cluster_policy and placed_elsewhere(endpoints, nodes))
        weights = shares(endpoints, nodes, cluster_policy)
        ports.append(
            ServicePort(decision.assignment.address, port.port, port.protocol, port.node_port, weights)
        )
    return Serving(tuple(ports), any_node)
