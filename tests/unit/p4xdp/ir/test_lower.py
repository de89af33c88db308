"""Lowering: what becomes of the things that are not simply statements, and what is refused, where."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4xdp.frontend import load
from p4xdp.ir import nodes as ir
from p4xdp.ir.lower import lower
from p4xdp.passes.rewrite import walk
from p4xdp.source import P4Error, Unsupported

from .programs import BODY_LINE, FRAME, lowered


def kinds(body: ir.Body) -> list[str]:
    return [type(s).__name__ for s in body]


def test_arguments_that_do_not_overlap_are_not_copied(tmp_path: Path) -> None:
    top = "control K(inout bit<16> v, in bit<8> w) { apply { v = v + (bit<16>)w; } }"
    program = lowered(tmp_path, "K.apply(meta.x, hdr.h.a);", top=top)
    assert kinds(program.ingress) == ["Assign"]


def test_arguments_that_overlap_are_copied(tmp_path: Path) -> None:
    top = "control K(inout bit<16> v, inout bit<16> w) { apply { v = 1; w = 2; } }"
    program = lowered(tmp_path, "K.apply(meta.x, meta.x);", top=top)
    assert kinds(program.ingress) == ["Assign"] * 6


def test_a_function_with_one_return_becomes_an_expression(tmp_path: Path) -> None:
    top = "bit<16> f(in bit<16> v) { return v + 1; }"
    (s,) = lowered(tmp_path, "meta.x = f(meta.y);", top=top).ingress
    assert isinstance(s, ir.Assign) and isinstance(s.value, ir.Binary)


def test_operands_are_read_before_a_later_call_changes_them(tmp_path: Path) -> None:
    top = "bit<16> f(inout bit<16> v) { v = v + 1; return v; }"
    program = lowered(tmp_path, "meta.x = meta.y + f(meta.y);", top=top)
    first = program.ingress[0]
    assert isinstance(first, ir.Assign) and first.place.name.startswith("tmp")


def test_the_right_side_of_and_is_called_only_if_needed(tmp_path: Path) -> None:
    top = "bool f(inout bit<16> v) { v = 1; return true; }"
    program = lowered(tmp_path, "if (hdr.h.a == 1 && f(meta.x)) { meta.y = 1; }", top=top)
    assert kinds(program.ingress) == ["Assign", "If", "If"]


def test_conditions_known_at_compile_time_leave_one_branch(tmp_path: Path) -> None:
    top = "control K(inout bit<16> v)(bool on) { apply { if (on) { v = 1; } else { v = 2; v = 3; } } }"
    program = lowered(tmp_path, "k.apply(meta.x); l.apply(meta.x);", top=top, locals="K(true) k; K(false) l;")
    assert kinds(program.ingress) == ["Assign"] * 3


def test_a_last_return_needs_no_block_and_an_early_one_does(tmp_path: Path) -> None:
    late = lowered(tmp_path, "if (hdr.h.a == 1) { meta.x = 1; return; } else { meta.x = 2; return; }")
    assert kinds(late.ingress) == ["If"]
    early = lowered(tmp_path, "if (hdr.h.a == 1) { return; } meta.x = 2;")
    assert kinds(early.ingress) == ["Block"]


def test_a_loop_over_a_stack_becomes_a_state_per_element(tmp_path: Path) -> None:
    parser = """transition more; }
        state more { packet.extract(hdr.stack.next);
                     transition select(hdr.stack.last.a) { 0: more; default: accept; }"""
    states = lowered(tmp_path, parser=parser).parser.states
    assert [s.name for s in states] == ["start", "more", "more_1", "more_2"]
    assert kinds(states[3].body) == ["Verify"] and states[3].transition == "reject"


def test_control_plane_names(tmp_path: Path) -> None:
    top = 'control K() { register<bit<8>>(4) r; @name("named") register<bit<8>>(4) s; apply { } }'
    made = 'K() k; @name(".absolute") counter(4, CounterType.bytes) c;'
    program = lowered(tmp_path, "k.apply();", top=top + "register<bit<8>>(4) global_one;", locals=made)
    assert [r.name for r in program.registers] == ["global_one", "I.k.r", "I.k.named"]
    assert [c.name for c in program.counters] == ["absolute"]


def test_a_table_gets_noaction_as_its_default(tmp_path: Path) -> None:
    table = "action a() { } table t { key = { hdr.h.a: exact; hdr.h.b[3:0]: lpm; } actions = { a; } }"
    program = lowered(tmp_path, "t.apply();", locals=table)
    (t,) = program.tables
    assert [k.name for k in t.keys] == ["hdr.h.a", "hdr.h.b[3:0]"]
    assert [a.name for a in t.actions] == ["I.a", "NoAction"] and t.default == ir.ActionCall(1)


def test_priorities_of_entries(tmp_path: Path) -> None:
    """Where they are written the larger wins; the IR's smaller wins."""
    table = """action a(bit<8> v) { } table t { key = { hdr.h.a: ternary; } actions = { a; }
        entries = { const priority=10: 1: a(1); const priority=20: _: a(2); } }"""
    (t,) = lowered(tmp_path, "t.apply();", locals=table).tables
    assert min(t.entries, key=lambda e: e.priority).call.arguments == (2,)


@pytest.mark.parametrize(
    ("properties", "entries", "winners"),
    [
        ("", "1: a(1); _: a(2); 2: a(3);", [1, 2, 3]),
        ("", "1: a(1); priority = 1: _: a(2); 2: a(3);", [1, 2, 3]),
        ("", "priority = 5: 1: a(1); 2: a(2); priority = 9: 3: a(3); 4: a(4);", [3, 4, 1, 2]),
        (
            "largest_priority_wins = false;",
            "1: a(1); priority = 9: 2: a(2); priority = 3: 3: a(3);",
            [1, 3, 2],
        ),
        ("priority_delta = 10;", "priority = 30: 1: a(1); 2: a(2); priority = 25: 3: a(3);", [1, 3, 2]),
    ],
)
def test_entries_without_priority_follow_the_one_above(
    tmp_path: Path, properties: str, entries: str, winners: list[int]
) -> None:
    table = f"""action a(bit<8> v) {{ }} table t {{ key = {{ hdr.h.a: ternary; }} actions = {{ a; }}
        {properties} entries = {{ {entries} }} }}"""
    (t,) = lowered(tmp_path, "t.apply();", locals=table).tables
    assert [e.call.arguments[0] for e in sorted(t.entries, key=lambda e: e.priority)] == winners


def test_spans_point_at_the_use(tmp_path: Path) -> None:
    program = lowered(tmp_path, "meta.x = hdr.h.c;")
    (s,) = program.ingress
    assert isinstance(s, ir.Assign) and s.span.line == s.value.span.line == BODY_LINE


REFUSED = [
    ("clone(CloneType.I2E, 32w1);", "cloned packets"),
    ("resubmit_preserving_field_list(0);", "resubmitted"),
    ("sm.mcast_grp = 1;", "multicast"),
    ("random(meta.x, 16w0, 16w9);", "random"),
    ("hash(meta.x, HashAlgorithm.crc32_custom, 16w0, { hdr.h.a }, 16w9);", "crc32_custom"),
    ("hdr.stack[meta.x].a = 1;", "known at compile time"),
    ("t.apply(); t.apply();", "a second time"),
    ("truncate(32w20);", "truncated"),
]


@pytest.mark.parametrize(("body", "why"), REFUSED)
def test_what_cannot_be_lowered_is_refused_with_its_place(tmp_path: Path, body: str, why: str) -> None:
    table = "table t { actions = { NoAction; } }"
    with pytest.raises(Unsupported, match=why) as refused:
        lowered(tmp_path, body, locals=table)
    assert refused.value.span.line == BODY_LINE


REFUSED_IN_PARSERS = [
    (
        "if (hdr.h.a == 1) { packet.extract(hdr.stack.next); } transition accept;",
        "would depend on this condition",
    ),
    ("h_t[2] s; s = { { 1, 2, 3 }, { 4, 5, 6 } }; transition accept;", "by extracting or from another one"),
    ("S.apply(packet, hdr.stack, hdr.stack[0]); transition accept;", "part of another argument"),
]


@pytest.mark.parametrize(("parser", "why"), REFUSED_IN_PARSERS)
def test_positions_in_stacks_that_would_not_be_known_are_refused(
    tmp_path: Path, parser: str, why: str
) -> None:
    top = """header h_t { bit<8> a; bit<8> b; bit<16> c; }
        parser S(packet_in packet, inout h_t[2] s, inout h_t h) {
            state start { packet.extract(s.next); transition accept; } }"""
    frame = FRAME.replace("header h_t {{ bit<8> a; bit<8> b; bit<16> c; }}\n", "")
    path = tmp_path / "test.p4"
    path.write_text(frame.format(body="", locals="", top=top, parser=parser))
    with pytest.raises(Unsupported, match=why) as refused:
        lower(load(path))
    assert refused.value.span.path == str(path)


def test_last_is_another_element_in_every_round(tmp_path: Path) -> None:
    parser = """transition more; }
        state more { packet.extract(hdr.stack.next); h_t seen = hdr.stack.last;
                     transition select(seen.a) { 0: more; default: accept; }"""
    read = [
        s.value.place.name
        for state in lowered(tmp_path, parser=parser).parser.states
        for s in walk(state.body)
        if isinstance(s, ir.Assign) and isinstance(s.value, ir.Load) and s.value.place.name.endswith(".a")
    ]
    assert read == ["hdr.stack[0].a", "hdr.stack[1].a"]


def test_keys_are_unsigned_and_a_range_over_zero_is_two(tmp_path: Path) -> None:
    table = """action a(bit<8> v) { } table t { key = { (int<8>)hdr.h.a: range; } actions = { a; }
        const entries = { -5 .. 5: a(1); 3 .. -3: a(2); -9 .. -8: a(3); } }"""
    (t,) = lowered(tmp_path, "t.apply();", locals=table).tables
    assert not t.keys[0].expr.type.signed
    found = [(e.keysets[0].value, e.keysets[0].mask, e.call.arguments[0]) for e in t.entries]
    assert found == [(0, 5, 1), (251, 255, 1), (1, 0, 2), (247, 248, 3)]


def test_exit_copies_out_what_its_callers_owe(tmp_path: Path) -> None:
    top = "control K(inout bit<16> v, inout bit<16> w) { apply { v = 1; exit; } }"
    (block,) = lowered(tmp_path, "K.apply(meta.x, meta.x); meta.y = 1;", top=top).ingress
    assert isinstance(block, ir.Block)
    assert kinds(block.body[:6]) == ["Assign"] * 5 + ["Leave"]


def test_a_program_without_main(tmp_path: Path) -> None:
    path = tmp_path / "empty.p4"
    path.write_text("#include <core.p4>\n")
    with pytest.raises(P4Error, match="no main"):
        lower(load(path))


def test_more_cells_than_memory_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="4294967295 cells are more than"):
        lowered(tmp_path, locals="register<bit<8>>(0xffffffff) r;")
    with pytest.raises(Unsupported, match="1073741824 entries are more than"):
        lowered(tmp_path, "t.apply();", locals="table t { actions = { NoAction; } size = 1 << 30; }")
    with pytest.raises(P4Error, match="a stack of 1000000 is more than"):
        lowered(tmp_path, locals="h_t[1000000] s;", body="s[0].setValid();")


def test_mark_to_drop_is_port_511(tmp_path: Path) -> None:
    program = lowered(tmp_path, "mark_to_drop(sm);")
    stores = [s for s in walk(program.ingress) if isinstance(s, ir.Assign)]
    assert stores[0].place.name == "standard_metadata.egress_spec"
    assert isinstance(stores[0].value, ir.Const) and stores[0].value.value == 511
