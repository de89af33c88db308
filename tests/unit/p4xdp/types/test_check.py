"""What the checker finds out about programs that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4xdp.frontend import load
from p4xdp.syntax import ast, parse_text
from p4xdp.types import EnumValue, ErrorValue, TypedProgram, check, model
from p4xdp.types.constants import fold

EVERYTHING = Path(__file__).with_name("everything.p4")
HEAD = """#include <v1model.p4>
typedef bit<48> mac_t;
enum bit<16> Ether { IPV4 = 0x800, ARP = 0x806 }
enum Color { red, green }
header eth_t { mac_t dst; mac_t src; Ether kind; }
header ip_t { bit<8> ttl; bit<8> proto; bit<16> sum; bit<32> src; bit<32> dst; }
struct hdr_t { eth_t eth; ip_t ip; eth_t[3] stack; }
struct pair_t { bit<8> a; bit<16> b; }
"""


def check_text(text: str) -> TypedProgram:
    return check(parse_text(HEAD + text, "x.p4"))


def control(body: str, local: str = "", before: str = "") -> TypedProgram:
    parameters = "inout hdr_t hdr, inout pair_t meta, inout standard_metadata_t sm"
    return check_text(f"{before} control c({parameters}) {{ {local} apply {{ {body} }} }}")


def nodes(program: TypedProgram, kind: type[ast.Node]) -> list[ast.Node]:
    """Typed expressions of this kind written in x.p4, in order of their place."""
    found = [e for e in program.types if isinstance(e, kind) and e.span.path == "x.p4"]
    return sorted(found, key=lambda e: (e.span.line, e.span.column))


def value_of(text: str, before: str = "") -> tuple[object, str]:
    """Value and type of a constant expression."""
    typed = check_text(f"{before} const {text};")
    constant = typed.program.declarations[-1]
    assert isinstance(constant, ast.ConstantDeclaration)
    return typed.constants.get(constant.value), str(typed.types[constant.value])


def test_everything() -> None:
    typed = load(EVERYTHING)
    assert typed.main is not None
    call = typed.calls[typed.main]
    assert str(call.result) == "V1Switch<headers_t, meta_t>"
    assert [type(a.value).__name__ for a in call.arguments] == ["ConstructorCall"] * 6
    assert [str(a.type) for a in call.arguments][:2] == [
        "Parser<headers_t, meta_t>",
        "VerifyChecksum<headers_t, meta_t>",
    ]
    assert typed.errors[:3] == ["NoError", "PacketTooShort", "NoMatch"]
    assert typed.errors[-2:] == ["BadTtl", "BadVersion"]
    assert typed.match_kinds == ["exact", "ternary", "lpm", "range", "optional", "selector"]


def test_every_expression_has_a_type_and_every_name_a_declaration() -> None:
    typed = load(EVERYTHING)
    missing: list[str] = []

    def visit(node: object) -> None:
        if isinstance(node, ast.Annotation | ast.TypeParameter):
            return
        if isinstance(node, ast.Path) and node not in typed.declarations:
            missing.append(f"{node.span} {node.name}")
        if (
            isinstance(node, ast.Binary | ast.Unary | ast.Mux | ast.Cast | ast.Index)
            and node not in typed.types
        ):
            missing.append(f"{node.span} {type(node).__name__}")
        if isinstance(node, ast.Call | ast.ConstructorCall | ast.Instantiation) and node not in typed.calls:
            missing.append(f"{node.span} call")
        if isinstance(node, tuple):
            for part in node:
                visit(part)
        elif isinstance(node, ast.Node):
            for name in type(node).__slots__:
                visit(getattr(node, name))

    visit(typed.program.declarations)
    assert missing == []


@pytest.mark.parametrize(
    ("text", "value", "type_"),
    [
        ("bit<8> X = 5", 5, "bit<8>"),
        ("bit<8> X = -1", 255, "bit<8>"),
        ("int<8> X = -1", -1, "int<8>"),
        ("int X = (1 << 70) - 1", (1 << 70) - 1, "int"),
        ("bit<8> X = 8w250 + 10", 4, "bit<8>"),
        ("bit<8> X = 8w250 |+| 10", 255, "bit<8>"),
        ("bit<8> X = 8w2 |-| 10", 0, "bit<8>"),
        ("int<8> X = 8s100 |+| 100", 127, "int<8>"),
        ("int<8> X = 8s100 + 100", -56, "int<8>"),
        ("bit<16> X = 8w1 ++ 8w2", 0x102, "bit<16>"),
        ("bit<12> X = 4w1 ++ (bit<8>)-8s1", 0x1FF, "bit<12>"),
        ("bit<4> X = 16w0xabcd[11:8]", 0xB, "bit<4>"),
        ("bit<4> X = 16w0xabcd[4+:4]", 0xC, "bit<4>"),
        ("bit<8> X = (bit<8>)16w0x1234", 0x34, "bit<8>"),
        ("int<16> X = (int<16>)-8s2", -2, "int<16>"),
        ("bit<16> X = (bit<16>)(int<16>)-8s2", 0xFFFE, "bit<16>"),
        ("bit<8> X = 7 / 2 + 7 % 4", 6, "bit<8>"),
        ("bit<8> X = 8w1 << 9", 0, "bit<8>"),
        ("int<8> X = -8s128 >> 9", -1, "int<8>"),
        ("bool X = 3 > 2 && !(1 == 2)", True, "bool"),
        ("bool X = 8s1 < -8s1", False, "bool"),
        ("bit<8> X = true ? 8w1 : 2", 1, "bit<8>"),
        ("bit<1> X = (bit<1>)true", 1, "bit<1>"),
        ("bit<16> X = Ether.ARP", 0x806, "Ether"),
        ("Ether X = (Ether)0x800", 0x800, "Ether"),
        ("pair_t X = {1, 0x10002}", (1, 2), "pair_t"),
        ("pair_t X = {b = 2, a = 1}", (1, 2), "pair_t"),
        ("bit<16> X = ((pair_t){1, 2}).b", 2, "bit<16>"),
        ("bit<8> X = ~8w1", 254, "bit<8>"),
        ("bit<32> X = (bit<32>)ip_t.minSizeInBytes()", 12, "bit<32>"),
        ("bit<8> X = N * 2", 8, "bit<8>"),
    ],
)
def test_constants(text: str, value: object, type_: str) -> None:
    assert value_of(text, "const int N = 4;") == (value, type_)


def test_enum_and_error_constants() -> None:
    value, _ = value_of("Color X = Color.green")
    assert isinstance(value, EnumValue) and value.member == "green" and value.type.name == "Color"
    assert value_of("error X = error.NoMatch") == (ErrorValue("NoMatch"), "error")


def test_int_literals_take_the_width_expected() -> None:
    typed = control(
        "hdr.ip.ttl = hdr.ip.ttl - 1; meta.b = 7; if (hdr.ip.src == 0x0a000001) { } meta.b = meta.b << 3;"
    )
    literals = nodes(typed, ast.IntLiteral)[-4:]
    assert [(str(typed.types[n]), typed.constants[n]) for n in literals] == [
        ("bit<8>", 1), ("bit<16>", 7), ("bit<32>", 0x0A000001), ("int", 3),
    ]  # fmt: skip


def test_names_refer_to_the_innermost_declaration() -> None:
    typed = control("bit<8> x = 1; { bit<16> x = 2; meta.b = x; } meta.a = x;", before="const bit<32> x = 3;")
    used = [str(typed.types[n]) for n in nodes(typed, ast.Path) if isinstance(n, ast.Path) and n.name == "x"]
    assert used == ["bit<16>", "bit<8>"]


def test_methods_are_resolved_with_their_type_arguments() -> None:
    typed = control(
        "bit<64> v; r.read(v, (bit<32>)meta.b); r.write(0, v + 1); c1.count(5); mark_to_drop(sm); "
        "hash(meta.b, HashAlgorithm.crc16, 16w0, {hdr.ip.src, meta.a}, 16w8); random(meta.b, 0, 9);",
        "counter(8, CounterType.bytes) c1;",
        "register<bit<64>>(1024) r;",
    )
    calls = [c for n, c in typed.calls.items() if isinstance(n, ast.Call)]
    shown = [
        (
            c.kind,
            c.target if isinstance(c.target, str) else c.target.name,
            {v.name: str(t) for v, t in c.type_arguments.items()},
        )
        for c in calls
    ]
    assert shown == [
        ("method", "read", {"T": "bit<64>"}),
        ("method", "write", {"T": "bit<64>"}),
        ("method", "count", {}),
        ("extern_function", "mark_to_drop", {}),
        (
            "extern_function",
            "hash",
            {"O": "bit<16>", "T": "bit<16>", "D": "tuple<bit<32>, bit<8>>", "M": "bit<16>"},
        ),
        ("extern_function", "random", {"T": "bit<16>"}),
    ]  # fmt: skip
    assert len(calls[3].arguments) == 1
    register = next(n for n in typed.calls if isinstance(n, ast.Instantiation) and n.name == "r")
    assert str(typed.variables[register]) == "register<bit<64>>"
    assert typed.constants[typed.calls[register].arguments[0].value] == 1024  # type: ignore[index]


def test_arguments_stand_in_the_order_of_parameters() -> None:
    typed = control("f(y = 2, x = 1); g(5); g(5, 6);", before="void f(in bit<8> x, in bit<16> y) { } "
                    "extern void g(in bit<8> x, in bit<8> y = 9);")  # fmt: skip
    calls = [c for n, c in typed.calls.items() if isinstance(n, ast.Call)]
    assert [[typed.constants[a.value] for a in c.arguments if a.value] for c in calls] == [
        [1, 2],
        [5, 9],
        [5, 6],
    ]


def test_parsers_and_lookahead() -> None:
    typed = check_text(
        """parser p(packet_in pkt, out hdr_t hdr) { state start {
            bit<8> x = pkt.lookahead<bit<8>>(); bit<16> y = pkt.lookahead();
            pkt.extract(hdr.stack.next); transition select(hdr.stack.last.kind, x) {
                (Ether.IPV4, 1 .. 3): accept; (0x806 &&& 0xff, _): accept; } } }"""
    )
    calls = [c for n, c in typed.calls.items() if isinstance(n, ast.Call)]
    assert [str(c.result) for c in calls] == ["bit<8>", "bit<16>", "void"]
    assert [str(t) for c in calls for t in c.type_arguments.values()] == ["bit<8>", "bit<16>", "eth_t"]
    assert [str(typed.types[n]) for n in nodes(typed, ast.Mask)] == ["set<Ether>"]


def test_tables_resolve_actions_entries_and_defaults() -> None:
    typed = control(
        "if (t.apply().hit) { } switch (t.apply().action_run) { a: { } default: { } }",
        """action a(bit<8> d) { meta.a = d; } action b(inout bit<8> v, bit<16> d) { v = v + 1; }
        table t { key = { hdr.ip.dst: lpm; } actions = { a; b(meta.a); NoAction; }
            default_action = b(meta.a, 3); const entries = { 0x0a000000 &&& 0xff000000: a(1); 7: b(2); } }""",
    )
    refs = [(n.name.name, c) for n, c in typed.calls.items() if isinstance(n, ast.ActionRef)]
    assert [(name, len(c.arguments)) for name, c in refs] == [("b", 1), ("b", 2), ("a", 1), ("b", 2)]
    assert [typed.constants.get(c.arguments[-1].value) for _, c in refs[1:]] == [3, 1, 2]  # type: ignore[arg-type]
    labels = [n for n in typed.types if isinstance(n, ast.Path) and n.name == "a" and n.span.path == "x.p4"]
    assert all(isinstance(typed.declarations[n], ast.ActionDeclaration) for n in labels)


def test_constructor_parameters_fold_once_they_are_known() -> None:
    typed = check_text("control c(out bit<8> x)(bit<8> n, bool flag) { apply { x = flag ? n * 2 : 1; } }")
    declaration = typed.program.declarations[-1]
    assert isinstance(declaration, ast.ControlDeclaration)
    n, flag = declaration.constructor_parameters
    (mux,) = nodes(typed, ast.Mux)
    assert isinstance(mux, ast.Mux) and mux not in typed.constants
    assert fold(mux, typed, {n: 200, flag: True}) == 144
    assert fold(mux, typed, {flag: False}) == 1
    assert fold(mux, typed, {n: 200}) is None


def test_generic_functions_and_structs() -> None:
    typed = control(
        "box_t<bit<8>> b = {1}; meta.a = first(b.v, 2); meta.b = first<bit<16>>(1, 2);",
        before="struct box_t<T> { T v; } T first<T>(in T x, in T y) { return x; }",
    )
    calls = [c for n, c in typed.calls.items() if isinstance(n, ast.Call)]
    assert [str(c.result) for c in calls] == ["bit<8>", "bit<16>"]


def test_controls_can_be_nested_shared_and_applied_directly() -> None:
    typed = control(
        "one.apply(meta.a); one.apply(meta.a); two.apply(v = meta.a); Plain.apply(meta.a);",
        "Inner(1, r) one; Inner(cells = r, n = 2) two;",
        """register<bit<8>>(4) r;
        control Inner(inout bit<8> v)(bit<8> n, register<bit<8>> cells) {
            apply { v = n; cells.write(0, v); } }
        control Plain(inout bit<8> v) { apply { } }""",
    )
    kinds = [c.kind for n, c in typed.calls.items() if isinstance(n, ast.Call | ast.DirectApplication)]
    assert kinds == ["method", "apply_control", "apply_control", "apply_control", "apply_control"]


def test_warnings_are_not_errors() -> None:
    typed = control("meta.a = 300; mark_to_drop(); meta.a = 4w100 ++ 4w0;")
    assert [m for _, m in typed.warnings] == [
        "300 does not fit into bit<8>; the lowest 8 bits are used",
        "'mark_to_drop' is deprecated; use mark_to_drop(standard_metadata)",
        "100 does not fit into bit<4>, which takes it as 4",
    ]


def test_slices_have_bounds() -> None:
    typed = control(
        "meta.a = meta.b[11:4]; meta.b[3:0] = 1; meta.a = meta.b[4+:8]; meta.a = meta.b[meta.a+:8];"
    )
    assert list(typed.slices.values()) == [(11, 4), (3, 0), (11, 4)]


def test_model_types_print_as_written() -> None:
    assert str(model.Bits(8, True)) == "int<8>"
    assert str(model.Stack(model.Bits(8), 3)) == "bit<8>[3]"
