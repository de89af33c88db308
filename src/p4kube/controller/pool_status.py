"""Keeps `status.total` and `status.allocated` of the VIPPools current."""

from __future__ import annotations

import logging

from p4kube.controller.allocator import Allocator
from p4kube.controller.cluster import Cluster
from p4kube.controller.pools import Pool, parse_pool
from p4kube.kube.client import Client
from p4kube.kube.clock import Clock
from p4kube.kube.errors import KubeError
from p4kube.kube.events import EventRecorder
from p4kube.kube.objects import VIPPool, VIPPoolStatus
from p4kube.kube.resources import VIP_POOLS
from p4kube.kube.workqueue import WorkQueue

log = logging.getLogger(__name__)
SETTLE_SECONDS = 0.2
"""Thousands of Services that arrive together shall not be thousands of writes."""


def read_pools(cluster: Cluster, recorder: EventRecorder) -> list[Pool]:
    """All pools; entries that cannot be used are reported at their VIPPool and left out."""
    pools = []
    for thing in cluster.pools:
        pool, problems = parse_pool(thing.metadata.name, thing.spec.addresses or (), thing.spec.auto_assign)
        for problem in problems:
            log.warning("VIPPool %s: %s", pool.name, problem)
            recorder.record(VIP_POOLS, thing, "Warning", "InvalidAddresses", "ReadPool", problem)
        pools.append(pool)
    return pools


class PoolStatus:
    """Writes counts shortly after they changed."""

    def __init__(self, client: Client, clock: Clock, cluster: Cluster, allocator: Allocator) -> None:
        self._client = client
        self._cluster = cluster
        self._allocator = allocator
        self._queue: WorkQueue[str] = WorkQueue(clock)

    def changed(self) -> None:
        """Some address was given or taken, or a pool changed."""
        self._queue.add_after("", SETTLE_SECONDS)

    async def run(self) -> None:
        """Never returns."""
        try:
            while True:
                key = await self._queue.get()
                try:
                    await self._write_all()
                    self._queue.succeeded(key)
                except KubeError as error:
                    log.info("VIPPool status: %s; trying again", error)
                    self._queue.retry(key)
                finally:
                    self._queue.done(key)
        finally:
            self._queue.close()

    async def _write_all(self) -> None:
        counts = self._allocator.counts()
        for pool in self._cluster.pools:
            status = VIPPoolStatus(*counts.get(pool.metadata.name, (0, 0)))
            if pool.status != status:
                await self._write(pool, status)

    async def _write(self, pool: VIPPool, status: VIPPoolStatus) -> None:
        # Spelled out, because a Struct leaves out zeros, and a merge patch keeps what is left out.
        change = {"status": {"total": status.total, "allocated": status.allocated}}
        await self._client.patch(VIP_POOLS, "", pool.metadata.name, change, "status")
