"""Where each kind of object lives in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from p4kube.kube.objects import (
    EndpointSlice,
    Event,
    KubeObject,
    Lease,
    Node,
    ObjectReference,
    Service,
    VIPPool,
)

K = TypeVar("K", bound=KubeObject)


@dataclass(frozen=True)
class Resource(Generic[K]):
    """One resource of the API: group ("" for core), version, plural name, kind and Python type."""

    group: str
    version: str
    plural: str
    kind: str
    type: type[K]
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of one namespace's part, of one object or of its subresource."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)

    def reference(self, thing: K) -> ObjectReference:
        """How an Event names `thing`."""
        meta = thing.metadata
        return ObjectReference(self.api_version, self.kind, meta.namespace, meta.name, meta.uid)


SERVICES = Resource("", "v1", "services", "Service", Service)
NODES = Resource("", "v1", "nodes", "Node", Node, namespaced=False)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", EndpointSlice)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", Lease)
EVENTS = Resource("events.k8s.io", "v1", "events", "Event", Event)
VIP_POOLS = Resource("p4kube.dev", "v1alpha1", "vippools", "VIPPool", VIPPool, namespaced=False)
