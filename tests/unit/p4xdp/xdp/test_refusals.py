"""What the XDP target cannot carry is refused with its place, never compiled wrong."""

from __future__ import annotations

import dataclasses

import pytest
from tests.dataplane import ir_build as b

from p4xdp.ir import nodes as ir
from p4xdp.source import Span, Unsupported
from p4xdp.targets.xdp import XdpOptions, to_c

HERE = Span("x.p4", 7, 9, 3)
ETH = b.header("eth", dst=48, src=48, type=16)
START = ir.State("start", (ir.Extract(ETH),), "accept", HERE)
WIDE = b.var("wide", 128)
X = b.var("x", 32)
REGISTER = ir.Register("r", b.bits(32), 8, span=HERE)
COUNTER = ir.Counter("c", 8, "packets")


def refused(*ingress: ir.Statement, states: tuple[ir.State, ...] = (START,), **more: object) -> str:
    with pytest.raises(Unsupported) as caught:
        to_c(b.program([ETH], states, ingress, **more), XdpOptions())  # type: ignore[arg-type]
    assert caught.value.span == HERE, caught.value
    return caught.value.message


def wide(op: ir.BinaryOp) -> ir.Assign:
    return ir.Assign(WIDE, ir.Binary(op, ir.Load(WIDE), ir.Load(WIDE), WIDE.type, HERE), HERE)


def table(kind: ir.MatchKind, *more: ir.TableKey) -> ir.Table:
    key = ir.TableKey("k", ir.Load(X, HERE), kind)
    return ir.Table("t", (key, *more), (ir.Action("a", (), ()),), ir.ActionCall(0), span=HERE)


def test_wide_multiplication() -> None:
    assert "no '*' on 128 bits" in refused(wide("*"), variables=[WIDE])


def test_more_than_128_bits() -> None:
    huge = ir.Var("huge", b.bits(200), HERE)
    inverted = ir.Unary("~", ir.Load(huge, HERE), huge.type, HERE)
    assert "at most 128" in refused(ir.Assign(huge, inverted, HERE))


def test_shift_of_wide_by_variable() -> None:
    shift = ir.Binary("<<", ir.Load(WIDE), ir.Load(X), WIDE.type, HERE)
    assert "only by a constant" in refused(ir.Assign(WIDE, shift, HERE))


def test_signed_division() -> None:
    signed = ir.Var("s", ir.Bits(8, signed=True))
    division = ir.Binary("/", ir.Load(signed), ir.Load(signed), signed.type, HERE)
    assert "signed '/'" in refused(ir.Assign(signed, division, HERE))


def test_multicast() -> None:
    group = b.var("standard_metadata.mcast_grp", 16)
    assert "multicast" in refused(ir.Assign(group, b.const(1, 16), HERE))


def test_parser_loop() -> None:
    states = (
        ir.State("start", (), b.select(b.load(X), {1: "again"}), HERE),
        ir.State("again", (), "start", HERE),
    )
    assert "loops at state start" in refused(states=states)


@pytest.mark.parametrize("kind", ["ternary", "range", "optional", "selector"])
def test_match_kinds(kind: ir.MatchKind) -> None:
    refusing = table(kind)
    assert f"no map for {kind} keys" in refused(ir.ApplyTable(refusing, span=HERE), tables=[refusing])


def test_lpm_before_exact() -> None:
    refusing = table("lpm", ir.TableKey("k2", ir.Load(X), "exact"))
    assert "one lpm key, and that as the last" in refused(ir.ApplyTable(refusing), tables=[refusing])


def test_count_inside_atomic() -> None:
    block = ir.Atomic((ir.RegisterRead(X, REGISTER, b.const(0, 8)), ir.Count(COUNTER, b.const(0, 8), HERE)))
    assert "inside @atomic" in refused(block, registers=[REGISTER], counters=[COUNTER])


def test_table_inside_atomic() -> None:
    exact = table("exact")
    assert "apply a table inside @atomic" in refused(
        ir.Atomic((ir.RegisterRead(X, REGISTER, b.const(0, 8)), ir.ApplyTable(exact, span=HERE))),
        registers=[REGISTER],
        tables=[exact],
    )


def test_header_of_odd_bits() -> None:
    odd = ir.Header("hdr.odd", "odd_t", (ir.HeaderField("f", b.bits(3), 0),), 3, HERE)
    with pytest.raises(Unsupported, match="whole bytes") as caught:
        to_c(b.program([odd], [ir.State("start", (ir.Extract(odd),), "accept")], []), XdpOptions())
    assert caught.value.span == HERE


def deparser_refused(body: ir.Body, complaint: str) -> None:
    program = dataclasses.replace(b.program([ETH], [START], []), deparser=body)
    with pytest.raises(Unsupported, match=complaint) as caught:
        to_c(program, XdpOptions())
    assert caught.value.span == HERE


def test_emitted_twice() -> None:
    deparser_refused((ir.Emit(ETH), ir.Emit(ETH, HERE)), "emitted twice")


def test_assignment_in_the_deparser() -> None:
    deparser_refused((ir.Assign(X, b.const(1, 32), HERE),), r"emit\(\) calls only")
