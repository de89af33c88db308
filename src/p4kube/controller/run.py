"""The controller as a whole: watch always, lead when elected, program while leading."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client.core import Metric

from p4kube.controller.cluster import Cluster
from p4kube.controller.dataplane import DataPlane, ProgramResult, StaleEpoch
from p4kube.controller.metrics import Metrics, state_metrics
from p4kube.controller.term import Term
from p4kube.kube.client import Client
from p4kube.kube.clock import Clock, first_of
from p4kube.kube.election import LeaseElector, LowEpoch, Terms, unique_identity
from p4kube.kube.events import EventRecorder
from p4kube.kube.reflector import Pace
from p4kube.model import ServiceKey

log = logging.getLogger(__name__)
CONTROLLER_NAME = "p4kube.dev/controller"
LEASE_NAME = "p4kube-controller"
UNELECTED_ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Options:
    """`lease_namespace` None means no election: the operator sees to it that only one process runs."""

    load_balancer_class: str = "p4kube.dev/p4kube"
    lease_namespace: str | None = "kube-system"
    terms: Terms | None = None
    pace: Pace | None = None


class Controller:
    """One process. `run` goes on until cancelled; then the Lease is given back, the switches stay as
    they are."""

    def __init__(
        self, client: Client, dataplane: DataPlane, clock: Clock, metrics: Metrics, options: Options
    ) -> None:
        self._client = client
        self._dataplane = dataplane
        self._clock = clock
        self._metrics = metrics
        self._options = options
        self._identity = unique_identity()
        self._cluster = Cluster(client, clock, pace=options.pace, on_restart=metrics.restarted)
        self._recorder = EventRecorder(client, clock, controller=CONTROLLER_NAME, instance=self._identity)
        self._term: Term | None = None
        dataplane.subscribe(self._settled)
        metrics.observe_states(self._states)

    async def run(self) -> None:
        await first_of(self._cluster.run(), self._recorder.run(), self._compete())

    async def _compete(self) -> None:
        if self._options.lease_namespace is None:
            await self._lead_unelected()
            return
        elector = LeaseElector(
            self._client,
            self._clock,
            namespace=self._options.lease_namespace,
            name=LEASE_NAME,
            identity=self._identity,
            terms=self._options.terms,
        )
        # An epoch begins when its Lease does: a candidate that has not read the cluster is of no use.
        await self._cluster.synced()
        await elector.run(self._lead)

    async def _lead_unelected(self) -> None:
        await self._cluster.synced()
        # Without a Lease to count in, the time makes every start's epoch higher than the one before.
        epoch = int((self._clock.now() - UNELECTED_ORIGIN).total_seconds())
        while True:
            try:
                await self._lead(epoch)
            except LowEpoch as error:
                epoch = error.seen + 1

    async def _lead(self, epoch: int) -> None:
        term = Term(
            self._client,
            self._clock,
            self._cluster,
            self._dataplane,
            self._recorder,
            self._metrics,
            self._options.load_balancer_class,
        )
        self._term = term
        self._metrics.leader.set(1)
        self._metrics.epoch.set(epoch)
        try:
            # In this order: the data plane forgets its last term before it hears of this one.
            await first_of(self._dataplane.run(epoch), term.run())
        except StaleEpoch as error:
            raise LowEpoch(error.seen) from error
        finally:
            self._term = None
            self._metrics.leader.set(0)

    def _settled(self, service: ServiceKey, generation: int, result: ProgramResult) -> None:
        if self._term is not None:
            self._term.settled(service, generation, result)

    def _states(self) -> Iterable[Metric]:
        term = self._term
        return state_metrics(term.states(), term.pools()) if term is not None else state_metrics({}, {})


async def run_until_cancelled(controller: Controller) -> None:
    """`Controller.run`, for a caller that cancels on a signal: returns instead of raising."""
    try:
        await controller.run()
    except asyncio.CancelledError:
        log.info("stopped; the switches stay as they are")
