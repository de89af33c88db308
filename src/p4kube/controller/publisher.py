"""Writes to the API what the controller has to say: finalizers and status of Services.

Writes never hold up the data plane: they have a queue and workers of their own, every write is made
conditional on the version that it was worked out from, and what fails is worked out anew and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from p4kube.controller.cluster import Cluster
from p4kube.controller.entry import Entry, report_of
from p4kube.controller.metrics import Metrics
from p4kube.controller.standing import Standing, mark_change, standing_of, unmark_change
from p4kube.controller.status import farewell_change, report_change
from p4kube.kube.client import Client
from p4kube.kube.clock import Clock
from p4kube.kube.errors import ApiError, KubeError
from p4kube.kube.objects import Service
from p4kube.kube.resources import SERVICES
from p4kube.kube.workqueue import WorkQueue
from p4kube.model import ServiceKey

log = logging.getLogger(__name__)
WORKERS = 4


class Publisher:
    """`queue` takes the Services whose finalizer or status may have to change.

    `on_marked` is told when a Service has got our finalizer and so may be programmed, `on_parted` when
    one that left us has been cleaned up and released.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        cluster: Cluster,
        entries: Mapping[ServiceKey, Entry],
        load_balancer_class: str,
        metrics: Metrics,
        *,
        on_marked: Callable[[ServiceKey], None],
        on_parted: Callable[[ServiceKey], None],
    ) -> None:
        self.queue: WorkQueue[ServiceKey] = WorkQueue(clock)
        self._client = client
        self._clock = clock
        self._cluster = cluster
        self._entries = entries
        self._class = load_balancer_class
        self._metrics = metrics
        self._on_marked = on_marked
        self._on_parted = on_parted

    async def run(self) -> None:
        """Never returns."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(self._work())
        finally:
            self.queue.close()

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._publish(key)
                self.queue.succeeded(key)
            except KubeError as error:
                self._failed(key, error)
            except Exception:
                # One Service that trips us up must not keep the others from being written.
                log.exception("service %s: cannot be published; trying again", key)
                self.queue.retry(key)
            finally:
                self.queue.done(key)

    def _failed(self, key: ServiceKey, error: KubeError) -> None:
        if isinstance(error, ApiError) and error.not_found:
            return  # It is gone; the watch will say so.
        reason = error.reason if isinstance(error, ApiError) else type(error).__name__
        self._metrics.api_errors.labels(reason).inc()
        asked = error.retry_after if isinstance(error, ApiError) else 0.0
        delay = self.queue.retry(key, asked)
        level = logging.DEBUG if isinstance(error, ApiError) and error.conflict else logging.WARNING
        log.log(level, "service %s: %s; trying again in %.2f s", key, error, delay)

    async def _publish(self, key: ServiceKey) -> None:
        service, entry = self._cluster.service(key), self._entries.get(key)
        if service is None or entry is None:
            return
        standing = standing_of(service, self._class)
        if standing is Standing.OURS and entry.decision is not None:
            await self._keep(entry, service)
        elif standing is Standing.LEAVING and entry.withdrawn:
            await self._part(entry, service)

    async def _keep(self, entry: Entry, service: Service) -> None:
        assert entry.decision is not None
        if entry.decision.served or entry.submitted:
            marked = await self._patch(service, mark_change(service, self._class))
            if marked is not service and not entry.marked:
                entry.marked = True
                self._on_marked(entry.service)
            service = marked
        report = report_of(entry, service, self._clock.monotonic())
        await self._patch(service, report_change(service, report, self._clock.now()), "status")

    async def _part(self, entry: Entry, service: Service) -> None:
        """The data plane serves it no more: take back what we said, then let it go."""
        if not service.metadata.deletion_timestamp:
            service = await self._patch(service, farewell_change(service), "status")
        await self._patch(service, unmark_change(service))
        self._on_parted(entry.service)

    async def _patch(self, service: Service, change: dict[str, Any] | None, subresource: str = "") -> Service:
        if change is None:
            return service
        meta = service.metadata
        written = await self._client.patch(SERVICES, meta.namespace, meta.name, change, subresource)
        self._cluster.wrote(written)
        return written
