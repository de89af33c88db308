"""The benchmark measures the packet it was given, every run, and says what it became."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p4xdp.device import CPU_PORT, OutputPacket
from p4xdp.ir import nodes as ir
from p4xdp.runtime import bench

from . import ir_build as b

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="loads BPF programs")]

OUTER = b.header("outer", a=32)
ETH = b.header("eth", dst=48, src=48, type=16)
COUNT = ir.Register("C.seen", b.bits(8), 1)
SEEN = b.var("seen", 8)
START = ir.State("start", (ir.Extract(ETH),), "accept")


def measure(*body: ir.Statement, headers: tuple[ir.Header, ...] = (ETH,)) -> bench.BenchResult:
    built = b.program(headers, [START], [b.put(b.EGRESS_SPEC, 3), *body], registers=[COUNT], variables=[SEEN])
    return bench.run(built, lambda device: None, bytes(range(64)), 1, rounds=3, repeat=5000)


def test_every_run_sees_the_original(tmp_path: Path) -> None:
    """A program that adds to a field would wander off otherwise, and one that adds a header would grow."""
    more = b.put(b.ref(ETH, "type"), b.binary("+", b.get(ETH, "type"), 1))
    result = measure(more)
    assert result.output == (OutputPacket(3, bytes(range(13)) + b"\x0e" + bytes(range(14, 64))),)
    push = (ir.SetValidity(OUTER, ir.Const(1, ir.BOOL)), b.put(b.ref(OUTER, "a"), 7))
    result = measure(*push, headers=(OUTER, ETH))
    assert result.output == (OutputPacket(3, b"\0\0\0\x07" + bytes(range(64))),)
    assert result.net.lowest <= result.net.median <= result.net.highest


def test_dropped_packets_can_be_measured() -> None:
    assert measure(b.put(b.EGRESS_SPEC, 511)).output == ()
    assert measure(b.put(b.EGRESS_SPEC, CPU_PORT)).output[0].port == CPU_PORT


def test_a_program_that_changes_its_mind_is_refused() -> None:
    toggle = (
        ir.RegisterRead(SEEN, COUNT, b.const(0, 1)),
        ir.RegisterWrite(COUNT, b.const(0, 1), b.binary("+", b.load(SEEN), 1)),
        b.put(b.EGRESS_SPEC, ir.Cast(b.load(SEEN), b.bits(9))),
    )
    with pytest.raises(bench.BenchError, match="differently from run to run"):
        measure(*toggle)
