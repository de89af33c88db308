"""A data plane for tests: remembers what it was told, acknowledges when told to."""

from __future__ import annotations

import asyncio

from p4kube.controller.dataplane import ACCEPTED, Callback, ProgramResult, StaleEpoch
from p4kube.model import ServiceKey, ServicePort


class FakeDataPlane:
    """A `DataPlane` in memory.

    `wanted` is what was submitted last for each Service, `history` every submission in order, `completed`
    the argument of the last `complete` of this term. With `automatic` every submission is acknowledged in
    the event loop's next turn. `lowest_epoch` is what a switch pretends to obey already.
    """

    def __init__(self, automatic: bool = True) -> None:
        self.automatic = automatic
        self.wanted: dict[ServiceKey, tuple[ServicePort, ...]] = {}
        self.history: list[tuple[ServiceKey, tuple[ServicePort, ...]]] = []
        self.completed: frozenset[ServiceKey] | None = None
        self.epochs: list[int] = []
        self.running = False
        self.lowest_epoch = 0
        self._generation = 0
        self._latest: dict[ServiceKey, int] = {}
        self._callbacks: list[Callback] = []

    def submit(self, service: ServiceKey, ports: tuple[ServicePort, ...]) -> int:
        self._generation += 1
        self.wanted[service] = ports
        self.history.append((service, ports))
        self._latest[service] = self._generation
        if self.automatic and (ports or self.completed is not None):
            asyncio.get_running_loop().call_soon(self.settle, service, self._generation, ACCEPTED)
        return self._generation

    def subscribe(self, callback: Callback) -> None:
        self._callbacks.append(callback)

    def complete(self, services: frozenset[ServiceKey]) -> None:
        self.completed = services
        for service, ports in self.wanted.items():
            if self.automatic and not ports:
                asyncio.get_running_loop().call_soon(self.settle, service, self._latest[service], ACCEPTED)

    async def run(self, epoch: int) -> None:
        self.wanted.clear()
        self.completed = None
        self.epochs.append(epoch)
        if epoch < self.lowest_epoch:
            raise StaleEpoch(self.lowest_epoch)
        self.running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False

    def settle(
        self, service: ServiceKey, generation: int | None = None, result: ProgramResult = ACCEPTED
    ) -> None:
        """Acknowledge or refuse a generation, by default the latest."""
        for callback in self._callbacks:
            callback(service, generation or self._latest[service], result)
