"""The Kubernetes objects, reduced to the fields that P4Kube reads or writes.

Every field has a default, because the API leaves out what is empty; where the API may write `null` the
type allows it. Unknown fields are ignored, so these types must never be written back with PUT.
"""

from __future__ import annotations

import msgspec


class Object(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """Base of all: camelCase names, defaults left out when encoded, immutable (stores share them)."""


class ObjectMeta(Object, frozen=True):
    """`metav1.ObjectMeta`."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: tuple[str, ...] | None = None

    def label(self, name: str) -> str | None:
        return (self.labels or {}).get(name)

    def annotation(self, name: str) -> str | None:
        return (self.annotations or {}).get(name)


class KubeObject(Object, frozen=True):
    """Anything with metadata."""

    metadata: ObjectMeta = ObjectMeta()

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name); the namespace is empty for cluster-scoped objects."""
        return self.metadata.namespace, self.metadata.name


class Condition(Object, frozen=True):
    """`metav1.Condition`."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int = 0


class ServicePortSpec(Object, frozen=True):
    """`core/v1.ServicePort`."""

    name: str = ""
    protocol: str = "TCP"
    port: int = 0
    node_port: int = 0


class ServiceSpec(Object, frozen=True):
    """`core/v1.ServiceSpec`."""

    type: str = "ClusterIP"
    ports: tuple[ServicePortSpec, ...] | None = None
    load_balancer_class: str | None = None
    load_balancer_ip: str = msgspec.field(default="", name="loadBalancerIP")
    load_balancer_source_ranges: tuple[str, ...] | None = None
    allocate_load_balancer_node_ports: bool | None = None
    external_traffic_policy: str = "Cluster"
    session_affinity: str = "None"
    ip_families: tuple[str, ...] | None = None


class PortStatus(Object, frozen=True):
    """`core/v1.PortStatus`; `error` is `domain/CamelCase`."""

    port: int = 0
    protocol: str = ""
    error: str | None = None


class Ingress(Object, frozen=True):
    """`core/v1.LoadBalancerIngress`."""

    ip: str = ""
    ip_mode: str | None = None
    ports: tuple[PortStatus, ...] | None = None


class LoadBalancerStatus(Object, frozen=True):
    """`core/v1.LoadBalancerStatus`."""

    ingress: tuple[Ingress, ...] | None = None


class ServiceStatus(Object, frozen=True):
    """`core/v1.ServiceStatus`."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()
    conditions: tuple[Condition, ...] | None = None


class Service(KubeObject, frozen=True):
    """`core/v1.Service`."""

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointConditions(Object, frozen=True):
    """`discovery/v1.EndpointConditions`; None means "not said", see the properties."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None

    @property
    def is_ready(self) -> bool:
        """`nil` reads as ready (API documentation of discovery/v1 EndpointConditions)."""
        return self.ready is not False

    @property
    def is_serving(self) -> bool:
        """`nil` reads as the value of ready."""
        return self.is_ready if self.serving is None else self.serving

    @property
    def is_terminating(self) -> bool:
        """`nil` reads as false."""
        return self.terminating is True


class Endpoint(Object, frozen=True):
    """`discovery/v1.Endpoint`."""

    addresses: tuple[str, ...] | None = None
    conditions: EndpointConditions = EndpointConditions()
    node_name: str | None = None


class EndpointPort(Object, frozen=True):
    """`discovery/v1.EndpointPort`; a nil port means all ports and does not occur for Services."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None


class EndpointSlice(KubeObject, frozen=True):
    """`discovery/v1.EndpointSlice`."""

    address_type: str = ""
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class NodeAddress(Object, frozen=True):
    """`core/v1.NodeAddress`."""

    type: str = ""
    address: str = ""


class NodeStatus(Object, frozen=True):
    """`core/v1.NodeStatus`."""

    addresses: tuple[NodeAddress, ...] | None = None
    conditions: tuple[Condition, ...] | None = None


class Node(KubeObject, frozen=True):
    """`core/v1.Node`."""

    status: NodeStatus = NodeStatus()


class LeaseSpec(Object, frozen=True):
    """`coordination/v1.LeaseSpec`; durations in seconds, times as MicroTime text."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(KubeObject, frozen=True):
    """`coordination/v1.Lease`."""

    spec: LeaseSpec = LeaseSpec()


class ObjectReference(Object, frozen=True):
    """`core/v1.ObjectReference`."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""


class EventSeries(Object, frozen=True):
    """`events/v1.EventSeries`."""

    count: int = 0
    last_observed_time: str | None = None


class Event(KubeObject, frozen=True):
    """`events/v1.Event`."""

    event_time: str | None = None
    reporting_controller: str = ""
    reporting_instance: str = ""
    action: str = ""
    reason: str = ""
    regarding: ObjectReference = ObjectReference()
    note: str = ""
    type: str = ""
    series: EventSeries | None = None


class VIPPoolSpec(Object, frozen=True):
    """`p4kube.dev/v1alpha1.VIPPoolSpec`: CIDRs or "first-last" ranges."""

    addresses: tuple[str, ...] | None = None
    auto_assign: bool = True


class VIPPoolStatus(Object, frozen=True):
    """`p4kube.dev/v1alpha1.VIPPoolStatus`: how many addresses can be handed out, and how many are."""

    total: int = 0
    allocated: int = 0


class VIPPool(KubeObject, frozen=True):
    """`p4kube.dev/v1alpha1.VIPPool`, cluster-scoped."""

    spec: VIPPoolSpec = VIPPoolSpec()
    status: VIPPoolStatus = VIPPoolStatus()
