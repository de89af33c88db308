"""Keeps one switch at what the controller wants of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from p4kube.controller.dataplane import ACCEPTED, ProgramResult, StaleEpoch
from p4kube.controller.link.connection import Connection
from p4kube.controller.link.errors import Rebooted
from p4kube.controller.link.readback import read_back
from p4kube.controller.link.transitions import Transitions
from p4kube.model import ServiceKey, ServicePort
from p4kube.plan import PlanError, Planner
from p4kube.wire.cells import Frontend
from p4kube.wire.message import Write

log = logging.getLogger(__name__)

PROBE_SECONDS = 0.5
Report = Callable[[ServiceKey, int, ProgramResult], None]


@dataclass(slots=True)
class Wanted:
    generation: int
    ports: tuple[ServicePort, ...]


class SwitchSync:
    """One switch's queue. A Service that is submitted twice before its turn is programmed once."""

    def __init__(self, name: str, report: Report, transition_seconds: float) -> None:
        self.name = name
        self._report = report
        self._transition_seconds = transition_seconds
        self.reset()

    def reset(self) -> None:
        """Forgets what was submitted: a new term begins."""
        self._wanted: dict[ServiceKey, Wanted] = {}
        self._dirty: dict[ServiceKey, None] = {}
        self._owner: dict[Frontend, ServiceKey] = {}
        self._complete = False
        self._swept = False
        self._deferred: dict[ServiceKey, int] = {}
        self._refused: set[ServiceKey] = set()
        self._leftover: list[Write] = []
        self._wake = asyncio.Event()

    def submit(self, service: ServiceKey, generation: int, ports: tuple[ServicePort, ...]) -> None:
        self._wanted[service] = Wanted(generation, ports)
        self._dirty[service] = None
        self._wake.set()

    def complete(self) -> None:
        self._complete = True
        self._wake.set()

    async def run(self, connection: Connection) -> None:
        """Until cancelled. Raises StaleEpoch when the switch obeys another controller."""
        await connection.hello()
        if connection.sequence:
            raise StaleEpoch(connection.epoch)
        planner = await self._adopt(connection)
        log.info("switch %s: read back %d service ports", self.name, len(planner.entries))
        transitions = Transitions(self._transition_seconds)
        for frontend in planner.entries:
            transitions.observe(planner.entries, frontend, _now())
        self._leftover = planner.take_outbox()
        while True:
            try:
                await self._step(connection, planner, transitions)
            except Rebooted:
                await self._restore(connection, planner)

    async def _adopt(self, connection: Connection) -> Planner:
        while True:
            try:
                return Planner.adopt(await read_back(connection))
            except Rebooted:
                await connection.hello()

    async def _step(self, connection: Connection, planner: Planner, transitions: Transitions) -> None:
        """Programs what is due, or waits for something to become due."""
        settling = transitions.due(_now())
        sweep = self._complete and not self._swept
        if not (self._dirty or settling or sweep or self._leftover):
            await self._idle(connection)
            return
        self._wake.clear()
        writes, self._leftover = self._leftover, []
        results: list[tuple[ServiceKey, int, ProgramResult]] = []
        touched: set[Frontend] = set(settling)
        # Removals first: an address may pass from one Service to another.
        dirty, self._dirty = sorted(self._dirty, key=lambda s: bool(self._wanted[s].ports)), {}
        for service in dirty:
            result = self._plan(planner, service, writes, touched)
            results.append((service, self._wanted[service].generation, result))
            self._refused.discard(service)
            if not result.accepted:
                self._refused.add(service)
        for frontend, indices in settling.items():
            writes.extend(planner.settle(frontend, indices))
        if sweep:
            for frontend in [f for f in planner.entries if f not in self._owner]:
                writes.extend(planner.withdraw(frontend))
                touched.add(frontend)
        try:
            await connection.write(writes)
        except Rebooted:
            await self._restore(connection, planner)
        for frontend in touched:
            transitions.observe(planner.entries, frontend, _now())
        self._swept = self._swept or sweep
        if sweep or any(not self._wanted[service].ports for service in dirty):
            # There may be room now for what was refused.
            self._dirty |= dict.fromkeys(self._refused)
        self._tell(results)

    def _tell(self, results: list[tuple[ServiceKey, int, ProgramResult]]) -> None:
        """Reports, except removals before the sweep: a leftover of a former controller may still serve."""
        for service, generation, result in results:
            if self._swept or self._wanted[service].ports:
                self._report(service, generation, result)
            else:
                self._deferred[service] = generation
        if self._swept:
            deferred, self._deferred = self._deferred, {}
            for service, generation in deferred.items():
                if self._wanted[service].generation == generation:
                    self._report(service, generation, ACCEPTED)

    def _plan(
        self, planner: Planner, service: ServiceKey, writes: list[Write], touched: set[Frontend]
    ) -> ProgramResult:
        wanted = {Frontend(p.vip, p.port, p.protocol): p for p in self._wanted[service].ports}
        for frontend in [f for f, owner in self._owner.items() if owner == service and f not in wanted]:
            del self._owner[frontend]
            writes.extend(planner.withdraw(frontend))
            touched.add(frontend)
        problem = ""
        for frontend, port in wanted.items():
            self._owner[frontend] = service
            touched.add(frontend)
            try:
                writes.extend(planner.serve(port))
            except PlanError as error:
                writes.extend(planner.take_outbox())
                problem = f"switch {self.name}: {error}"
                log.warning("%s: %s", service, problem)
        return ProgramResult(False, "SwitchFull", problem) if problem else ACCEPTED

    async def _restore(self, connection: Connection, planner: Planner) -> None:
        """Writes the whole image to a switch that lost it; again if it restarts meanwhile."""
        while True:
            await connection.hello()
            everything = planner.everything()
            log.warning("switch %s: restarted, restoring %d cells", self.name, len(everything))
            try:
                await connection.write(everything)
                return
            except Rebooted:
                continue

    async def _idle(self, connection: Connection) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), PROBE_SECONDS)
        except TimeoutError:
            await connection.probe()


def _now() -> float:
    return asyncio.get_running_loop().time()
