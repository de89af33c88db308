"""Expressions without calls."""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import TRUE, binary, boolean, cast, concat, const, mux, negate, slice_, unary
from p4xdp.ir.lower.assign import assign
from p4xdp.ir.lower.context import Context, lowers
from p4xdp.ir.lower.values import (
    SCALARS,
    Aggregate,
    HeaderLiteral,
    Stack,
    Value,
    leaves,
    scalar,
)
from p4xdp.source import P4Error, Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model

LAST_INDEX = ir.Bits(32)


@lowers(ast.IntLiteral, ast.BoolLiteral, ast.StringLiteral)
def _literal(cx: Context, e: ast.IntLiteral | ast.BoolLiteral | ast.StringLiteral) -> Value:
    return cx.constant_value(e.value, cx.type_of(e), e.span)


@lowers(ast.Path)
def _path(cx: Context, e: ast.Path) -> Value:
    declaration = cx.typed.declarations[e]
    found = cx.scope.find(declaration)
    if found is not None:
        return _used_here(found, e.span)
    if isinstance(declaration, ast.ConstantDeclaration):
        return cx.value(declaration.value)
    raise Unsupported(e.span, f"{e.name} cannot be used as a value here")


@lowers(ast.Member)
def _member(cx: Context, e: ast.Member) -> Value:
    base = cx.value(e.base)
    match base:
        case Aggregate():
            return _used_here(base.fields[e.name], e.span)
        case HeaderLiteral() if e.name in base.fields:
            return base.fields[e.name]
        case ir.Header():
            return _used_here(cx.header_values[base.name][e.name], e.span)
        case Stack():
            return stack_member(cx, base, e)
    raise Unsupported(e.span, f"this has no member {e.name} that can be read here")


def _used_here(value: Value, span: Span) -> Value:
    """Storage bears the place of its declaration; a use of it, its own."""
    return ir.Load(value.place, span) if isinstance(value, ir.Load) else value


def stack_member(cx: Context, stack: Stack, e: ast.Member) -> Value:
    """`size`, and in a parser `next`, `last` and `lastIndex`."""
    if e.name == "size":
        return const(len(stack.elements), LAST_INDEX, e.span)
    if cx.indices is None:
        raise P4Error(e.span, f"{e.name} of a header stack can only be used in a parser")
    index = cx.position(stack)
    if e.name == "lastIndex":
        return const(index - 1, LAST_INDEX, e.span)
    index = index if e.name == "next" else index - 1
    if not 0 <= index < len(stack.elements):
        cx.emit(ir.Verify(boolean(False), "StackOutOfBounds", e.span))
        index = 0  # not reached
    return stack.elements[index]


@lowers(ast.Index)
def _index(cx: Context, e: ast.Index) -> Value:
    base = cx.value(e.base)
    index = cx.value(e.index)
    if not isinstance(index, ir.Const):
        raise Unsupported(
            e.index.span,
            "the index of a header stack must be known at compile time; select the element by if or switch",
        )
    if isinstance(base, Aggregate):
        return base.fields[str(index.value)]
    if not isinstance(base, Stack):
        raise Unsupported(e.span, "only a header stack or a tuple can be indexed")
    if not 0 <= index.value < len(base.elements):
        raise P4Error(e.index.span, f"index {index.value} is outside the stack of {len(base.elements)}")
    return base.elements[index.value]


@lowers(ast.Slice, ast.WidthSlice)
def _slice(cx: Context, e: ast.Slice | ast.WidthSlice) -> Value:
    operand = cx.scalar(e.base)
    bounds = cx.typed.slices.get(e)
    if bounds is None and isinstance(e, ast.Slice):
        bounds = cx.number(e.high), cx.number(e.low)
    if bounds is None:
        raise Unsupported(e.span, "the bounds of a slice must be known at compile time; shift instead")
    return slice_(operand, bounds[0], bounds[1], e.span)


