"""The controller's update client against the real data plane, over a network that misbehaves."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest

from p4kube.controller.dataplane import ProgramResult, StaleEpoch
from p4kube.controller.link.connection import Connection
from p4kube.controller.link.readback import read_back
from p4kube.controller.link.sync import SwitchSync
from p4kube.model import NodeShare, Protocol, ServiceKey, ServicePort
from p4kube.plan import Planner
from p4kube.wire.message import Cell, Register, Write
from p4xdp.device import Device
from tests.dataplane import topology as net

pytestmark = pytest.mark.root
WEB = ServiceKey("default", "web")
HEADERS = 14 + 20 + 8


@functools.cache
def headers(length: int) -> bytes:
    return net.raw_update(bytes(length))[: HEADERS - 2] + bytes(2)


def frame(payload: bytes) -> bytes:
    """A request on the controller's link, without a UDP checksum."""
    return headers(len(payload)) + payload


class Wire:
    """The network between a connection and the data plane: `mangle` says what arrives of a datagram."""

    def __init__(self, device: Device, mangle: Callable[[bytes], list[bytes]] = lambda data: [data]) -> None:
        self.device = device
        self.mangle = mangle
        self.connection: Connection | None = None
        self.sent = 0

    def sendto(self, data: bytes) -> None:
        self.sent += 1
        for request in self.mangle(data):
            for output in self.device.send(net.CONTROLLER.port, frame(request)):
                for reply in self.mangle(output.data[HEADERS:]):
                    assert self.connection is not None
                    asyncio.get_running_loop().call_soon(self.connection.datagram_received, reply)

    def connect(self, epoch: int) -> Connection:
        self.connection = Connection("s1", net.KEY_ID, net.KEY, epoch)
        self.connection.datagrams = self
        return self.connection


class Bad:
    """Loses, doubles and swaps datagrams, and flips bits in some; always the same way."""

    def __init__(self) -> None:
        self._draw = random.Random(7)
        self._held: list[bytes] = []

    def __call__(self, data: bytes) -> list[bytes]:
        kind = self._draw.random()
        if kind < 0.1:
            return []
        if kind < 0.2:
            self._held.append(data)
            return []
        if kind < 0.25:
            return [data[:9] + bytes([data[9] ^ 4]) + data[10:]]
        arriving = [data] * (2 if kind < 0.35 else 1) + self._held
        self._held = []
        return arriving


@pytest.fixture
def device(p4kube_device: Callable[[], Device]) -> Iterator[Device]:
    yield p4kube_device()


def port(*weights: int, vip: str = net.VIP) -> ServicePort:
    shares = tuple(NodeShare(IPv4Address(h.ip), w) for h, w in zip(net.NODES, weights, strict=False))
    return ServicePort(IPv4Address(vip), 80, Protocol.TCP, 30080 + int(IPv4Address(vip)) % 256, shares)


def image_of(device: Device, planner: Planner) -> dict[Cell, int]:
    return {cell: device.register_read(cell.register.name.lower(), cell.index) for cell in planner.image}


def test_writes_arrive_once_and_in_order_over_a_bad_network(device: Device) -> None:
    async def scenario() -> None:
        connection = Wire(device, Bad()).connect(5)
        await connection.hello()
        # Each cell is written many times; only the right order leaves the last value everywhere.
        writes = [Write(Cell(Register.SLOTS, i % 50), i) for i in range(4000)]
        await connection.write(writes)
        assert connection.sequence == 250
        assert connection.retransmissions > 0 and connection.bad_answers > 0
        cells = [Cell(Register.SLOTS, i) for i in range(50)]
        assert await connection.read(cells) == {c: 3950 + c.index for c in cells}

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_deposed_leader_cannot_write(device: Device) -> None:
    async def scenario() -> None:
        old, new = Wire(device).connect(5), Wire(device).connect(6)
        await old.hello()
        await old.write([Write(Cell(Register.NODES, 1), 11)])
        await new.hello()
        with pytest.raises(StaleEpoch) as caught:
            await old.write([Write(Cell(Register.NODES, 1), 12)])
        assert caught.value.seen == 6
        with pytest.raises(StaleEpoch):
            await old.hello()
        assert device.register_read("nodes", 1) == 11

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_what_a_switch_holds_is_read_back_whole(device: Device) -> None:
    async def scenario() -> None:
        planner = Planner()
        connection = Wire(device).connect(1)
        await connection.hello()
        for service in (port(1, 2, 3), port(1, vip="203.0.113.11"), port(2, 0, 1, vip="203.0.113.12")):
            await connection.write(planner.serve(service))
        await connection.write(planner.serve(port(0, 2, 3, 1)))
        assert await holds(connection) == planner.image

    asyncio.run(asyncio.wait_for(scenario(), 60))


