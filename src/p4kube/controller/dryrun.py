"""A data plane that only says what it would do: `p4kube controller run --dry-run`."""

from __future__ import annotations

import asyncio
import logging

from p4kube.controller.dataplane import ACCEPTED, Callback
from p4kube.model import ServiceKey, ServicePort

log = logging.getLogger(__name__)


class DryRunDataPlane:
    """Logs every submission and acknowledges it at once."""

    def __init__(self) -> None:
        self._generation = 0
        self._complete = False
        self._removals: list[tuple[ServiceKey, int]] = []
        self._callbacks: list[Callback] = []

    def submit(self, service: ServiceKey, ports: tuple[ServicePort, ...]) -> int:
        self._generation += 1
        for line in [describe(port) for port in ports] or ["nothing"]:
            log.info("dry run: %s: would serve %s", service, line)
        if ports or self._complete:
            asyncio.get_running_loop().call_soon(self._acknowledge, service, self._generation)
        else:
            self._removals.append((service, self._generation))
        return self._generation

    def subscribe(self, callback: Callback) -> None:
        self._callbacks.append(callback)

    def complete(self, services: frozenset[ServiceKey]) -> None:
        log.info("dry run: state is complete, %d Services; would remove all others", len(services))
        self._complete = True
        for service, generation in self._removals:
            asyncio.get_running_loop().call_soon(self._acknowledge, service, generation)
        self._removals.clear()

    async def run(self, epoch: int) -> None:
        self._complete = False
        self._removals.clear()
        log.info("dry run: leading with epoch %d", epoch)
        await asyncio.Event().wait()

    def _acknowledge(self, service: ServiceKey, generation: int) -> None:
        for callback in self._callbacks:
            callback(service, generation, ACCEPTED)


def describe(port: ServicePort) -> str:
    """One line: "10.0.0.1:80/TCP at nodePort 30080 on 10.1.0.1 (3 ready), 10.1.0.2 (1 draining)"."""
    nodes = ", ".join(
        f"{share.address} ({share.ready} ready{f', {share.draining} draining' if share.draining else ''})"
        for share in port.shares
    )
    where = nodes or "no node: would reject connections"
    return f"{port.vip}:{port.port}/{port.protocol.name} at nodePort {port.node_port} on {where}"
