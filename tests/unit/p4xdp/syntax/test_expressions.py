"""Precedence, casts, and `<` as comparison or as the start of type arguments."""

from __future__ import annotations

import dataclasses

import pytest

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast, parse_text

HEAD = "struct T { bit<8> f; } enum E { A } extern X<U> { X(); } const bit<8> a = 1;\n"


def show(node: object) -> str:
    """An expression as text with every pair of parentheses."""
    match node:
        case ast.IntLiteral():
            kind = "" if node.width is None else f"{node.width}{'s' if node.signed else 'w'}"
            return f"{kind}{node.value}"
        case ast.Path():
            return f"{'.' if node.absolute else ''}{node.name}"
        case ast.Member():
            return f"{show(node.base)}.{node.name}"
        case ast.TypeMember():
            return f"{show(node.type)}::{node.name}"
        case ast.Unary():
            return f"({node.op}{show(node.operand)})"
        case ast.Binary():
            return f"({show(node.left)} {node.op} {show(node.right)})"
        case ast.Mux():
            return f"({show(node.condition)} ? {show(node.then)} : {show(node.other)})"
        case ast.Cast():
            return f"(cast {show(node.type)} {show(node.operand)})"
        case ast.Slice():
            return f"{show(node.base)}[{show(node.high)}:{show(node.low)}]"
        case ast.WidthSlice():
            return f"{show(node.base)}[{show(node.low)}+:{show(node.width)}]"
        case ast.Index():
            return f"{show(node.base)}[{show(node.index)}]"
        case ast.Call():
            types = f"<{', '.join(map(show, node.type_arguments))}>" if node.type_arguments else ""
            return f"{show(node.function)}{types}({', '.join(map(show, node.arguments))})"
        case ast.ConstructorCall():
            return f"new {show(node.type)}({', '.join(map(show, node.arguments))})"
        case ast.Argument():
            value = "_" if node.value is None else show(node.value)
            return value if node.name is None else f"{node.name}={value}"
        case ast.ListExpression():
            return f"{{{', '.join(map(show, node.elements))}}}"
        case ast.StructExpression():
            rest = ", ..." if node.rest else ""
            return "{" + ", ".join(f"{f.name}={show(f.value)}" for f in node.fields) + rest + "}"
        case ast.NamedType():
            arguments = f"<{', '.join(map(show, node.arguments))}>" if node.arguments else ""
            return node.name + arguments
        case ast.WidthType():
            return node.name if node.width is None else f"{node.name}<{show(node.width)}>"
        case ast.SimpleType():
            return node.name
        case ast.StackType():
            return f"{show(node.element)}[{show(node.size)}]"
        case ast.TupleType():
            return f"tuple<{', '.join(map(show, node.elements))}>"
    return type(node).__name__


