"""The planner where it is easily wrong: shared node ports, crashes in the middle of a change, refusals."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

import msgspec
import pytest

from p4kube.controller.config import Switch
from p4kube.controller.dataplane import ACCEPTED, ProgramResult
from p4kube.controller.link.switches import Switches
from p4kube.model import NodeShare, Protocol, ServiceKey, ServicePort
from p4kube.plan import PlanError, Planner
from p4kube.wire import cells
from p4kube.wire.cells import Frontend
from p4kube.wire.message import Cell, Register, Write

NODES = [IPv4Address("192.0.2.1") + i for i in range(8)]
VIP = IPv4Address("203.0.113.10")
OTHER = IPv4Address("203.0.113.11")


def port(vip: IPv4Address, number: int, node_port: int, *nodes: IPv4Address) -> ServicePort:
    return ServicePort(vip, number, Protocol.TCP, node_port, tuple(NodeShare(n, 1) for n in nodes))


def frontend(p: ServicePort) -> Frontend:
    return Frontend(p.vip, p.port, p.protocol)


def reply_port(image: dict[Cell, int], node_port: int) -> int | None:
    target = cells.decode_node_port(image.get(cells.node_port_cell(Protocol.TCP, node_port), 0))
    return target.port if target else None


def after(writes: Sequence[Write], registers: dict[Cell, int] | None = None) -> dict[Cell, int]:
    return {**(registers or {}), **{w.cell: w.value for w in writes}}


def reachable(registers: dict[Cell, int]) -> dict[Cell, int]:
    """What `readback.read_back` reads: nodes, addresses, keys, and what the keys lead to."""
    whole = (Register.NODES, Register.NODE_ADDRESSES, Register.SERVICE_KEYS)
    wanted = [cell for cell in registers if cell.register in whole]
    for key in [c for c in wanted if c.register is Register.SERVICE_KEYS and registers[c]]:
        record_cell = Cell(Register.SERVICE_RECORDS, key.index)
        record = cells.decode_record(registers.get(record_cell, 0))
        served = cells.decode_frontend(registers[key])
        assert served is not None
        wanted += [record_cell, cells.node_port_cell(served.protocol, record.node_port)]
        wanted += [Cell(Register.SLOTS, record.base + i) for i in range(1 << record.log2)]
        wanted += [cells.member_cell(record.service_id, n)[0] for n in range(1, 64)]
    return {cell: registers[cell] for cell in wanted if registers.get(cell)}


def test_two_ports_may_swap_their_node_ports() -> None:
    planner = Planner()
    for p in (port(VIP, 80, 30080, NODES[0]), port(VIP, 443, 30443, NODES[0])):
        planner.serve(p)
    for p in (port(VIP, 80, 30443, NODES[0]), port(VIP, 443, 30080, NODES[0])):
        planner.serve(p)
    assert (reply_port(planner.image, 30443), reply_port(planner.image, 30080)) == (80, 443)


def test_a_leftover_that_is_swept_leaves_its_node_port_to_the_new_owner() -> None:
    before = Planner()
    leftover = port(VIP, 80, 30080, NODES[0])
    before.serve(leftover)
    planner = Planner.adopt(before.image)
    planner.serve(port(OTHER, 81, 30080, NODES[1]))
    planner.withdraw(frontend(leftover))
    assert reply_port(planner.image, 30080) == 81


def test_a_node_adopted_without_its_address_gets_it() -> None:
    served = port(VIP, 80, 30080, NODES[0])
    writes = Planner().serve(served)
    registers = after(writes[:1])
    assert writes[0].cell.register is Register.NODES
    registers = after(Planner.adopt(reachable(registers)).serve(served), registers)
    assert int(NODES[0]) in [
        registers.get(Cell(Register.NODE_ADDRESSES, i)) for i in cells.node_address_cells(NODES[0])
    ]


def test_slots_left_by_a_crash_do_not_become_another_service_s() -> None:
    writes = Planner().serve(port(VIP, 80, 30080, NODES[0]))
    assert writes[-1].cell.register is Register.SERVICE_KEYS
    registers = after(writes[:-1])
    empty = port(OTHER, 80, 30999)
    successor = Planner.adopt(reachable(registers))
    registers = after(successor.serve(empty), registers)
    record = successor.entries[frontend(empty)].record
    region = range(record.base, record.base + (1 << record.log2))
    assert not any(cells.decode_slot(registers.get(Cell(Register.SLOTS, i), 0)).current for i in region)


def _half_moved() -> tuple[dict[Cell, int], Frontend]:
    """The registers after a crash while a key stands in both of its cells."""
    planner, registers = Planner(), dict[Cell, int]()
    for i in range(4000):
        draw = random.Random(i)
        vip = IPv4Address(draw.getrandbits(32))
        writes = planner.serve(port(vip, draw.randrange(1, 65536), 1024 + i, NODES[i % 8]))
        keys = [n for n, w in enumerate(writes) if w.cell.register is Register.SERVICE_KEYS]
        if len(keys) > 1:
            moved = cells.decode_frontend(writes[keys[0]].value)
            assert moved is not None
            return after(writes[: keys[0] + 1], registers), moved
        registers = after(writes, registers)
    raise AssertionError("no key had to move")


def test_a_key_adopted_twice_is_withdrawn_twice() -> None:
    registers, moved = _half_moved()
    successor = Planner.adopt(reachable(registers))
    registers = after(successor.withdraw(moved), registers)
    stands = [registers.get(Cell(Register.SERVICE_KEYS, i)) for i in cells.frontend_cells(moved)]
    assert cells.encode_frontend(moved) not in stands


def test_a_refused_change_of_the_node_port_leaves_what_was_served() -> None:
    planner = Planner()
    planner.serve(port(VIP, 80, 30080, NODES[0]))
    crowd = (IPv4Address("10.9.0.0") + i for i in range(20000))
    with pytest.raises(PlanError):
        planner.serve(port(VIP, 80, 30081, *crowd))
    assert Frontend(VIP, 80, Protocol.TCP) in planner.entries


@pytest.mark.parametrize("refusing_first", [True, False])
def test_a_service_that_one_switch_refuses_is_not_accepted(refusing_first: bool) -> None:
    names = ("s1", "s2")
    switches = Switches([(msgspec.convert(_switch(n), Switch), 1, bytes(16)) for n in names], 900)
    reports: list[ProgramResult] = []
    switches.subscribe(lambda _, __, result: reports.append(result))
    service = ServiceKey("default", "web")
    generation = switches.submit(service, ())
    results: Iterable[ProgramResult] = (ProgramResult(False, "SwitchFull", "full"), ACCEPTED)
    for name, result in zip(names, results if refusing_first else reversed(tuple(results)), strict=True):
        switches._reporter(name)(service, generation, result)
    assert [r.accepted for r in reports] == [False]


def _switch(name: str) -> dict[str, object]:
    return {"name": name, "address": "192.0.2.1", "keysFile": "/keys"}
