"""The manifest: what an object says about itself, and when maps may be taken over."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.dataplane import ir_build as b

from p4xdp.ir import nodes as ir
from p4xdp.runtime.elf import ObjectError, read_manifest
from p4xdp.targets.xdp import XdpOptions, compile_program, manifest, to_c
from p4xdp.targets.xdp.clang import Compiler, find_compiler

ETH = b.header("eth", dst=48, src=48, type=16)
PORT = b.var("C.go.port", 9)
GO = ir.Action("C.go", (PORT,), (b.put(b.EGRESS_SPEC, b.load(PORT)),))


def program(*, size: int = 64, mark: int = 1, name: str = 'C.t"é\\') -> ir.Program:
    keys = (ir.TableKey("k", b.get(ETH, "dst"), "exact"),)
    table = ir.Table(name, keys, (GO,), ir.ActionCall(0, (5,)), size=size)
    body = (ir.ApplyTable(table), b.put(b.ref(ETH, "type"), mark))
    register = ir.Register("C.r", b.bits(48), 100, 7)
    return b.program([ETH], [ir.State("start", (ir.Extract(ETH),), "accept")], body, tables=[table],
                     registers=[register], counters=[ir.Counter("C.c", 3, "bytes")])  # fmt: skip


def test_stays_in_the_object(tmp_path: Path) -> None:
    compile_program(program(), tmp_path / "p.o")
    _, expected = to_c(program(), XdpOptions())
    found = read_manifest(tmp_path / "p.o")
    assert found == expected
    table = found.tables[0]
    assert (table.name, table.kind, table.size) == ('C.t"é\\', "hash", 64)
    assert table.actions[0].parameters == (manifest.Field("port", 9, 4, 2),)
    assert (found.registers[0].cell, found.registers[0].initial) == (8, "7")


@pytest.mark.parametrize(
    "other, same", [(program(mark=2), True), (program(size=65), False), (program(name="C.u"), False)]
)
def test_layout_says_whether_maps_fit(other: ir.Program, same: bool) -> None:
    _, first = to_c(program(), XdpOptions())
    _, second = to_c(other, XdpOptions())
    assert (first.layout == second.layout) == same


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"nothing of the kind")
    with pytest.raises(ObjectError, match="not a 64-bit"):
        read_manifest(tmp_path / "x")
    with pytest.raises(ObjectError, match="No such file"):
        read_manifest(tmp_path / "y")


def test_both_compilers_work(tmp_path: Path) -> None:
    pytest.importorskip("ziglang")
    import sys

    from p4xdp.targets.xdp.clang import ZIG_ARGUMENTS, compile_c

    text, expected = to_c(program(), XdpOptions())
    (tmp_path / "p.c").write_text(text)
    zig = Compiler((sys.executable, "-m", "ziglang", *ZIG_ARGUMENTS), "ziglang")
    for compiler in (zig, find_compiler()):
        compile_c(tmp_path / "p.c", tmp_path / "p.o", compiler)
        assert read_manifest(tmp_path / "p.o") == expected
