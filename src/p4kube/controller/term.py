"""One term of leadership: from changes in the cluster to submissions to the data plane.

The way from a watch event to `DataPlane.submit` contains no wait and no write to the API, except the
first time, when the finalizer has to be in place before anything is programmed (KEP-980).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import msgspec

from p4kube.controller.allocator import Allocator, Assignment
from p4kube.controller.cluster import Cluster, key_of_slice, service_key
from p4kube.controller.dataplane import DataPlane, ProgramResult
from p4kube.controller.endpoints import NodeView, view_node
from p4kube.controller.entry import OVERDUE_SECONDS, Entry
from p4kube.controller.metrics import Metrics
from p4kube.controller.pool_status import PoolStatus, read_pools
from p4kube.controller.publisher import Publisher
from p4kube.controller.refusal import Refusal
from p4kube.controller.screening import screen
from p4kube.controller.serving import Decision, serving_of
from p4kube.controller.standing import Standing, finalized, standing_of
from p4kube.controller.status import condition_of, shown_address, shown_errors
from p4kube.controller.telling import Teller
from p4kube.kube.client import Client
from p4kube.kube.clock import Clock
from p4kube.kube.events import EventRecorder
from p4kube.kube.objects import EndpointSlice, Node, Service, VIPPool
from p4kube.kube.store import Change
from p4kube.kube.workqueue import WorkQueue
from p4kube.model import ServiceKey, ServicePort

log = logging.getLogger(__name__)


class Term:
    """Everything that is known and done while we lead. A new term starts from the API alone."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        cluster: Cluster,
        dataplane: DataPlane,
        recorder: EventRecorder,
        metrics: Metrics,
        load_balancer_class: str,
    ) -> None:
        self._clock = clock
        self._cluster = cluster
        self._dataplane = dataplane
        self._recorder = recorder
        self._metrics = metrics
        self._class = load_balancer_class
        self._tell = Teller(recorder)
        self._allocator = Allocator()
        self._entries: dict[ServiceKey, Entry] = {}
        self._queue: WorkQueue[ServiceKey] = WorkQueue(clock)
        self._changed: dict[ServiceKey, float] = {}
        self._nodes: dict[str, NodeView] = {}
        self._waiting: set[ServiceKey] = set()
        self._any_node: set[ServiceKey] = set()
        self._pool_status = PoolStatus(client, clock, cluster, self._allocator)
        self._publisher = Publisher(
            client,
            clock,
            cluster,
            self._entries,
            load_balancer_class,
            metrics,
            on_marked=self._queue.add,
            on_parted=self._finish,
        )

    async def run(self) -> None:
        """Never returns. The cluster must have synced."""
        unsubscribe = self._subscribe()
        try:
            self._start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._publisher.run())
                group.create_task(self._pool_status.run())
                group.create_task(self._work())
        finally:
            self._queue.close()
            for stop in unsubscribe:
                stop()

    def states(self) -> Counter[str]:
        """Services of ours by state."""
        return Counter(entry.state for entry in self._entries.values())

    def pools(self) -> dict[str, tuple[int, int]]:
        return self._allocator.counts()

    # From the cluster

    def _subscribe(self) -> list[Callable[[], None]]:
        return [
            self._cluster.services.subscribe(self._service_changed),
            self._cluster.slices.subscribe(self._slice_changed),
            self._cluster.nodes.subscribe(self._node_changed),
            self._cluster.pools.subscribe(self._pool_changed),
        ]

    def _touch(self, key: ServiceKey, received: float) -> None:
        self._changed.setdefault(key, received)
        self._queue.add(key)

    def _service_changed(self, change: Change[Service]) -> None:
        key = service_key(change.current)
        if key in self._entries or standing_of(change.current, self._class) is not Standing.FOREIGN:
            self._touch(key, change.received)

    def _slice_changed(self, change: Change[EndpointSlice]) -> None:
        for part in (change.old, change.new):
            if part is not None and (key := key_of_slice(part)) in self._entries:
                self._touch(key, change.received)

    def _node_changed(self, change: Change[Node]) -> None:
        name = change.current.metadata.name
        before, after = self._nodes.get(name), view_node(change.new) if change.new else None
        if before == after:
            return  # A heartbeat.
        if after is None:
            del self._nodes[name]
        else:
            self._nodes[name] = after
        affected = {key_of_slice(part) for part in self._cluster.slices.by_index("node", name)}
        for key in (affected & self._entries.keys()) | self._any_node:
            self._touch(key, change.received)

    def _pool_changed(self, change: Change[VIPPool]) -> None:
        if change.old is not None and change.new is not None and change.old.spec == change.new.spec:
            return  # Our own status.
        self._allocator.set_pools(read_pools(self._cluster, self._recorder))
        self._pool_status.changed()
        self._wake_waiting()

    # To the data plane

    def _start(self) -> None:
        """Everything once, then `complete`: only now may the switches lose what they should not have."""
        self._nodes = {view.name: view for node in self._cluster.nodes if (view := view_node(node))}
        self._allocator.set_pools(read_pools(self._cluster, self._recorder))
        self._pool_status.changed()
        mine = [
            service
            for service in sorted(self._cluster.services, key=_by_age)
            if standing_of(service, self._class) is not Standing.FOREIGN
        ]
        for service in mine:
            if (address := shown_address(service)) is not None:
                # A port shown with an error was not served: it must not take the place of one that was.
                failed = shown_errors(service)
                ports = {(port.port, port.protocol) for port in screen(service).servable} - failed
                self._allocator.restore(service_key(service), frozenset(ports), address)
        for service in mine:
            self._safely_look_at(service_key(service))
        self._dataplane.complete(frozenset(key for key, entry in self._entries.items() if entry.submitted))
        log.info("complete: %d Services of class %s", len(self._entries), self._class)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._safely_look_at(key)
            self._queue.done(key)

    def _safely_look_at(self, key: ServiceKey) -> None:
        try:
            self._look_at(key)
            self._queue.succeeded(key)
        except Exception:
            # One Service that trips us up must disturb no other.
            delay = self._queue.retry(key)
            log.exception("service %s: cannot be worked out; trying again in %.1f s", key, delay)

    def _look_at(self, key: ServiceKey) -> None:
        service = self._cluster.service(key)
        standing = standing_of(service, self._class) if service else Standing.FOREIGN
        entry = self._entries.get(key)
        if service is None or standing is Standing.FOREIGN:
            self._changed.pop(key, None) if entry is None else self._withdraw(entry)
            return
        entry = self._entry_for(key, service)
        if standing is Standing.LEAVING:
            self._withdraw(entry)
        else:
            self._serve(entry, service)

    def _entry_for(self, key: ServiceKey, service: Service) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            condition = condition_of(service)
            announced = condition is not None and condition.status == "True"
            entry = self._entries[key] = Entry(key, service.metadata.uid, announced)
        elif entry.uid != service.metadata.uid:
            # Deleted and created again under the same name: the switches still serve the old one.
            entry.uid, entry.announced, entry.marked, entry.working = service.metadata.uid, False, False, None
        return entry

    def _serve(self, entry: Entry, service: Service) -> None:
        key = entry.service
        decision = entry.decision = self._decide(entry, service)
        self._tell.refused(entry, service)
        (self._waiting.add if decision.waits_for_others else self._waiting.discard)(key)
        serving = serving_of(service, decision, self._cluster.slices_of(key), self._nodes)
        (self._any_node.add if serving.any_node else self._any_node.discard)(key)
        # What the status shows was programmed before: waiting for a finalizer would only interrupt it.
        ready = entry.marked or finalized(service) or shown_address(service) is not None
        if ready and (serving.ports or entry.submitted is not None or finalized(service)):
            self._submit(entry, serving.ports)
        elif not serving.ports:
            self._changed.pop(key, None)
        self._publisher.queue.add(key)

    def _decide(self, entry: Entry, service: Service) -> Decision:
        screening = screen(service)
        key, before = entry.service, self._allocator.held(entry.service)
        version = self._allocator.version
        if not screening.servable:
            return Decision(screening)
        ports = frozenset((port.port, port.protocol) for port in screening.servable)
        wanted = screening.wanted
        outcome = wanted if isinstance(wanted, Refusal) else self._allocator.assign(key, ports, wanted)
        refusal = outcome if isinstance(outcome, Refusal) else None
        if refusal is not None and before is not None:
            # It asks for what it cannot have; the address that it has goes on working.
            outcome = self._allocator.assign(key, ports)
        assignment = outcome if isinstance(outcome, Assignment) else None
        if assignment is not None and assignment.address != before:
            self._tell.assigned(service, assignment.address)
        if self._allocator.version != version:
            self._pool_status.changed()
            self._wake_waiting()
        return Decision(screening, assignment, refusal)

    def _submit(self, entry: Entry, ports: tuple[ServicePort, ...]) -> None:
        key, now = entry.service, self._clock.monotonic()
        received = self._changed.pop(key, now)
        if entry.submitted == ports:
            return
        entry.submitted, entry.submitted_at, entry.result = ports, now, None
        entry.generation = self._dataplane.submit(key, ports)
        entry.pending.append((entry.generation, received))
        self._publisher.queue.add_after(key, OVERDUE_SECONDS)

    def _withdraw(self, entry: Entry) -> None:
        self._waiting.discard(entry.service)
        self._any_node.discard(entry.service)
        self._submit(entry, ())
        if entry.withdrawn:
            self._withdrawn(entry)

    def _withdrawn(self, entry: Entry) -> None:
        """Confirmed removal: let go of a Service that is gone, clean up behind one that only left us."""
        service = self._cluster.service(entry.service)
        if service is None or standing_of(service, self._class) is Standing.FOREIGN:
            self._finish(entry.service)
        else:
            self._publisher.queue.add(entry.service)

    def _finish(self, key: ServiceKey) -> None:
        """Forget a Service: its address is free, and what the switches had no room for may fit now."""
        self._entries.pop(key, None)
        self._changed.pop(key, None)
        self._allocator.release(key)
        self._pool_status.changed()
        self._wake_waiting()
        for entry in self._entries.values():
            if entry.result is not None and not entry.result.accepted:
                entry.submitted = None
                self._queue.add(entry.service)
        self._queue.add(key)  # It may have become ours again meanwhile.

    def _wake_waiting(self) -> None:
        for key in self._waiting:
            self._queue.add(key)

    # From the data plane

    def settled(self, key: ServiceKey, generation: int, result: ProgramResult) -> None:
        """The data plane's answer to a submission; see `DataPlane.subscribe`."""
        entry = self._entries.get(key)
        if entry is None:
            return
        while entry.pending and entry.pending[0][0] <= generation:
            self._measure(entry, *entry.pending.popleft(), result)
        if generation != entry.generation or entry.submitted is None:
            return
        entry.result = result
        if entry.submitted == ():
            if result.accepted:
                self._tell.withdrawn(self._cluster.service(key), self._class)
                self._withdrawn(entry)
        elif result.accepted:
            entry.working = entry.submitted[0].vip
            self._tell.programmed(entry, self._cluster.service(key))
        else:
            self._tell.rejected(entry, self._cluster.service(key), result)
        self._publisher.queue.add(key)

    def _measure(self, entry: Entry, generation: int, received: float, result: ProgramResult) -> None:
        seconds = self._clock.monotonic() - received
        if result.accepted:
            self._metrics.program_seconds.observe(seconds)
        else:
            self._metrics.rejections.labels(result.reason).inc()
        fields = {
            "msg": "programmed" if result.accepted else "rejected",
            "service": str(entry.service),
            "generation": generation,
            "duration_ms": round(seconds * 1000, 3),
            "ports": len(entry.submitted or ()),
        }
        if not result.accepted:
            fields |= {"reason": result.reason, "message": result.message}
        log.info("%s", msgspec.json.encode(fields).decode())


def _by_age(service: Service) -> tuple[str, ServiceKey]:
    return service.metadata.creation_timestamp or "", service_key(service)
