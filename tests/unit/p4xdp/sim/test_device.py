"""The simulator on IR built by hand."""

from __future__ import annotations

import pytest

from p4xdp.device import CPU_PORT, DeviceError, OutputPacket
from p4xdp.ir import nodes as ir
from p4xdp.targets.sim import SimDevice

B8, B16 = ir.Bits(8), ir.Bits(16)
SPEC = ir.Var("standard_metadata.egress_spec", ir.Bits(9))
ERROR = ir.Var("standard_metadata.parser_error", ir.Bits(32))
PORT = ir.Var("standard_metadata.ingress_port", ir.Bits(9))
X = ir.Var("x", B16)
H = ir.Header(
    "hdr.h",
    "h_t",
    (
        ir.HeaderField("kind", B8, 0),
        ir.HeaderField("low", ir.Bits(4), 8),
        ir.HeaderField("high", ir.Bits(4), 12),
    ),
    16,
)
KIND = ir.FieldRef(H, H.find("kind"))
ERRORS = ("NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds")


def const(value: int, width: int, signed: bool = False) -> ir.Const:
    return ir.Const(value, ir.Bits(width, signed))


def program(ingress: ir.Body, **changes: object) -> ir.Program:
    parts: dict[str, object] = {
        "source": "test.p4",
        "variables": (SPEC, ERROR, PORT, X),
        "headers": (H,),
        "parser": ir.Parser("P", (ir.State("start", (ir.Extract(H),), "accept"),)),
        "verify": (),
        "ingress": ingress,
        "egress": (),
        "compute": (),
        "deparser": (ir.Emit(H),),
        "tables": (),
        "registers": (),
        "counters": (),
        "errors": ERRORS,
    }
    return ir.Program(**(parts | changes))  # type: ignore[arg-type]


def send(p: ir.Program, data: str = "0a1bffff") -> list[OutputPacket]:
    return SimDevice(p).send(1, bytes.fromhex(data))


def evaluate(expr: ir.Expr, x: int = 0) -> int:
    """The value of `expr` of 16 bits with X = x, seen as hdr.h."""
    target = ir.Header("hdr.r", "r_t", (ir.HeaderField("v", B16, 0),), 16)
    place = ir.FieldRef(target, target.find("v"))
    body = (
        ir.Assign(X, const(x, 16)),
        ir.SetValidity(target, ir.Const(1, ir.BOOL)),
        ir.Assign(place, expr),
    )
    (out,) = send(program(body, headers=(H, target), deparser=(ir.Emit(target),)), "0a1b")
    return int.from_bytes(out.data, "big")


def test_unparsed_payload_follows_the_headers_and_port_0_is_the_default() -> None:
    assert send(program(())) == [OutputPacket(0, bytes.fromhex("0a1bffff"))]


def test_fields_are_cut_and_put_back_by_their_offsets() -> None:
    low, high = ir.FieldRef(H, H.find("low")), ir.FieldRef(H, H.find("high"))
    swapped = (
        ir.Assign(ir.Var("t", ir.Bits(4)), ir.Load(low)),
        ir.Assign(low, ir.Load(high)),
        ir.Assign(high, ir.Load(ir.Var("t", ir.Bits(4)))),
    )
    p = program(swapped, variables=(SPEC, ERROR, ir.Var("t", ir.Bits(4))))
    assert send(p)[0].data.hex() == "0ab1ffff"


def test_511_drops_and_510_is_the_local_stack() -> None:
    assert send(program((ir.Assign(SPEC, const(511, 9)),))) == []
    assert send(program((ir.Assign(SPEC, const(510, 9)),)))[0].port == CPU_PORT


def test_egress_drops_too_but_does_not_see_the_ingress_choice() -> None:
    ingress = (ir.Assign(SPEC, const(7, 9)),)
    same = ir.Binary("==", ir.Load(SPEC), const(7, 9), ir.BOOL)
    assert send(program(ingress, egress=(ir.If(same, (ir.Assign(SPEC, const(511, 9)),)),)))[0].port == 7
    assert send(program(ingress, egress=(ir.Assign(SPEC, const(511, 9)),))) == []


