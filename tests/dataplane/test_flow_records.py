"""Flow records where they are easily wrong: the clock that wraps, quiet connections, reused ids."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from p4kube.controller.dataplane import StaleEpoch
from p4kube.controller.link.errors import Rebooted
from p4kube.model import Protocol
from p4kube.plan import Planner
from p4kube.wire import contract
from p4kube.wire.cells import Frontend
from p4kube.wire.flow import flow_key, permute
from p4kube.wire.message import Cell, Register, Write
from p4xdp.device import KeySet
from p4xdp.ir.nodes import Program
from p4xdp.targets.sim import SimDevice
from tests.dataplane import topology as net
from tests.dataplane.test_connections import VIP, Traffic
from tests.dataplane.test_link import Wire

FIRST, SECOND, THIRD = (host.ip for host in net.NODES[:3])


@pytest.mark.parametrize("ticks", [3, 100, 400, 509, 515, 530])
def test_an_idle_udp_flow_stays_forgotten_when_the_clock_wraps(p4kube_program: Program, ticks: int) -> None:
    traffic = Traffic(p4kube_program, Protocol.UDP, 1)
    traffic.scale({FIRST: 1, SECOND: 0})
    for _ in range(40):
        traffic.open({FIRST: 1})
    traffic.scale({FIRST: 1, SECOND: 1})
    traffic.wait(ticks)
    assert [p for p in traffic.connections if traffic.send(p, "") != traffic.owner(p)] == []


def test_a_connection_that_was_quiet_for_two_hours_is_not_taken_for_closing(p4kube_program: Program) -> None:
    traffic = Traffic(p4kube_program, Protocol.TCP, 1)
    traffic.scale({FIRST: 1, SECOND: 0})
    traffic.open({FIRST: 1})
    traffic.scale({FIRST: 0, SECOND: 1})
    traffic.use(traffic.next_port)
    traffic.wait(contract.FLOW_TCP_TICKS - 1)
    traffic.use(traffic.next_port)
    record = traffic.planner.entries[Frontend(VIP, 80, Protocol.TCP)].record
    key = flow_key(IPv4Address(net.CLIENT.ip), traffic.next_port, record.service_id)
    entry = traffic.device.register_read("flows0", permute(key, traffic.secret) & contract.FLOW_CELLS - 1)
    left = (entry - (traffic.microseconds >> contract.FLOW_TICK.low)) % 512
    assert left == contract.FLOW_TCP_TICKS and not entry >> 9 & 1


def test_a_syn_alone_is_not_remembered_for_long(p4kube_program: Program) -> None:
    traffic = Traffic(p4kube_program, Protocol.TCP, 1)
    traffic.scale({FIRST: 1, SECOND: 0})
    traffic.open({FIRST: 1})
    traffic.scale({FIRST: 0, SECOND: 1})
    lonely, alive = 50000, 50001
    for port in (lonely, alive):
        assert traffic.send(port, "S") == SECOND
    assert traffic.send(alive, "A") == SECOND
    traffic.wait(contract.FLOW_OPENING_TICKS + 1)
    assert traffic.send(alive, "A") == SECOND
    assert traffic.send(lonely, "A") == FIRST  # unknown by now, and so the previous owner's


def test_a_closed_connection_of_a_former_service_moves_none_of_a_new_one(p4kube_program: Program) -> None:
    traffic = Traffic(p4kube_program, Protocol.TCP, 1)
    traffic.scale({FIRST: 1, SECOND: 0, THIRD: 0})
    traffic.connections = {1: FIRST}
    traffic.scale({FIRST: 0, SECOND: 1, THIRD: 0})
    ports = range(2000, 2100)
    for port in ports:
        traffic.send(port, "S")
        traffic.send(port, "FA")
    for write in traffic.planner.withdraw(Frontend(VIP, 80, Protocol.TCP)):
        traffic.device.register_write(write.cell.register.name.lower(), write.cell.index, write.value)
    traffic.wait(20)
    traffic.planner = Planner.adopt(traffic.planner.image)
    traffic.scale({SECOND: 1, THIRD: 1})
    opened = {port: traffic.send(port, "S") for port in ports}
    assert {port: traffic.send(port, "A") for port in ports} == opened
    traffic.connections = {9: SECOND, 10: THIRD}
    traffic.scale({SECOND: 1, THIRD: 3})
    assert [port for port in ports if traffic.send(port, "A") != opened[port]] == []


def test_writes_of_two_controllers_with_one_epoch_are_not_lost_in_silence(p4kube_program: Program) -> None:
    device = SimDevice(p4kube_program)
    k0, k1 = (int.from_bytes(net.KEY[i : i + 8], "little") for i in (0, 8))
    own = net.mac_number(net.CONTROLLER.switch_mac)
    device.table_add("ports", [KeySet("exact", net.CONTROLLER.port)], "set_own_mac", [own])
    device.table_set_default("identity", "set_boot_id", [net.BOOT_ID])
    address = KeySet("exact", int(IPv4Address(net.SWITCH_IP)))
    device.table_add("update_addresses", [address], "NoAction", [])
    device.table_add("update_keys", [KeySet("exact", net.KEY_ID)], "set_key", [k0, k1])

    async def scenario() -> None:
        one, two = Wire(device).connect(5), Wire(device).connect(5)
        await one.hello()
        await two.hello()
        await one.write([Write(Cell(Register.NODES, i), 11) for i in range(32)])
        try:
            await two.write([Write(Cell(Register.NODES, 100), 22)])
        except (StaleEpoch, Rebooted):
            return
        assert device.register_read("nodes", 100) == 22

    asyncio.run(asyncio.wait_for(scenario(), 30))
