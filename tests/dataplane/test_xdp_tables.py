"""Tables of every kind in the kernel: fill, replace, delete, list, overflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p4xdp.device import DeviceError
from p4xdp.ir import nodes as ir
from p4xdp.ir.nodes import KeySet
from p4xdp.runtime import TableEntry, TestDevice, open_device
from p4xdp.targets.xdp import XdpOptions, compile_program

from . import ir_build as b

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="loads BPF programs")]

ETH = b.header("eth", dst=48, src=48, type=16)
PORT = b.var("C.to.port", 9)
TO = ir.Action("C.to", (PORT,), (b.put(b.EGRESS_SPEC, b.load(PORT)),))
DROP = ir.Action("C.drop", (), (b.put(b.EGRESS_SPEC, 511),))
KINDS = {
    "array": (b.get(ETH, "type"), "exact", 16),
    "hash": (b.get(ETH, "dst"), "exact", 48),
    "trie": (ir.Slice(b.get(ETH, "dst"), 31, 0, b.bits(32)), "lpm", 32),
    "lpm": (b.get(ETH, "dst"), "lpm", 48),
}


@contextmanager
def device(kind: str, folder: Path, **more: object) -> Iterator[TestDevice]:
    expr, match, _ = KINDS[kind]
    table = ir.Table("C.t", (ir.TableKey("k", expr, match),), (TO, DROP), ir.ActionCall(1), size=4, **more)  # type: ignore[arg-type]
    built = b.program(
        [ETH], [ir.State("start", (ir.Extract(ETH),), "accept")], [ir.ApplyTable(table)], tables=[table]
    )
    compile_program(built, folder / "p.o", options=XdpOptions(mode="test"))
    with open_device(folder / "p.o") as opened:
        assert opened.manifest.tables[0].kind == (kind if not more else "const")
        yield opened


def key(kind: str, value: int) -> KeySet:
    _, match, width = KINDS[kind]
    return KeySet("exact", value) if match == "exact" else KeySet("mask", value, (1 << width) - 1)


def port_of(opened: TestDevice, value: int) -> int | None:
    frame = value.to_bytes(6, "big") + bytes(6) + (value & 0xFFFF).to_bytes(2, "big")
    sent = opened.send(0, frame)
    return sent[0].port if sent else None


@pytest.mark.parametrize("kind", KINDS)
def test_life_of_a_table(kind: str, tmp_path: Path) -> None:
    with device(kind, tmp_path) as opened:
        for value in (1, 2, 3, 4):
            opened.table_add("t", [key(kind, value)], "to", [value])
        assert [port_of(opened, value) for value in range(6)] == [None, 1, 2, 3, 4, None]
        opened.table_add("t", [key(kind, 2)], "to", [20])
        opened.table_add("t", [key(kind, 3)], "drop", [])
        opened.table_delete("t", [key(kind, 1)])
        opened.table_set_default("t", "to", [9])
        assert [port_of(opened, value) for value in range(6)] == [9, 9, 20, None, 4, 9]
        entries = {
            TableEntry((key(kind, v),), a, p)
            for v, a, p in ((2, "C.to", (20,)), (3, "C.drop", ()), (4, "C.to", (4,)))
        }
        assert set(opened.table_entries("t")) == entries
        assert opened.table_default("t") == TableEntry((), "C.to", (9,))
        with pytest.raises(DeviceError, match="no entry with these keys"):
            opened.table_delete("t", [key(kind, 1)])


@pytest.mark.parametrize("kind", ["hash", "trie", "lpm"])
def test_full(kind: str, tmp_path: Path) -> None:
    with device(kind, tmp_path) as opened:
        for value in range(1, 5):
            opened.table_add("t", [key(kind, value)], "to", [value])
        with pytest.raises(DeviceError, match=r"table C\.t is full \(4 entries\)"):
            opened.table_add("t", [key(kind, 5)], "to", [5])
        opened.table_add("t", [key(kind, 4)], "to", [40])
        assert port_of(opened, 4) == 40


def test_replacing_over_and_over_finds_room(tmp_path: Path) -> None:
    with device("array", tmp_path) as opened:
        for number in range(300):
            opened.table_add("t", [key("array", 7)], "to", [number % 500])
            assert port_of(opened, 7) == number % 500


def test_constant_entries(tmp_path: Path) -> None:
    entries = (
        ir.Entry((KeySet("mask", 0x10, 0xF0),), ir.ActionCall(0, (1,)), 2),
        ir.Entry((KeySet("range", 0x12, 0x14),), ir.ActionCall(0, (2,)), 1),
        ir.Entry((KeySet("any"),), ir.ActionCall(0, (3,)), 3),
    )
    with device("hash", tmp_path, entries=entries, default_const=True) as opened:
        assert [port_of(opened, v) for v in (0x11, 0x13, 0x1F, 0x99)] == [1, 2, 1, 3]
        with pytest.raises(DeviceError, match="constant entries: nothing can be added"):
            opened.table_add("t", [key("hash", 1)], "to", [1])
        with pytest.raises(DeviceError, match="constant default"):
            opened.table_set_default("t", "to", [1])


def test_entries_that_may_change_are_there_at_the_start(tmp_path: Path) -> None:
    entries = (ir.Entry((KeySet("exact", 5),), ir.ActionCall(0, (7,)), const=False),)
    expr, match, _ = KINDS["hash"]
    table = ir.Table(
        "C.t", (ir.TableKey("k", expr, match),), (TO, DROP), ir.ActionCall(0, (8,)), entries=entries
    )  # type: ignore[arg-type]
    built = b.program(
        [ETH], [ir.State("start", (ir.Extract(ETH),), "accept")], [ir.ApplyTable(table)], tables=[table]
    )
    compile_program(built, tmp_path / "p.o", options=XdpOptions(mode="test"))
    with open_device(tmp_path / "p.o") as opened:
        assert (port_of(opened, 5), port_of(opened, 6)) == (7, 8)
        opened.table_delete("t", [KeySet("exact", 5)])
        assert port_of(opened, 5) == 8