def test_a_short_packet_sets_parser_error_and_goes_on_to_ingress() -> None:
    ingress = (ir.Assign(SPEC, ir.Cast(ir.Load(ERROR), ir.Bits(9))),)
    assert send(program(ingress), "0a") == [OutputPacket(1, b"\x0a")]


def test_select_without_a_case_is_no_match() -> None:
    select = ir.Select((ir.Load(KIND),), (ir.SelectCase((ir.KeySet("mask", 0xF0, 0xF0),), "accept"),))
    parser = ir.Parser("P", (ir.State("start", (ir.Extract(H),), select),))
    ingress = (ir.Assign(SPEC, ir.Cast(ir.Load(ERROR), ir.Bits(9))),)
    assert send(program(ingress, parser=parser), "f11b")[0].port == 0
    assert send(program(ingress, parser=parser), "711b")[0].port == 2


def test_leave_across_blocks_ends_the_outer_one_only() -> None:
    def bump() -> ir.Statement:
        return ir.Assign(KIND, ir.Binary("+", ir.Load(KIND), const(1, 8), B8))

    inner = ir.Block("b#2", (bump(), ir.Leave("b#1"), bump()))
    body = (ir.Block("b#0", (ir.Block("b#1", (inner, bump())), bump())), bump())
    assert send(program(body), "0000")[0].data.hex() == "0300"


NEGATIVE = ir.Binary("<", const(-1, 8, True), const(0, 8, True), ir.BOOL)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (ir.Binary("+", const(0xFFFF, 16), const(2, 16), B16), 1),
        (ir.Binary("-", const(1, 16), const(2, 16), B16), 0xFFFF),
        (ir.Binary("|+|", const(0xFFFF, 16), const(2, 16), B16), 0xFFFF),
        (ir.Binary("|-|", const(1, 16), const(2, 16), B16), 0),
        (ir.Binary("<<", const(1, 16), const(16, 8), B16), 0),
        (ir.Binary(">>", const(0x8000, 16), const(15, 8), B16), 1),
        (ir.Unary("~", const(0xF0F0, 16), B16), 0x0F0F),
        (ir.Unary("-", const(1, 16), B16), 0xFFFF),
        (ir.Concat(const(0xAB, 8), const(0xCD, 8), B16), 0xABCD),
        (ir.Cast(ir.Slice(const(0xABCD, 16), 11, 4, B8), B16), 0xBC),
        (ir.Cast(ir.Cast(const(-1, 8, signed=True), ir.Bits(16, signed=True)), B16), 0xFFFF),
        (ir.Cast(ir.Binary(">>", const(-4, 16, True), const(1, 8), ir.Bits(16, True)), B16), 0xFFFE),
        (ir.Mux(NEGATIVE, const(1, 16), const(2, 16), B16), 1),
    ],
)  # fmt: skip
def test_arithmetic(expr: ir.Expr, expected: int) -> None:
    assert evaluate(expr) == expected


def test_deep_expressions_are_split() -> None:
    expr: ir.Expr = ir.Load(X)
    for _ in range(150):
        expr = ir.Binary("+", expr, const(1, 16), B16)
    assert evaluate(expr, 10) == 160


def test_slice_assignment_keeps_the_other_bits() -> None:
    p = program((ir.AssignSlice(KIND, 5, 2, const(0xF, 4)),))
    assert send(p, "0000")[0].data.hex() == "3c00"


def test_registers_read_zero_out_of_bounds_and_ignore_such_writes() -> None:
    r = ir.Register("I.r", B8, 4)
    body = (
        ir.RegisterWrite(r, ir.Load(KIND), const(9, 8)),
        ir.RegisterRead(KIND, r, ir.Load(KIND)),
    )
    device = SimDevice(program(body, registers=(r,)))
    assert device.send(0, b"\x03\x00")[0].data.hex() == "0900"
    assert device.send(0, b"\x04\x00")[0].data.hex() == "0000"
    assert device.register_read("r", 3) == 9
    with pytest.raises(DeviceError, match="4 cells"):
        device.register_read("r", 4)