# --------------------------------------------------------------------------- operators


@lowers(ast.Unary)
def _unary(cx: Context, e: ast.Unary) -> Value:
    operand = cx.scalar(e.operand)
    return operand if e.op == "+" else unary(e.op, operand, e.span)


@lowers(ast.Binary)
def _binary(cx: Context, e: ast.Binary) -> Value:
    if e.op == "&&" or e.op == "||":
        return _short_circuit(cx, e)
    left, right = cx.values([e.left, e.right])
    if e.op in ("==", "!=") and not (isinstance(left, SCALARS) and isinstance(right, SCALARS)):
        equal = equality(left, right, e.span)
        return equal if e.op == "==" else negate(equal, e.span)
    return operate(e.op, scalar(left, e.left.span), scalar(right, e.right.span), e.span)


def operate(op: ast.BinaryOp, left: ir.Expr, right: ir.Expr, span: Span) -> ir.Expr:
    return concat(left, right, span) if op == "++" else binary(op, left, right, span)


def _short_circuit(cx: Context, e: ast.Binary) -> Value:
    """The right side's calls, if it has any, are made only if the left side asks for them."""
    left = cx.scalar(e.left)
    right: list[ir.Expr] = []
    body = cx.collect(lambda: right.append(cx.scalar(e.right)))
    if not body:
        return binary("&&" if e.op == "&&" else "||", left, right[0], e.span)
    result = ir.Load(cx.variable("tmp", ir.BOOL, e.span), e.span)
    cx.emit(ir.Assign(result.place, left, e.span))
    body = (*body, ir.Assign(result.place, right[0], e.span))
    condition: ir.Expr = result if e.op == "&&" else negate(result)
    cx.emit(ir.If(condition, body, (), e.span))
    return result


def equality(a: Value, b: Value, span: Span) -> ir.Expr:
    """`a == b` for any values: headers are equal if both are invalid, or valid with equal fields."""
    match a, b:
        case (ir.Header(), HeaderLiteral()):
            return _header_equality(a, b, span)
        case (HeaderLiteral(), ir.Header()):
            return _header_equality(b, a, span)
        case (ir.Header(), ir.Header()):
            fields = _all_equal(_fields(a, span), _fields(b, span), span)
            va, vb = ir.IsValid(a, span), ir.IsValid(b, span)
            both = binary("&&", va, binary("&&", vb, fields, span), span)
            neither = binary("&&", negate(va, span), negate(vb, span), span)
            return binary("||", neither, both, span)
        case (Aggregate(fields=ours), Aggregate(fields=theirs)):
            return _parts_equal(list(ours.values()), list(theirs.values()), span)
        case (Stack(), Stack()):
            return _parts_equal(list(a.elements), list(b.elements), span)
    return binary("==", scalar(a, span), scalar(b, span), span)


def _header_equality(header: ir.Header, literal: HeaderLiteral, span: Span) -> ir.Expr:
    valid = ir.IsValid(header, span)
    if not literal.valid:
        return negate(valid, span)
    values = [scalar(leaf, span) for leaf in leaves(literal)]
    return binary("&&", valid, _all_equal(_fields(header, span), values, span), span)


def _fields(header: ir.Header, span: Span) -> list[ir.Expr]:
    return [ir.Load(ir.FieldRef(header, f), span) for f in header.fields]


def _all_equal(left: list[ir.Expr], right: list[ir.Expr], span: Span) -> ir.Expr:
    result: ir.Expr = TRUE
    for a, b in zip(left, right, strict=True):
        result = binary("&&", result, binary("==", a, b, span), span)
    return result


def _parts_equal(left: list[Value], right: list[Value], span: Span) -> ir.Expr:
    result: ir.Expr = TRUE
    for a, b in zip(left, right, strict=True):
        result = binary("&&", result, equality(a, b, span), span)
    return result


