"""The loop that keeps the data plane's ports and link state equal to the kernel's."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from p4kube.switch import changes, forwarding, own, tables
from p4kube.switch.config import Config
from p4kube.switch.dataplane import DataPlane
from p4kube.switch.errors import SwitchError
from p4kube.switch.forwarding import Forwarding
from p4kube.switch.kernel import Kernel, KernelError, Part, Snapshot
from p4kube.switch.keys import Keys
from p4kube.switch.ports import Ports
from p4kube.switch.probing import Pacer
from p4xdp.device import DeviceError

TICK_SECONDS = 1.0
# Everything is read anew this often, in case something changed that nobody announced.
RESYNC_SECONDS = 60.0
# Changes seldom come alone: wait this long, or as long as the last round took if that was more.
GATHER_SECONDS = 0.01
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Statistics:
    """What the agent did since it started; for the metrics."""

    rounds: int = 0
    overflows: int = 0
    failures: int = 0
    changes: int = 0
    probes: int = 0
    left_to_kernel: int = 0


class Agent:
    def __init__(self, config: Config, plane: DataPlane, kernel: Kernel) -> None:
        self._plane, self._kernel = plane, kernel
        self._capacity = plane.table_size(tables.ROUTES)
        self._hop_capacity = min(plane.table_size(tables.NEXT_HOPS), changes.MAX_NEXT_HOPS)
        self.ports = Ports(config.ports, plane, generic=config.mode == "generic")
        self.statistics = Statistics()
        self.boot_id = 0
        self._update_address = config.update_address
        self._snapshot = Snapshot()
        self._forwarding = Forwarding({})
        self._live: changes.Live | None = None
        self._confirming, self._resolving = Pacer(), Pacer()
        self._dirty = Part.ALL
        self._woken = asyncio.Event()
        self._rules: tuple[str, ...] = ()
        self._macs: dict[int, int] | None = None
        self._resync_at = 0.0

    def changed(self, parts: Part) -> None:
        """Something in the kernel may have changed."""
        self._dirty |= parts
        self._woken.set()

    def lost(self) -> None:
        """The kernel announced more than there was room for."""
        self.statistics.overflows += 1
        _log.warning("netlink events were lost: reading everything anew")

    async def start(self, keys: Keys) -> None:
        """Own values, ports, link state: the data plane works when this returns.

        Raises SwitchError if none of the interfaces that exist can become a port, DeviceError, KernelError.
        """
        self.install(keys)
        self._dirty = Part.NONE
        self._snapshot = await self._kernel.refresh(self._snapshot, Part.LINKS)
        self.ports.leave_other_mode(self._snapshot.links)
        await self._round(Part.ALL)
        failed = self.ports.failures
        if failed and not self.ports.numbers:
            raise SwitchError("; ".join(failed.values()))
        self._plane.activate()

    def install(self, keys: Keys) -> None:
        """Own values into the data plane. Raises DeviceError."""
        self.boot_id = own.install(self._plane, self._update_address, keys)

    async def run(self, stop: asyncio.Event) -> None:
        """Follows the kernel until `stop` is set."""
        while not stop.is_set():
            began = time.monotonic()
            await self.step()
            await self._rest(stop, time.monotonic() - began)

    async def step(self) -> None:
        """Catches up with what changed since the last step. Failures are logged and tried again."""
        parts, self._dirty = self._dirty, Part.NONE
        self._woken.clear()
        if time.monotonic() >= self._resync_at:
            parts, self._live = Part.ALL, None
        try:
            await self._round(parts)
        except (KernelError, DeviceError, OSError) as error:
            self.statistics.failures += 1
            self._live = self._macs = None
            self._dirty |= Part.ALL
            _log.error("link state is not up to date, trying again: %s", error)

    async def _rest(self, stop: asyncio.Event, took: float) -> None:
        """Until something changes or a tick has passed; then a moment more to gather what comes with it."""
        waiting = [asyncio.create_task(event.wait()) for event in (stop, self._woken)]
        await asyncio.wait(waiting, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if not stop.is_set():
            await asyncio.sleep(max(GATHER_SECONDS, took))

    async def _round(self, parts: Part) -> None:
        if parts:
            self._snapshot = await self._kernel.refresh(self._snapshot, parts)
            if parts is Part.ALL:
                self._resync_at = time.monotonic() + RESYNC_SECONDS
            self.statistics.rounds += 1
            # A port must be attached before a next hop leads there, and until none does.
            gone = self.ports.attach(self._snapshot.links)
            self._install_macs()
            self._bring_up_to_date()
            self.ports.detach(gone)
        if Part.ROUTES in parts:
            await self._warn_of_rules()
        await self._ask()

    async def _ask(self) -> None:
        now = time.monotonic()
        neighbours = self._snapshot.neighbours
        confirm = self._confirming.due(forwarding.to_confirm(self._forwarding, neighbours), now)
        resolve = self._resolving.due(forwarding.to_resolve(self._forwarding, neighbours), now)
        if confirm or resolve:
            self.statistics.probes += len(confirm) + len(resolve)
            await self._kernel.resolve(confirm + resolve)

    def _install_macs(self) -> None:
        numbers = self.ports.numbers
        macs = {numbers[link.index]: link.mac for link in self._snapshot.links if link.index in numbers}
        if macs != self._macs:
            own.install_macs(self._plane, macs)
            self._macs = macs

    def _bring_up_to_date(self) -> None:
        self._forwarding = forwarding.derive(self._snapshot, self.ports.numbers)
        routes = self._forwarding.routes
        left = max(0, len(routes) - self._capacity)
        if left and not self.statistics.left_to_kernel:
            _log.warning(
                "%d routes and neighbours, the data plane holds %d: the kernel forwards the rest",
                *(len(routes), self._capacity),
            )
        self.statistics.left_to_kernel = left
        if left:
            routes = forwarding.folded(routes, self._capacity)
        if self._live is None:
            self._live = tables.read(self._plane)
        for change in changes.changes(self._live, routes, self._hop_capacity):
            tables.make(self._plane, change)
            changes.apply(self._live, change)
            self.statistics.changes += 1

    async def _warn_of_rules(self) -> None:
        rules = await self._kernel.foreign_rules()
        if rules and rules != self._rules:
            _log.warning("policy routing rules are not followed by the data plane: %s", ", ".join(rules))
        self._rules = rules