def table(*keys: ir.TableKey, **changes: object) -> ir.Table:
    data = ir.Var("I.set.port", ir.Bits(9))
    set_port = ir.Action("I.set", (data,), (ir.Assign(SPEC, ir.Load(data)),))
    parts: dict[str, object] = {"default": ir.ActionCall(1)}
    return ir.Table("I.t", keys, (set_port, ir.Action("NoAction", (), ())), **(parts | changes))  # type: ignore[arg-type]


def test_longest_prefix_wins() -> None:
    t = table(ir.TableKey("hdr.h.kind", ir.Load(KIND), "lpm"))
    device = SimDevice(program((ir.ApplyTable(t),), tables=(t,)))
    device.table_add("t", [ir.KeySet("mask", 0xA0, 0xF0)], "set", [2])
    device.table_add("t", [ir.KeySet("mask", 0xA8, 0xF8)], "set", [3])
    device.table_add("t", [ir.KeySet("any")], "set", [4])
    assert [device.send(0, bytes((k, 0)))[0].port for k in (0xA1, 0xA9, 0x11)] == [2, 3, 4]
    device.table_delete("t", [ir.KeySet("mask", 0xA8, 0xF8)])
    assert device.send(0, b"\xa9\0")[0].port == 2
    with pytest.raises(DeviceError, match="no prefix"):
        device.table_add("t", [ir.KeySet("mask", 0xA1, 0xF1)], "set", [2])


def test_smaller_priority_wins_in_ternary_tables_and_hit_tells() -> None:
    hit = ir.Var("hit", ir.BOOL)
    t = table(ir.TableKey("k", ir.Load(KIND), "ternary"), ir.TableKey("p", ir.Load(PORT), "exact"))
    miss = ir.If(ir.Unary("!", ir.Load(hit), ir.BOOL), (ir.Assign(SPEC, const(9, 9)),))
    p = program((ir.ApplyTable(t, hit=hit), miss), tables=(t,), variables=(SPEC, ERROR, PORT, hit))
    device = SimDevice(p)
    device.table_add("t", [ir.KeySet("mask", 0x80, 0x80), ir.KeySet("exact", 0)], "set", [1], 20)
    device.table_add("t", [ir.KeySet("exact", 0x81), ir.KeySet("exact", 0)], "set", [2], 10)
    assert [device.send(0, bytes((k, 0)))[0].port for k in (0x80, 0x81, 0x01)] == [1, 2, 9]


def test_device_errors_name_what_there_is() -> None:
    t = table(ir.TableKey("k", ir.Load(KIND), "exact"))
    device = SimDevice(program((ir.ApplyTable(t),), tables=(t,)))
    with pytest.raises(DeviceError, match=r"no table named 'u'; the program has I\.t"):
        device.table_add("u", [], "set", [1])
    with pytest.raises(DeviceError, match="no action named 'go'"):
        device.table_add("t", [ir.KeySet("exact", 1)], "go", [])
    with pytest.raises(DeviceError, match="does not fit in 9 bits"):
        device.table_add("t", [ir.KeySet("exact", 1)], "set", [512])


def test_parser_loops_and_lookahead() -> None:
    """Skips bytes 0x01 one by one, by looking ahead."""
    peek = ir.Var("peek", B8)
    select = ir.Select((ir.Load(peek),), (ir.SelectCase((ir.KeySet("exact", 1),), "skip"),
                                          ir.SelectCase((ir.KeySet("any"),), "accept")))  # fmt: skip
    states = (
        ir.State("start", (ir.Lookahead(peek),), select),
        ir.State("skip", (ir.Advance(const(8, 32)),), "start"),
    )
    p = program((), parser=ir.Parser("P", states), variables=(SPEC, ERROR, peek))
    assert send(p, "01010102ff")[0].data.hex() == "02ff"


def test_counters_count_packets_and_bytes() -> None:
    c = ir.Counter("I.c", 2, "packets_and_bytes")
    device = SimDevice(program((ir.Count(c, ir.Load(KIND)),), counters=(c,)))
    for packet in ("0100aa", "0100", "0500"):
        device.send(0, bytes.fromhex(packet))
    assert device.counter_read("c", 1) == (2, 5)
    assert device.counter_read("I.c", 0) == (0, 0)
