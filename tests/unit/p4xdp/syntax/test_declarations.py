"""Declarations, statements and tables: what the tree holds, and what is refused where."""

from __future__ import annotations

from typing import TypeVar

import pytest

from p4xdp.source import P4Error
from p4xdp.syntax import ast, parse_text

N = TypeVar("N")


def only(text: str, kind: type[N]) -> N:
    """The last declaration in `text`, which is of this kind."""
    node = parse_text(text, "x.p4").declarations[-1]
    assert isinstance(node, kind)
    return node


def statements(text: str) -> tuple[ast.Statement, ...]:
    head = "struct T { bit<8> f; } control Sub() { apply {} } extern R<V> { R(); }\n"
    return only(f"{head}control c() {{ apply {{ {text} }} }}", ast.ControlDeclaration).body.statements


def test_structs_and_enums() -> None:
    struct = only("header H<T> { @a bit<8> x; T y; }", ast.StructDeclaration)
    assert struct.kind == "header"
    assert [f.name for f in struct.fields] == ["x", "y"]
    assert struct.fields[0].annotations[0].name == "a"
    enum = only("enum bit<8> E { A = 1, B = 2, }", ast.EnumDeclaration)
    assert enum.underlying is not None and [m.name for m in enum.members] == ["A", "B"]
    assert only("enum E { A, B }", ast.EnumDeclaration).underlying is None
    assert only("type bit<9> P;", ast.TypedefDeclaration).distinct
    typedef = only("typedef struct S { bit<8> x; } T;", ast.TypedefDeclaration)
    assert isinstance(typedef.type, ast.StructDeclaration)


def test_externs() -> None:
    extern = only(
        "extern R<T> { R(bit<32> size); R(); @pure T read(in bit<32> i); void f<U>(out U u); "
        "abstract void g(); }",
        ast.ExternDeclaration,
    )
    assert [(m.name, m.result is None, m.abstract) for m in extern.methods] == [
        ("R", True, False), ("R", True, False), ("read", False, False), ("f", False, False),
        ("g", False, True),
    ]  # fmt: skip
    function = only("extern T f<T>(in T x = 1, @optional out bit<8> y);", ast.ExternFunction)
    assert [p.direction for p in function.prototype.parameters] == ["in", "out"]
    assert function.prototype.parameters[0].default is not None


def test_blocks() -> None:
    parser = only(
        """parser P(packet_in p, out H h)(bit<8> n) {
            value_set<bit<16>>(4) vs;
            bit<8> x = 1;
            @name("s") state start { x = 2; transition select(h.a, h.b) {
                (1, _): next; (2 &&& 3, 4 .. 5): accept; default: reject; } }
            state next { }
        }""",
        ast.ParserDeclaration,
    )
    assert [type(x).__name__ for x in parser.locals] == ["ValueSet", "VariableDeclaration"]
    start, after = parser.states
    assert isinstance(start.transition, ast.Select)
    assert [[type(k).__name__ for k in c.keysets] for c in start.transition.cases] == [
        ["IntLiteral", "AnyValue"], ["Mask", "Range"], ["AnyValue"],
    ]  # fmt: skip
    assert isinstance(after.transition, ast.Goto) and after.transition.state == "reject"
    assert isinstance(only("control C<T>(inout T t);", ast.ControlType), ast.ControlType)
    assert only("package P<H>(Q<H> q = _x(), bit<8> n);", ast.PackageType).parameters[0].default is not None


def test_a_parenthesis_may_open_an_expression_or_a_tuple_of_sets() -> None:
    cases = "(1 + 2) &&& 3: accept; (4): accept; (5) + 1: accept;"
    text = f"parser P() {{ state start {{ transition select(a) {{ {cases} }} }} }}"
    parser = only(text, ast.ParserDeclaration)
    select = parser.states[0].transition
    assert isinstance(select, ast.Select)
    assert [type(c.keysets[0]).__name__ for c in select.cases] == ["Mask", "IntLiteral", "Binary"]


def test_tables() -> None:
    control = only(
        """control c() {
            @hidden table t {
                key = { h.a: exact @name("a"); h.b[3:0]: ternary; }
                actions = { a1; @defaultonly .NoAction; a2(h.x, 1); }
                const default_action = a1(5);
                const entries = { (1, 2 &&& 3): a1(1); priority=7: (_, _): a2 @note;
                    const priority=(1 + 1): _: a1; }
                size = 64;
                @ignored psa_implementation = ap;
            }
            apply { }
        }""",
        ast.ControlDeclaration,
    )
    (table,) = control.locals
    assert isinstance(table, ast.TableDeclaration)
    assert [(k.match_kind, len(k.annotations)) for k in table.keys] == [("exact", 1), ("ternary", 0)]
    assert [(a.name.name, a.name.absolute, a.arguments is None) for a in table.actions] == [
        ("a1", False, True), ("NoAction", True, True), ("a2", False, False),
    ]  # fmt: skip
    assert table.const_default and table.const_entries and table.default_action is not None
    assert [(e.const, e.priority is not None, len(e.keysets)) for e in table.entries] == [
        (False, False, 2), (False, True, 2), (True, True, 1),
    ]  # fmt: skip
    assert [p.name for p in table.properties] == ["size", "psa_implementation"]


