"""The data plane as the controller sees it: all its switches, each with a queue of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from p4kube.controller.config import ControllerConfig, Switch
from p4kube.controller.dataplane import ACCEPTED, Callback, ProgramResult
from p4kube.controller.link.connection import Connection
from p4kube.controller.link.errors import BadKeys
from p4kube.controller.link.keys import load_update_keys
from p4kube.controller.link.sync import SwitchSync
from p4kube.kube.clock import first_of
from p4kube.model import ServiceKey, ServicePort


class Switches:
    """Implements `p4kube.controller.dataplane.DataPlane`: a generation is settled when every switch has
    acknowledged it, or one has refused it."""

    def __init__(self, switches: Sequence[tuple[Switch, int, bytes]], transition_seconds: float) -> None:
        self._switches = [
            (switch, key_id, key, SwitchSync(switch.name, self._reporter(switch.name), transition_seconds))
            for switch, key_id, key in switches
        ]
        self._callbacks: list[Callback] = []
        self._generations: dict[ServiceKey, int] = {}
        self._pending: dict[ServiceKey, set[str]] = {}
        self.connections: dict[str, Connection] = {}

    def submit(self, service: ServiceKey, ports: tuple[ServicePort, ...]) -> int:
        generation = self._generations.get(service, 0) + 1
        self._generations[service] = generation
        self._pending[service] = {switch.name for switch, *_ in self._switches}
        for *_, sync in self._switches:
            sync.submit(service, generation, ports)
        return generation

    def subscribe(self, callback: Callback) -> None:
        self._callbacks.append(callback)

    def complete(self, services: frozenset[ServiceKey]) -> None:
        for *_, sync in self._switches:
            sync.complete()

    async def run(self, epoch: int) -> None:
        self._pending.clear()
        for *_, sync in self._switches:
            sync.reset()
        await first_of(*(self._run_switch(*switch, epoch) for switch in self._switches))

    async def _run_switch(
        self, switch: Switch, key_id: int, key: bytes, sync: SwitchSync, epoch: int
    ) -> None:
        loop = asyncio.get_running_loop()
        transport, connection = await loop.create_datagram_endpoint(
            lambda: Connection(switch.name, key_id, key, epoch), remote_addr=(switch.address, switch.port)
        )
        self.connections[switch.name] = connection
        try:
            await sync.run(connection)
        finally:
            transport.close()

    def _reporter(self, name: str) -> Callback:
        def report(service: ServiceKey, generation: int, result: ProgramResult) -> None:
            pending = self._pending.get(service)
            if pending is None or self._generations.get(service) != generation:
                return
            pending.discard(name)
            if not pending or not result.accepted:
                self._settle(service, generation, result)

        return report

    def _settle(self, service: ServiceKey, generation: int, result: ProgramResult) -> None:
        self._pending.pop(service, None)
        for callback in self._callbacks:
            callback(service, generation, result if not result.accepted else ACCEPTED)


def open_dataplane(config: ControllerConfig) -> Switches:
    """Reads every switch's keys file; the newest key (the highest id) is used. Raises BadKeys."""
    if not config.switches:
        raise BadKeys("the configuration names no switch; add one under switches")
    switches = []
    for switch in config.switches:
        keys = load_update_keys(Path(switch.keys_file))
        switches.append((switch, max(keys), keys[max(keys)]))
    return Switches(switches, config.transition_seconds)
