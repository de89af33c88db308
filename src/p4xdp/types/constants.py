"""Compile-time evaluation of typed expressions (specification, section "Compile-time known values")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from p4xdp.source import P4Error
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.model import Bits, Bool, Enum, Error, NewType, SerEnum, Type
from p4xdp.types.program import Constant, EnumValue, ErrorValue, TypedProgram
from p4xdp.types.relations import as_bits

MAX_SHIFT = 8192
MAX_BITS = 1 << 16
Lookup: TypeAlias = "Callable[[ast.Expression], Constant | None]"


def fold(
    expression: ast.Expression, typed: TypedProgram, bindings: Mapping[ast.Node, Constant]
) -> Constant | None:
    """The value of `expression`, or None if it is not constant.

    `bindings` gives values of parameters (of constructors, mostly) that the checker could not know.
    Raises P4Error for a division by zero and the like.
    """

    def lookup(inner: ast.Expression) -> Constant | None:
        known = typed.constants.get(inner)
        if known is not None:
            return known
        if isinstance(inner, ast.Path):
            target = typed.declarations.get(inner)
            bound = bindings.get(target) if target is not None else None
            if bound is not None:
                return reduce(bound, typed.types[inner])
        return evaluate(inner, typed, lookup)

    return lookup(expression)


def reduce(value: Constant, type_: Type) -> Constant:
    """`value` wrapped to the width of `type_`; anything but a number stays."""
    match type_:
        case Bits() if isinstance(value, int):
            wrapped = int(value) & ((1 << type_.width) - 1)
            if type_.signed and wrapped >> (type_.width - 1):
                wrapped -= 1 << type_.width
            return wrapped
        case SerEnum():
            return reduce(value, type_.underlying)
        case NewType():
            return reduce(value, type_.base)
        case Bool() if isinstance(value, int):
            return bool(value)
    return value


def fits(value: int, type_: Bits) -> bool:
    """Whether the number needs no wrapping; -1 for bit<8> does but is common, and counts as fitting."""
    least = -(1 << (type_.width - 1))
    most = (1 << (type_.width - 1 if type_.signed else type_.width)) - 1
    return least <= value <= most


def evaluate(e: ast.Expression, typed: TypedProgram, lookup: Lookup) -> Constant | None:
    """The value of `e` from those of its parts, which `lookup` knows or not."""
    value = _evaluate(e, typed, lookup)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise P4Error(e.span, f"this constant has more than {MAX_BITS} bits")
    return None if value is None else reduce(value, typed.types[e])


def _evaluate(e: ast.Expression, typed: TypedProgram, lookup: Lookup) -> Constant | None:
    match e:
        case ast.IntLiteral() | ast.BoolLiteral() | ast.StringLiteral():
            return e.value
        case ast.Path():
            target = typed.declarations.get(e)
            return lookup(target.value) if isinstance(target, ast.ConstantDeclaration) else None
        case ast.TypeMember():
            return _member_of_type(e, typed)
        case ast.Unary():
            return _unary(e, lookup)
        case ast.Binary():
            return _binary(e, typed, lookup)
        case ast.Mux():
            condition = lookup(e.condition)
            return None if condition is None else lookup(e.then if condition else e.other)
        case ast.Cast():
            return lookup(e.operand)
        case ast.Slice() | ast.WidthSlice():
            base, bounds = lookup(e.base), typed.slices.get(e)
            if bounds is None or not isinstance(base, int):
                return None
            return (base >> bounds[1]) & ((1 << (bounds[0] - bounds[1] + 1)) - 1)
        case ast.ListExpression():
            return _together([lookup(x) for x in e.elements])
        case ast.StructExpression():
            return _struct(e, typed.types[e], lookup)
        case ast.Member():
            return _member(e, typed, lookup)
        case ast.Index():
            base, index = lookup(e.base), lookup(e.index)
            if isinstance(base, tuple) and isinstance(index, int) and 0 <= index < len(base):
                return base[index]
    return None


def _together(values: list[Constant | None]) -> Constant | None:
    known = tuple(v for v in values if v is not None)
    return known if len(known) == len(values) else None


def _struct(e: ast.StructExpression, type_: Type, lookup: Lookup) -> Constant | None:
    if e.rest:
        return None
    values = {field.name: lookup(field.value) for field in e.fields}
    names = [f.name for f in type_.fields] if isinstance(type_, model.Fields) else list(values)
    return _together([values.get(name) for name in names])


def _member(e: ast.Member, typed: TypedProgram, lookup: Lookup) -> Constant | None:
    base_type = typed.types.get(e.base)
    if isinstance(base_type, model.Stack) and e.name == "size":
        return base_type.size
    base = lookup(e.base)
    if isinstance(base, tuple) and isinstance(base_type, model.Fields):
        for field, value in zip(base_type.fields, base, strict=True):
            if field.name == e.name:
                return value
    return None


def _member_of_type(e: ast.TypeMember, typed: TypedProgram) -> Constant | None:
    match typed.types.get(e):
        case Enum() as enum:
            return EnumValue(enum, e.name)
        case SerEnum() as enum:
            return dict(enum.members)[e.name]
        case Error():
            return ErrorValue(e.name)
    return None


def _unary(e: ast.Unary, lookup: Lookup) -> Constant | None:
    value = lookup(e.operand)
    if not isinstance(value, int):
        return None
    match e.op:
        case "!":
            return not value
        case "~":
            return ~value
        case "-":
            return -value
    return value


def _binary(e: ast.Binary, typed: TypedProgram, lookup: Lookup) -> Constant | None:
    left, right = lookup(e.left), lookup(e.right)
    if e.op in ("&&", "||") and isinstance(left, bool):
        return (left and right) if e.op == "&&" else (left or right)
    if left is None or right is None:
        return None
    if e.op in ("==", "!="):
        return (left == right) == (e.op == "==")
    if not isinstance(left, int) or not isinstance(right, int):
        return None
    return _arithmetic(e, left, right, as_bits(typed.types[e.left]), as_bits(typed.types[e.right]))


def _arithmetic(e: ast.Binary, left: int, right: int, type_: Bits | None, other: Bits | None) -> Constant:
    match e.op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" | "%":
            if right <= 0 or left < 0:
                raise P4Error(
                    e.span, f"'{e.op}' is defined for positive numbers only, not {left} and {right}"
                )
            return left // right if e.op == "/" else left % right
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "<<" | ">>":
            return _shift(e, left, right, type_)
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "++" if type_ is not None and other is not None:
            return left << other.width | right & ((1 << other.width) - 1)
        case "|+|" | "|-|" if type_ is not None:
            exact = left + right if e.op == "|+|" else left - right
            least = -(1 << (type_.width - 1)) if type_.signed else 0
            most = (1 << (type_.width - type_.signed)) - 1
            return max(least, min(most, exact))
    raise P4Error(e.span, f"'{e.op}' needs operands with a width")


def _shift(e: ast.Binary, left: int, amount: int, type_: Bits | None) -> int:
    if amount < 0:
        raise P4Error(e.span, f"cannot shift by a negative amount ({amount})")
    if type_ is not None:
        amount = min(amount, type_.width)
    elif amount > MAX_SHIFT:
        raise P4Error(e.span, f"cannot shift a number without width by more than {MAX_SHIFT} bits")
    return left << amount if e.op == "<<" else left >> amount
