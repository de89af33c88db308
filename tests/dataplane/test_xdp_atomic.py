"""@atomic on several processors at once: nothing is lost, nothing comes in between."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from p4xdp.ir import nodes as ir
from p4xdp.runtime import open_device
from p4xdp.runtime.testdevice import run
from p4xdp.targets.xdp import XdpOptions, compile_program

from . import ir_build as b

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="loads BPF programs")]

ETH = b.header("eth", dst=48, src=48, type=16)
FRAME = bytes(64)
RUNS = 200_000
ONE, OTHER = ir.Register("C.one", b.bits(64), 4), ir.Register("C.other", b.bits(32), 4)
WIDE = ir.Register("C.wide", b.bits(128), 2)
X, Y, W = b.var("x", 64), b.var("y", 32), b.var("w", 128)
AT = b.const(1, 8)


def increments(register: ir.Register, var: ir.Var) -> tuple[ir.Statement, ...]:
    """Read, add one, write."""
    return (
        ir.RegisterRead(var, register, AT),
        b.put(var, b.binary("+", b.load(var), 1)),
        ir.RegisterWrite(register, AT, b.load(var)),
    )


def program(*body: ir.Statement) -> ir.Program:
    start = ir.State("start", (ir.Extract(ETH),), "accept")
    body = (b.put(b.EGRESS_SPEC, 1), *body)
    return b.program([ETH], [start], body, variables=[X, Y, W], registers=[ONE, OTHER, WIDE])


def run_on_two_processors(built: ir.Program, folder: Path) -> dict[str, int]:
    """Runs it 2 * RUNS times, and gives the cells afterwards and the packets lost to contention."""
    compile_program(built, folder / "p.o", options=XdpOptions(mode="test"))
    with open_device(folder / "p.o") as device:
        threads = [Thread(target=run, args=(device.program, FRAME, RUNS)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cells = {r.name: device.register_read(r.name, 1) for r in built.registers}
        return cells | {"lost": device.faults()["contention in @atomic"]}


def test_one_cell_by_compare_and_exchange(tmp_path: Path) -> None:
    found = run_on_two_processors(program(ir.Atomic(increments(ONE, X))), tmp_path)
    assert found["C.one"] + found["lost"] == 2 * RUNS


def test_two_registers_under_a_lock(tmp_path: Path) -> None:
    both = ir.Atomic(increments(ONE, X) + increments(OTHER, Y))
    found = run_on_two_processors(program(both), tmp_path)
    assert (found["C.one"], found["C.other"], found["lost"]) == (2 * RUNS, 2 * RUNS, 0)


def test_a_read_outside_waits_for_the_lock(tmp_path: Path) -> None:
    """Both registers are equal whenever no block is under way; a reader counts where it finds otherwise."""
    other = b.var("z", 64)
    both = ir.Atomic(increments(ONE, X) + increments(OTHER, Y))
    look = (
        ir.Atomic((ir.RegisterRead(X, ONE, AT), ir.RegisterRead(Y, OTHER, AT))),
        ir.If(
            b.binary("!=", b.load(X), ir.Cast(b.load(Y), b.bits(64))),
            (ir.RegisterWrite(ir.Register("C.torn", b.bits(8), 2), AT, b.const(1, 8)),),
        ),
    )
    torn = ir.Register("C.torn", b.bits(8), 2)
    start = ir.State("start", (ir.Extract(ETH),), "accept")
    built = b.program([ETH], [start], (b.put(b.EGRESS_SPEC, 1), both, *look), variables=[X, Y, other],
                      registers=[ONE, OTHER, torn])  # fmt: skip
    found = run_on_two_processors(built, tmp_path)
    assert (found["C.one"], found["C.torn"]) == (2 * RUNS, 0)


def test_a_cell_of_128_bits_is_never_torn(tmp_path: Path) -> None:
    """Writes a pattern or its complement by turns; whoever reads a mixture says so."""
    ones = b.const((1 << 128) - 1, 128)
    body = (
        ir.RegisterRead(W, WIDE, AT),
        ir.If(
            ir.Binary("&&", b.binary("!=", b.load(W), 0), ir.Binary("!=", b.load(W), ones, ir.BOOL), ir.BOOL),
            (ir.RegisterWrite(OTHER, AT, b.const(1, 32)),),
        ),
        ir.RegisterWrite(WIDE, AT, ir.Unary("~", b.load(W), W.type)),
    )
    assert run_on_two_processors(program(*body), tmp_path)["C.other"] == 0


def test_leaving_an_atomic_block_commits_it(tmp_path: Path) -> None:
    """An exit from inside: what was written before it stays, what stands after it does not happen."""
    for inner in (increments(ONE, X), increments(ONE, X) + increments(OTHER, Y)):
        body = ir.Block("out", (ir.Atomic((*inner, ir.Leave("out"))), *increments(OTHER, Y)))
        compile_program(program(body), tmp_path / "p.o", options=XdpOptions(mode="test"))
        with open_device(tmp_path / "p.o") as device:
            for _ in range(3):
                device.send(0, FRAME)
            assert device.register_read("C.one", 1) == 3
            assert device.register_read("C.other", 1) == (3 if len(inner) > 3 else 0)