@lowers(ast.Mux)
def _mux(cx: Context, e: ast.Mux) -> Value:
    condition = cx.scalar(e.condition)
    then, then_body = _apart(cx, e.then)
    other, other_body = _apart(cx, e.other)
    if not (then_body or other_body) and isinstance(then, SCALARS) and isinstance(other, SCALARS):
        return mux(condition, then, other, e.span)
    result = cx.storage("tmp", cx.type_of(e), e.span)
    then_body += cx.collect(lambda: assign(cx, result, then, e.span))
    other_body += cx.collect(lambda: assign(cx, result, other, e.span))
    cx.emit(ir.If(condition, then_body, other_body, e.span))
    return result


def _apart(cx: Context, e: ast.Expression) -> tuple[Value, ir.Body]:
    """The value of `e`, and the statements that make it."""
    values: list[Value] = []
    body = cx.collect(lambda: values.append(cx.value(e)))
    return values[0], body


@lowers(ast.Cast)
def _cast(cx: Context, e: ast.Cast) -> Value:
    value = cx.value(e.operand)
    type = cx.type_of(e)
    if isinstance(value, SCALARS):
        return cast(value, cx.bits(type, e.span), e.span)
    if isinstance(type, model.Header) and isinstance(value, Aggregate):
        return HeaderLiteral(value.fields, valid=True)
    return value


# --------------------------------------------------------------------------- compounds


@lowers(ast.ListExpression)
def _list(cx: Context, e: ast.ListExpression) -> Value:
    elements = list(e.elements)
    rest = bool(elements) and isinstance(elements[-1], ast.Dots)
    values = cx.values(elements[:-1] if rest else elements)
    return compound(cx, cx.type_of(e), values, e.span)


def compound(cx: Context, type: model.Type, values: list[Value], span: Span) -> Value:
    """A value of `type` from its parts in order; missing ones get their defaults."""
    match type:
        case model.Header() | model.Struct():
            missing = [default(cx, f.type, span) for f in type.fields[len(values) :]]
            fields = dict(zip((f.name for f in type.fields), [*values, *missing], strict=True))
            return HeaderLiteral(fields, valid=True) if isinstance(type, model.Header) else Aggregate(fields)
        case model.Stack():
            missing = [default(cx, type.element, span) for _ in range(type.size - len(values))]
            return Stack("", (*values, *missing))
    return Aggregate({str(i): v for i, v in enumerate(values)})


@lowers(ast.StructExpression)
def _struct(cx: Context, e: ast.StructExpression) -> Value:
    type = cx.type_of(e)
    given = dict(zip((f.name for f in e.fields), cx.values([f.value for f in e.fields]), strict=True))
    if not isinstance(type, model.Struct | model.Header):
        return Aggregate(given)
    fields = {f.name: given[f.name] if f.name in given else default(cx, f.type, e.span) for f in type.fields}
    return HeaderLiteral(fields, valid=True) if isinstance(type, model.Header) else Aggregate(fields)


@lowers(ast.InvalidHeader)
def _invalid(cx: Context, e: ast.InvalidHeader) -> Value:
    return HeaderLiteral({}, valid=False)


@lowers(ast.Dots)
def _dots(cx: Context, e: ast.Dots) -> Value:
    return default(cx, cx.type_of(e), e.span)


def default(cx: Context, type: model.Type, span: Span) -> Value:
    """What `...` stands for: zero, false, the first enum member, an invalid header."""
    type = cx.resolve(type)
    match type:
        case model.Struct():
            return Aggregate({f.name: default(cx, f.type, span) for f in type.fields})
        case model.Tuple():
            return Aggregate({str(i): default(cx, t, span) for i, t in enumerate(type.elements)})
        case model.Header() | model.HeaderUnion():
            return HeaderLiteral({}, valid=False)
        case model.Stack():
            return Stack("", tuple(default(cx, type.element, span) for _ in range(type.size)))
    return const(0, cx.bits(type, span), span)
