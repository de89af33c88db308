"""What the C text does not contain: the reasons why compiled programs are fast."""

from __future__ import annotations

import pytest
from tests.dataplane import ir_build as b

from p4xdp.ir import nodes as ir
from p4xdp.targets.xdp import XdpOptions, to_c

ETH = b.header("eth", dst=48, src=48, type=16)
IP = b.header("ip", ver=8, tos=8, len=16, rest=32, ttl=8, proto=8, csum=16, src=32, dst=32)
OUTER = b.header("outer", a=32)
STATES = (
    ir.State("start", (ir.Extract(ETH),), b.select(b.get(ETH, "type"), {0x800: "ip"})),
    ir.State("ip", (ir.Extract(IP),), "accept"),
)


def text(*ingress: ir.Statement, headers: tuple[ir.Header, ...] = (ETH, IP), **more: object) -> str:
    program = b.program(headers, STATES, ingress, **more)  # type: ignore[arg-type]
    return to_c(program, XdpOptions(mode="switch"))[0].split('SEC("xdp")')[1]


def test_unchanged_layout_needs_no_deparser() -> None:
    body = text(ir.If(b.valid(IP), (b.put(b.ref(IP, "ttl"), 3),)))
    assert "adjust_head" not in body and "scratch" not in body


def test_only_the_assigned_field_is_stored() -> None:
    body = text(ir.If(b.valid(IP), (b.put(b.ref(IP, "ttl"), 3),)))
    stores = [line for line in body.splitlines() if line.strip().startswith("(*(a")]
    assert len(stores) == 1 and "+ 8)) = (u8)" in stores[0]


def test_validity_known_from_the_parser_is_not_tested_again() -> None:
    inner = b.header("inner", x=8)
    states = (*STATES[:1], ir.State("ip", (ir.Extract(IP), ir.Extract(inner)), "accept"))
    program = b.program(
        (ETH, IP, inner), states, [ir.If(b.valid(inner), (b.put(b.ref(IP, "ttl"), b.get(IP, "ttl")),
                                                          b.put(b.ref(IP, "tos"), b.get(IP, "proto"))))],
    )  # fmt: skip
    body = to_c(program, XdpOptions())[0].split('SEC("xdp")')[1]
    assert "scratch" not in body
    copied = next(line for line in body.splitlines() if "+ 9))" in line)
    assert "?" not in copied


def test_a_flag_carries_what_was_known_where_it_was_set() -> None:
    flag = ir.Var("flag", ir.BOOL)
    body = text(
        ir.If(b.valid(IP), (ir.Assign(flag, ir.Const(1, ir.BOOL)),)),
        ir.If(ir.Load(flag), (b.put(b.ref(IP, "ttl"), 3),)),
        variables=[flag],
    )
    assert "scratch" not in body


def test_a_flag_set_elsewhere_too_carries_nothing() -> None:
    flag = ir.Var("flag", ir.BOOL)
    body = text(
        ir.If(b.valid(IP), (ir.Assign(flag, ir.Const(1, ir.BOOL)),)),
        ir.If(b.binary("==", b.load(b.PACKET_LENGTH), 60), (ir.Assign(flag, ir.Const(1, ir.BOOL)),)),
        ir.If(ir.Load(flag), (b.put(b.ref(IP, "ttl"), 3),)),
        variables=[flag, b.PACKET_LENGTH],
    )
    assert "scratch_memory()" in body


def test_one_of_two_headers_is_valid_if_the_other_is_not() -> None:
    other = b.header("other", x=8)
    states = (
        ir.State("start", (ir.Extract(ETH),), b.select(b.get(ETH, "type"), {0x800: "ip", 1: "other"})),
        STATES[1],
        ir.State("other", (ir.Extract(other),), "accept"),
    )
    either = ir.Binary("||", b.valid(IP), b.valid(other), ir.BOOL)
    inside = ir.If(b.valid(IP), (b.put(b.ref(IP, "ttl"), 3),), (b.put(b.ref(other, "x"), 3),))
    program = b.program((ETH, IP, other), states, [ir.If(either, (inside,))])
    assert "scratch" not in to_c(program, XdpOptions())[0].split('SEC("xdp")')[1]


def test_the_clock_is_read_once_and_only_where_it_is_wanted() -> None:
    x = b.var("x", 48)
    wanted = (b.put(x, b.load(b.TIME)), b.put(x, b.binary("+", b.load(x), b.load(b.TIME))))
    body = text(ir.If(b.valid(IP), wanted), variables=[b.TIME, x])
    assert body.count("= now()") == 1
    assert body.index("(m0 & 0x2ull) ?") < body.index("= now()")


def test_the_ingress_port_is_looked_up_only_if_it_is_read() -> None:
    assert "ingress_ifindex" not in text()
    assert "ingress_ifindex" in text(b.put(b.EGRESS_SPEC, b.load(b.INGRESS_PORT)), variables=[b.INGRESS_PORT])


@pytest.mark.parametrize("size, guarded", [(256, False), (255, True), (1, True)])
def test_an_index_that_cannot_be_out_of_bounds_is_not_tested(size: int, guarded: bool) -> None:
    register = ir.Register("r", b.bits(32), size)
    index = ir.Cast(b.get(ETH, "dst"), b.bits(8))
    body = text(ir.RegisterWrite(register, ir.Cast(index, b.bits(32)), b.const(1, 32)), registers=[register])
    assert (f"< {size}ull" in body) == guarded


def test_a_new_header_makes_the_deparser() -> None:
    body = text(ir.SetValidity(OUTER, ir.Const(1, ir.BOOL)), headers=(OUTER, ETH, IP))
    assert "adjust_head" in body


def test_headers_out_of_order_make_the_deparser() -> None:
    body = text(emit=[IP, ETH])
    assert "adjust_head" in body