def test_annotations() -> None:
    struct = only(
        '@a @b("x") @c(1, 2) @d[k = 1, l = "y"] @e(free & [text] (it)) @f[1, true] struct S { }',
        ast.StructDeclaration,
    )
    by_name = {a.name: a for a in struct.annotations}
    assert by_name["a"].body is None
    (text,) = by_name["b"].values
    assert isinstance(text, ast.StringLiteral) and text.value == "x"
    assert len(by_name["c"].values) == 2 and len(by_name["f"].values) == 2
    assert [p.name for p in by_name["d"].pairs] == ["k", "l"] and by_name["d"].structured
    assert by_name["e"].body == "free & [ text ] ( it )"
    pragma = only("@pragma max_depth 5 (\nstruct S { }", ast.StructDeclaration)
    assert pragma.annotations[0].body == "5 ("


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("x = 1; x.y[1].z = 2; x[3:0] = 4; x += 1; x >>= 1; x |+|= 2;", ["Assignment"] * 6),
        ("f(); a.b(); f<T>(1);", ["CallStatement"] * 3),
        ("T x; T y = {1}; bit<8> z; T[3] s; R<T> r;", ["VariableDeclaration"] * 5),
        ("const bit<8> x = 1;", ["ConstantDeclaration"]),
        ("Sub.apply(); .Sub.apply(1);", ["DirectApplication"] * 2),
        ("R<bit<8>>() r; Sub() s;", ["Instantiation"] * 2),
        ("if (a) b(); else { } if (a) { } else if (b) ; return; exit;", ["If", "If", "Return", "Exit"]),
        ("@atomic { a(); } { } ;", ["Block", "Block", "Empty"]),
        ("switch (t.apply().action_run) { a: b: { } default: { } } switch (x) { 1: {} }", ["Switch"] * 2),
        ("for (bit<8> i = 0, bit<8> j = 1; i < 4; i = i + 1, f()) { break; }", ["For"]),
        (
            "for (;true;) continue; for (T x in s) { } for (bit<8> i in 1 .. 4) f();",
            ["For", "ForIn", "ForIn"],
        ),
    ],
)
def test_statements(text: str, kinds: list[str]) -> None:
    assert [type(s).__name__ for s in statements(text)] == kinds


def test_shift_assignment_and_fall_through() -> None:
    (shift, switch) = statements("x >>= 1; switch (x) { 1: 2: { } }")
    assert isinstance(shift, ast.Assignment) and shift.op == ">>"
    assert isinstance(switch, ast.Switch)
    assert [c.body is None for c in switch.cases] == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bit<8> x;", "x.p4:1:8: error: a variable cannot stand at the top level"),
        ("struct S { bit<8> x }", "x.p4:1:21: error: expected ';' after a field, found '}'"),
        ("control c() { }", "a control ends with an 'apply { … }' block"),
        ("parser p() { }", "a parser needs a state named 'start'"),
        (
            "control c() { apply { x = 1 } }",
            "x.p4:1:29: error: expected ';' at the end of this statement, found '}'",
        ),
        (
            "control c() { apply { x; } }",
            "expected '=' or a call: a value alone is not a statement, found ';'",
        ),
        ("control c() { apply { if (a) {", "this block is not closed by '}'"),
        ("control c() { table t { size = 1; size = 2; } apply {} }", "the table already has 'size'"),
        ("control c() { table t { const key = { } } apply {} }", "'key' takes no 'const'"),
        ("table t { }", "a table stands inside a control"),
        ("foo", "expected a declaration, found 'foo'"),
        ("parser p() { state start { transition accept; x = 1; } }", "'transition' comes last, found 'x'"),
        ("varbit v();", "varbit needs its greatest width"),
        ("extern f(", "expected the name of a function"),
        ("@ 5 struct S {}", "expected the name of an annotation"),
        ("@a(", "the body of @a is not closed"),
        ("struct if { }", "'if' is a keyword and cannot be the name of a struct"),
        ("typedef bit<8> ;", "expected the name of a type, found ';'"),
        ("const bit<8> x = 1", "expected ';' after the value of a constant, found the end of the file"),
    ],
)
def test_complaints(text: str, message: str) -> None:
    with pytest.raises(P4Error) as caught:
        parse_text(text, "x.p4")
    assert message in str(caught.value)


def test_own_core_and_v1model_parse_in_both_versions() -> None:
    for version in ("20180101", "20200408"):
        program = parse_text("#include <v1model.p4>", "x.p4", (), [f"V1MODEL_VERSION={version}"])
        register = next(
            d for d in program.declarations if isinstance(d, ast.ExternDeclaration) and d.name == "register"
        )
        assert len(register.type_parameters) == (1 if version == "20180101" else 2)
