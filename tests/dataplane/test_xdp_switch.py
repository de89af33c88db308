"""A program on real interfaces: ports, takeover by the next process, replacement without a gap."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from p4xdp.device import DeviceError
from p4xdp.ir import nodes as ir
from p4xdp.ir.nodes import KeySet
from p4xdp.runtime import AttachError, LoadError, Switch, TableEntry, open_switch
from p4xdp.targets.xdp import compile_program

from . import ir_build as b
from .xdp_network import Network, bpf_file_system, network

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="attaches XDP programs")]

FRAME = bytes.fromhex("020000000002 020000000001 88b5") + b"payload" * 8


def forwarder(mark: int, *, registers: int = 4) -> ir.Program:
    """Sends by ingress port through a table, counts, and writes `mark` into the Ethernet type's last byte."""
    eth = b.header("eth", dst=48, src=48, kind=8, mark=8)
    port, seen = b.var("C.forward.port", 9), b.var("seen", 32)
    forward = ir.Action("C.forward", (port,), (b.put(b.EGRESS_SPEC, b.load(port)),))
    drop = ir.Action("C.drop", (), (b.put(b.EGRESS_SPEC, 511),))
    table = ir.Table(
        "C.ports", (ir.TableKey("port", b.load(b.INGRESS_PORT), "exact"),), (forward, drop), ir.ActionCall(1)
    )
    register = ir.Register("C.seen", b.bits(32), registers)
    counter = ir.Counter("C.frames", 8, "packets_and_bytes")
    index = ir.Slice(b.load(b.INGRESS_PORT), 1, 0, b.bits(2))
    body = (
        ir.RegisterRead(seen, register, index),
        ir.RegisterWrite(register, index, b.binary("+", b.load(seen), 1)),
        ir.Count(counter, index),
        b.put(b.ref(eth, "mark"), mark),
        ir.ApplyTable(table),
    )
    return b.program(
        [eth], [ir.State("start", (ir.Extract(eth),), "accept")], body,
        variables=[b.INGRESS_PORT, seen], tables=[table], registers=[register], counters=[counter],
    )  # fmt: skip


@pytest.fixture
def net() -> Iterator[Network]:
    with network("p4xdp-switch") as built:
        yield built


@pytest.fixture
def pins(tmp_path: Path) -> Iterator[Path]:
    with bpf_file_system(tmp_path / "bpf") as folder:
        yield folder / "p4"


def start(switch: Switch, net: Network) -> None:
    switch.table_add("ports", [KeySet("exact", 0)], "forward", [1])
    switch.table_add("ports", [KeySet("exact", 1)], "forward", [0])
    with net.inside("sw"):
        switch.activate()
        switch.attach(0, net.interface("a"))
        switch.attach(1, net.interface("b"))


def marked(mark: int) -> bytes:
    return FRAME[:13] + bytes([mark]) + FRAME[14:]


def test_forwards_and_outlives_its_process(net: Network, pins: Path, tmp_path: Path) -> None:
    compile_program(forwarder(1), tmp_path / "one.o")
    switch = open_switch(tmp_path / "one.o", pins)
    assert switch.fresh
    start(switch, net)
    assert switch.attached() == {0: net.interface("a"), 1: net.interface("b")}
    net.send("a", FRAME)
    assert net.receive("b") == marked(1)
    switch.close()
    net.send("b", FRAME)
    assert net.receive("a") == marked(1)

    again = open_switch(tmp_path / "one.o", pins)
    assert not again.fresh
    assert [again.register_read("seen", i) for i in range(3)] == [1, 1, 0]
    assert again.counter_read("frames", 0) == (1, len(FRAME))
    assert TableEntry((KeySet("exact", 0),), "C.forward", (1,)) in again.table_entries("ports")
    assert again.attached() == {0: net.interface("a"), 1: net.interface("b")}
    again.remove()
    again.close()
    assert not list(pins.parent.glob("p4/**/*"))


def test_new_program_takes_over_the_state(net: Network, pins: Path, tmp_path: Path) -> None:
    compile_program(forwarder(1), tmp_path / "one.o")
    compile_program(forwarder(2), tmp_path / "two.o")
    switch = open_switch(tmp_path / "one.o", pins)
    start(switch, net)
    switch.close()
    new = open_switch(tmp_path / "two.o", pins)
    assert not new.fresh
    net.send("a", FRAME)
    assert net.receive("b") == marked(1)
    with net.inside("sw"):
        new.activate()
    net.send("a", FRAME)
    assert net.receive("b") == marked(2)
    assert new.register_read("seen", 0) == 2
    new.remove()
    new.close()


def test_another_layout_starts_afresh_without_a_gap(net: Network, pins: Path, tmp_path: Path) -> None:
    compile_program(forwarder(1), tmp_path / "one.o")
    compile_program(forwarder(3, registers=8), tmp_path / "three.o")
    switch = open_switch(tmp_path / "one.o", pins)
    start(switch, net)
    switch.close()
    new = open_switch(tmp_path / "three.o", pins)
    assert new.fresh and new.table_entries("ports") == []
    new.table_add("ports", [KeySet("exact", 0)], "forward", [1])
    net.send("a", FRAME)
    assert net.receive("b") == marked(1)
    with net.inside("sw"):
        new.activate()
    net.send("a", FRAME)
    assert net.receive("b") == marked(3)
    assert new.register_read("seen", 0) == 1
    new.remove()
    new.close()


def test_ports_come_and_go(net: Network, pins: Path, tmp_path: Path) -> None:
    compile_program(forwarder(1), tmp_path / "one.o")
    switch = open_switch(tmp_path / "one.o", pins)
    start(switch, net)
    with net.inside("sw"):
        switch.detach(1)
        assert switch.attached() == {0: net.interface("a")}
        net.send("a", FRAME)
        assert net.receive("b", 0.3) is None
        assert switch.faults()["no such egress port"] == 1
        switch.attach(1, net.interface("b"))
        net.send("a", FRAME)
        assert net.receive("b") == marked(1)
        switch.attach(2, net.interface("b"))
        assert switch.attached() == {0: net.interface("a"), 2: net.interface("b")}
        net.delete_link("b")
        assert switch.attached() == {0: net.interface("a")}
    switch.remove()
    switch.close()


def test_refusals_say_what_to_do(net: Network, pins: Path, tmp_path: Path) -> None:
    compile_program(forwarder(1), tmp_path / "one.o")
    with pytest.raises(LoadError, match="mount -t bpf"):
        open_switch(tmp_path / "one.o", tmp_path / "elsewhere")
    switch = open_switch(tmp_path / "one.o", pins)
    switch.activate()
    with net.inside("sw"), pytest.raises(AttachError, match="no interface 4711"):
        switch.attach(0, 4711)
    with pytest.raises(AttachError, match="0 to 509"):
        switch.attach(510, 1)
    with pytest.raises(DeviceError, match=r"action C\.forward takes 1 arguments"):
        switch.table_add("ports", [KeySet("exact", 0)], "forward", [])
    with pytest.raises(DeviceError, match=r"the program has C\.ports"):
        switch.table_add("nonsense", [], "forward", [])
    switch.remove()
    switch.close()