async def holds(connection: Connection) -> dict[Cell, int]:
    """What is read back, without the zeros."""
    return {cell: value for cell, value in (await read_back(connection)).items() if value}


class Term:
    """A SwitchSync at work on a device, and what it reported."""

    def __init__(self, wire: Wire, epoch: int) -> None:
        self.reports: asyncio.Queue[tuple[ServiceKey, int, ProgramResult]] = asyncio.Queue()
        self.sync = SwitchSync("s1", lambda *report: self.reports.put_nowait(report), 900)
        self.connection = wire.connect(epoch)

    async def __aenter__(self) -> Term:
        self._task = asyncio.create_task(self.sync.run(self.connection))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def settled(self) -> tuple[ServiceKey, int, ProgramResult]:
        return await asyncio.wait_for(self.reports.get(), 20)


def test_a_successor_keeps_the_slots_and_removes_leftovers(device: Device) -> None:
    gone = ServiceKey("default", "gone")

    async def scenario() -> None:
        async with Term(Wire(device), 1) as first:
            first.sync.submit(WEB, 1, (port(3, 1),))
            first.sync.submit(gone, 1, (port(1, vip="203.0.113.99"),))
            assert {(await first.settled())[0], (await first.settled())[0]} == {WEB, gone}
        slots = [device.register_read("slots", i) for i in range(1024)]
        async with Term(Wire(device), 2) as second:
            second.sync.submit(WEB, 1, (port(3, 1),))
            assert (await second.settled())[0] == WEB
            second.sync.submit(gone, 2, ())
            await asyncio.sleep(0)
            assert second.reports.empty()
            second.sync.complete()
            assert await second.settled() == (gone, 2, ProgramResult(True))
            image = await holds(second.connection)
        keys = [cell for cell in image if cell.register is Register.SERVICE_KEYS]
        assert len(keys) == 1
        base = [cell.index for cell in image if cell.register is Register.SLOTS]
        assert all(slots[i] == image[Cell(Register.SLOTS, i)] for i in base)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_rebooted_switch_is_restored_by_itself(device: Device, p4kube_device: Callable[[], Device]) -> None:
    async def scenario() -> None:
        wire = Wire(device)
        async with Term(wire, 1) as term:
            term.sync.submit(WEB, 1, (port(3, 1, 2),))
            term.sync.complete()
            await term.settled()
            before = await holds(term.connection)
            replacement = p4kube_device()
            replacement.table_set_default("identity", "set_boot_id", [99])
            wire.device = replacement
            begin = asyncio.get_running_loop().time()
            while not any(replacement.register_read("service_keys", c.index) for c in _keys(before)):
                await asyncio.sleep(0.01)
            assert asyncio.get_running_loop().time() - begin < 2
            assert await holds(term.connection) == before

    asyncio.run(asyncio.wait_for(scenario(), 60))


def _keys(image: dict[Cell, int]) -> list[Cell]:
    return [cell for cell in image if cell.register is Register.SERVICE_KEYS]


def test_a_switch_without_room_says_so_and_others_are_served(device: Device) -> None:
    async def scenario() -> None:
        async with Term(Wire(device), 1) as term:
            crowd = tuple(NodeShare(IPv4Address("10.9.0.0") + i, 1) for i in range(20000))
            huge = ServicePort(IPv4Address("203.0.113.50"), 80, Protocol.TCP, 31000, crowd)
            term.sync.submit(ServiceKey("default", "huge"), 1, (huge,))
            term.sync.submit(WEB, 1, (port(1, 1),))
            reports = [await term.settled(), await term.settled()]
            results = {service: result for service, _, result in reports}
            assert results[WEB].accepted
            refused = results[ServiceKey("default", "huge")]
            assert refused.reason == "SwitchFull" and "s1" in refused.message and "10.9." in refused.message

    asyncio.run(asyncio.wait_for(scenario(), 60))