def parse(text: str) -> ast.Expression:
    declaration = parse_text(f"{HEAD}const bit<8> result = {text};", "x.p4").declarations[-1]
    assert isinstance(declaration, ast.ConstantDeclaration)
    return declaration.value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a | b ^ c & d", "(a | (b ^ (c & d)))"),
        ("a & b == c", "((a & b) == c)"),
        ("a == b < c", "(a == (b < c))"),
        ("a << 1 + 2", "(a << (1 + 2))"),
        ("a >> 1 >> 2", "((a >> 1) >> 2)"),
        ("a ++ b ++ c", "((a ++ b) ++ c)"),
        ("a ++ b + c", "((a ++ b) + c)"),
        ("a |+| b |-| c", "((a |+| b) |-| c)"),
        ("a || b && c || d", "((a || (b && c)) || d)"),
        ("!a && ~b == -c", "((!a) && ((~b) == (-c)))"),
        ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
        ("a[7:0]", "a[7:0]"),
        ("a.b[3:0][1:0]", "a.b[3:0][1:0]"),
        ("a[i + 1].f", "a[(i + 1)].f"),
        ("a[4 +: 4]", "a[4+:4]"),
        ("a[x ? 1 : 2 : 0]", "a[(x ? 1 : 2):0]"),
        ("-a.f[1:0]", "(-a.f[1:0])"),
        (".a + a", "(.a + a)"),
        ("8w1 ++ 4s2", "(8w1 ++ 4s2)"),
    ],
)
def test_operators(text: str, shown: str) -> None:
    assert show(parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(bit<8>) a + b", "((cast bit<8> a) + b)"),
        ("(bit<8>)(a + b)", "(cast bit<8> (a + b))"),
        ("(T) a", "(cast T a)"),
        ("(T) {1, 2}", "(cast T {1, 2})"),
        ("(T) {f = 1, ...}", "(cast T {f=1, ...})"),
        ("(a) - b", "(a - b)"),
        ("(T) - b", "(cast T (-b))"),
        ("(bool) (bit<1>) a", "(cast bool (cast bit<1> a))"),
        ("(E.A == a)", "(E::A == a)"),
        ("(error.NoError == a)", "(error::NoError == a)"),
        ("(error) a", "(cast error a)"),
        ("(bit<(8 * 2)>) a", "(cast bit<(8 * 2)> a)"),
        ("(tuple<bit<8>, bool>) a", "(cast tuple<bit<8>, bool> a)"),
        ("(int) a", "(cast int a)"),
        ("(X<bit<8>>) a", "(cast X<bit<8>> a)"),
        ("(1w0 ++ a)", "(1w0 ++ a)"),
    ],
)
def test_casts(text: str, shown: str) -> None:
    assert show(parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b", "(a < b)"),
        ("a < b && c > (d)", "((a < b) && (c > d))"),
        ("f<bit<8>>(a)", "f<bit<8>>(a)"),
        ("f<X<bit<8>>, _>(a)", "f<X<bit<8>>, DontCareType>(a)"),
        ("p.m<T>()", "p.m<T>()"),
        ("g(a < a, a > (a))", "g((a < a), (a > a))"),
        ("a.x < b.y", "(a.x < b.y)"),
        ("f<bit<8>>(a) < b", "(f<bit<8>>(a) < b)"),
        ("a < (bit<8>) b", "(a < (cast bit<8> b))"),
        ("X<bit<8>>()", "new X<bit<8>>()"),
        ("f(x = 1, y = _)", "f(x=1, y=_)"),
        ("f(_, 1)", "f(_, 1)"),
        ("T.minSizeInBits()", "T::minSizeInBits()"),
        ("p.apply().hit", "p.apply().hit"),
        ("{1, {2, 3}, ...}", "{1, {2, 3}, Dots}"),
        ("{}", "{}"),
        ("{1,}", "{1}"),
    ],
)
def test_calls_and_type_arguments(text: str, shown: str) -> None:
    assert show(parse(text)) == shown


def test_a_value_shadows_a_type_name() -> None:
    text = HEAD + "control c() { apply { bit<8> T = 1; bit<8> x = (T) - 1; } }"
    control = parse_text(text).declarations[-1]
    assert isinstance(control, ast.ControlDeclaration)
    declaration = control.body.statements[1]
    assert isinstance(declaration, ast.VariableDeclaration)
    assert show(declaration.initializer) == "(T - 1)"


def test_nodes_are_frozen_and_point_at_the_operator() -> None:
    node = parse("a +\n b")
    assert node.span == Span("x.p4", 2, 25, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.span = node.span  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a +", "x.p4:2:26: error: expected an expression, found ';'"),
        ("(a", "x.p4:2:25: error: expected ')' to close this parenthesis, found ';'"),
        ("a[1", "expected ']' to close this bracket"),
        ("a ? b", "expected ':' between the two values of '?'"),
        ("T", "'T' is a type, but a value is needed here"),
        ("a.apply.if", "'if' is a keyword and cannot be the name of a field or method"),
        ("(bit<W>) a", "a width that is not a number stands in parentheses: bit<(W)>"),
        ("f(1, x = 2", "expected ')' after arguments"),
        ("{1, 2", "expected '}' to close this list"),
        ("(" * 200 + "a" + ")" * 200, "nests more than 100 levels deep"),
        ("- " * 200 + "a", "nests more than 100 levels deep"),
        ("a" + " + a" * 300, "more than 200 operators in one expression"),
    ],
)
def test_complaints(text: str, message: str) -> None:
    with pytest.raises(P4Error) as caught:
        parse(text)
    assert message in str(caught.value)
