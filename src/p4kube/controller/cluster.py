"""The controller's live copy of what it needs of the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from p4kube.controller.endpoints import SERVICE_LABEL
from p4kube.kube.client import Client
from p4kube.kube.clock import Clock
from p4kube.kube.objects import EndpointSlice, Node, Service, VIPPool
from p4kube.kube.reflector import Pace, Reflector
from p4kube.kube.resources import ENDPOINT_SLICES, NODES, SERVICES, VIP_POOLS
from p4kube.kube.store import Store
from p4kube.model import ServiceKey

# Slices of headless Services are never load-balanced.
SLICE_SELECTOR = f"{SERVICE_LABEL},!service.kubernetes.io/headless"


def service_key(service: Service) -> ServiceKey:
    return ServiceKey(service.metadata.namespace, service.metadata.name)


def key_of_slice(part: EndpointSlice) -> ServiceKey:
    """The Service that a slice belongs to; the name is empty if the label is missing."""
    return ServiceKey(part.metadata.namespace, part.metadata.label(SERVICE_LABEL) or "")


def _by_service(part: EndpointSlice) -> Iterable[str]:
    return (str(key_of_slice(part)),)


def _by_node(part: EndpointSlice) -> Iterable[str]:
    return {endpoint.node_name for endpoint in part.endpoints or () if endpoint.node_name}


class Cluster:
    """Four watched stores, and the Services as we ourselves wrote them last."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        pace: Pace | None = None,
        on_restart: Callable[[str, str], None] = lambda plural, reason: None,
    ) -> None:
        self.services: Store[Service] = Store()
        self.slices: Store[EndpointSlice] = Store({"service": _by_service, "node": _by_node})
        self.nodes: Store[Node] = Store()
        self.pools: Store[VIPPool] = Store()
        self._written: dict[ServiceKey, Service] = {}
        self._reflectors: tuple[
            Reflector[Service] | Reflector[EndpointSlice] | Reflector[Node] | Reflector[VIPPool], ...
        ] = (
            Reflector(client, SERVICES, self.services, clock, pace=pace, on_restart=on_restart),
            Reflector(
                client,
                ENDPOINT_SLICES,
                self.slices,
                clock,
                label_selector=SLICE_SELECTOR,
                pace=pace,
                on_restart=on_restart,
            ),
            Reflector(client, NODES, self.nodes, clock, pace=pace, on_restart=on_restart),
            Reflector(client, VIP_POOLS, self.pools, clock, pace=pace, on_restart=on_restart),
        )

    async def run(self) -> None:
        """Keep the copy current, for ever."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors:
                group.create_task(reflector.run())

    async def synced(self) -> None:
        """Returns once everything has been listed."""
        for reflector in self._reflectors:
            await reflector.synced.wait()

    def service(self, key: ServiceKey) -> Service | None:
        """The newest state known: from the watch, or from the answer to our own last write.

        The watch brings our own writes back a little later; working on the older state would only earn a
        conflict. Versions are compared as numbers, as the API allows since 1.35 (KEP-5504).
        """
        watched = self.services.get(key.namespace, key.name)
        written = self._written.get(key)
        if written is None:
            return watched
        if (
            watched is None
            or watched.metadata.uid != written.metadata.uid
            or _version(watched) >= _version(written)
        ):
            del self._written[key]
            return watched
        return written

    def wrote(self, service: Service) -> None:
        """Remember the API server's answer to a write of ours."""
        self._written[service_key(service)] = service

    def slices_of(self, key: ServiceKey) -> list[EndpointSlice]:
        return self.slices.by_index("service", str(key))


def _version(service: Service) -> int:
    text = service.metadata.resource_version
    return int(text) if text.isdecimal() else 0
