"""IR expressions to C expressions.

The text that comes back is a primary expression (it needs no further parentheses) of type u64 or u128,
zero-extended (see `words`). How places are read is the caller's: it knows where fields live.
"""

from __future__ import annotations

from typing import Protocol

from p4xdp.ir import nodes as ir
from p4xdp.source import Span, Unsupported
from p4xdp.targets.xdp.words import (
    c_type,
    check_width,
    literal,
    masked,
    sign_extended,
    signed_c_type,
    storage_bits,
)


class Reader(Protocol):
    """Knows the C text for what is stored."""

    def read(self, place: ir.Place, span: Span) -> str: ...

    def is_valid(self, header: ir.Header) -> str: ...


def render(expr: ir.Expr, reader: Reader) -> str:
    """C text of `expr`. Raises Unsupported for what 128-bit integers cannot carry."""
    match expr:
        case ir.Const(value, type_, span):
            check_width(type_.width, span, "constant")
            return literal(value, type_.width)
        case ir.Load(place, span):
            check_width(place.type.width, span, "value")
            return reader.read(place, span)
        case ir.IsValid(header):
            return reader.is_valid(header)
        case ir.Unary():
            return _unary(expr, reader)
        case ir.Binary():
            return _binary(expr, reader)
        case ir.Concat(left, right, type_, span):
            check_width(type_.width, span, "concatenation")
            to = c_type(type_.width)
            high, low = render(left, reader), render(right, reader)
            return f"(({to}){high} << {right.type.width} | ({to}){low})"
        case ir.Slice(operand, _, low_bit, type_):
            text = render(operand, reader)
            shifted = f"({text} >> {low_bit})" if low_bit else text
            return masked(_converted(shifted, operand.type.width, type_.width), type_.width)
        case ir.Cast():
            return _cast(expr, reader)
        case ir.Mux(condition, then, other):
            return f"({render(condition, reader)} ? {render(then, reader)} : {render(other, reader)})"


def render_flat(expr: ir.Expr, reader: Reader) -> str:
    """C text of a boolean that is computed without branches where that is possible.

    A comparison becomes a branch in BPF, so that the verifier sees a 0 on one path and a 1 on the other and
    follows both from there on: n booleans that are kept for later make it follow 2^n paths.
    """
    match expr:
        case ir.Unary("!", operand):
            return f"({render_flat(operand, reader)} ^ 1)"
        case ir.Binary("&&" | "||" as op, left, right):
            return f"({render_flat(left, reader)} {op[0]} {render_flat(right, reader)})"
        case ir.Binary("==" | "!=" as op, left, right) if left.type.width <= 64:
            name = "equal" if op == "==" else "unequal"
            return f"{name}({render(left, reader)}, {render(right, reader)})"
        case ir.Binary("<" | "<=" | ">" | ">=" as op, left, right) if _flat_order(left.type):
            one, other = render(left, reader), render(right, reader)
            if op in (">", "<="):
                one, other = other, one
            text = f"less({one}, {other})"
            return text if op in ("<", ">") else f"({text} ^ 1)"
        case _:
            return render(expr, reader)


def _flat_order(type_: ir.Bits) -> bool:
    return type_.width < 64 and not type_.signed


def _converted(text: str, from_width: int, to_width: int) -> str:
    if storage_bits(from_width) == storage_bits(to_width):
        return text
    return f"(({c_type(to_width)}){text})"


def _cast(expr: ir.Cast, reader: Reader) -> str:
    source, target = expr.operand.type, expr.type
    check_width(target.width, expr.span, "cast")
    text = render(expr.operand, reader)
    if target.width <= source.width:
        converted = _converted(text, source.width, target.width)
        return converted if target.width == source.width else masked(converted, target.width)
    if source.signed and not source.is_bool:
        wide = f"(({c_type(target.width)})({signed_c_type(target.width)}){sign_extended(text, source.width)})"
        return masked(wide, target.width)
    return _converted(text, source.width, target.width)


def _unary(expr: ir.Unary, reader: Reader) -> str:
    text = render(expr.operand, reader)
    if expr.op == "!":
        return f"(!{text} ? 1ull : 0ull)"
    return masked(f"({expr.op}{text})", expr.type.width)


_COMPARISONS = frozenset({"<", "<=", ">", ">="})


def _binary(expr: ir.Binary, reader: Reader) -> str:
    op, width = expr.op, expr.left.type.width
    check_width(width, expr.span, "operand")
    left, right = render(expr.left, reader), render(expr.right, reader)
    if op in ("&&", "||", "==", "!="):
        return f"({left} {op} {right} ? 1ull : 0ull)"
    if op in _COMPARISONS:
        if expr.left.type.signed:
            left, right = sign_extended(left, width), sign_extended(right, width)
        return f"({left} {op} {right} ? 1ull : 0ull)"
    if op in ("<<", ">>"):
        return _shift(expr, left, right)
    if op in ("&", "|", "^"):
        return f"({left} {op} {right})"
    if op in ("+", "-"):
        return masked(f"({left} {op} {right})", width)
    if op in ("|+|", "|-|"):
        return _saturating(expr, left, right)
    if width > 64:
        raise Unsupported(expr.span, f"the XDP target has no '{op}' on {width} bits, at most 64")
    if op == "*":
        return masked(f"({left} * {right})", width)
    return _division(expr, left, right)


def _shift(expr: ir.Binary, left: str, right: str) -> str:
    width, signed = expr.left.type.width, expr.left.type.signed
    bits = storage_bits(width)
    if isinstance(expr.right, ir.Const):
        return _constant_shift(expr.op, left, width, signed, expr.right.value)
    if width > 64:
        raise Unsupported(expr.span, f"the XDP target shifts {width} bits only by a constant")
    if expr.right.type.width > 64:
        raise Unsupported(expr.span, "the XDP target takes shift amounts of at most 64 bits")
    if expr.op == "<<":
        return masked(f"shl{bits}({left}, {right})", width)
    if not signed:
        return f"shr{bits}({left}, {right})"
    return masked(f"sar{bits}({sign_extended(left, width)}, {right})", width)


def _constant_shift(op: str, left: str, width: int, signed: bool, amount: int) -> str:
    if op == ">>" and signed:
        shifted = f"({sign_extended(left, width)} >> {min(amount, width - 1)})"
        return masked(f"(({c_type(width)}){shifted})", width)
    if amount >= width:
        return literal(0, width)
    return masked(f"({left} << {amount})", width) if op == "<<" else f"({left} >> {amount})"


def _saturating(expr: ir.Binary, left: str, right: str) -> str:
    width, bits = expr.type.width, storage_bits(expr.type.width)
    name = "add" if expr.op == "|+|" else "sub"
    if not expr.type.signed:
        limit = f", {literal(-1, width)}" if name == "add" else ""
        return f"usat_{name}{bits}({left}, {right}{limit})"
    if width > 64:
        raise Unsupported(
            expr.span, f"the XDP target saturates signed numbers of at most 64 bits, not {width}"
        )
    left, right = sign_extended(left, width), sign_extended(right, width)
    low = literal(-(1 << width - 1), 64) if width == 64 else f"{-(1 << width - 1)}ll"
    return masked(f"ssat_{name}{bits}({left}, {right}, (i64){low}, {(1 << width - 1) - 1}ll)", width)


def _division(expr: ir.Binary, left: str, right: str) -> str:
    if expr.type.signed:
        raise Unsupported(expr.span, f"the XDP target has no signed '{expr.op}' (BPF's is unsigned)")
    name = "div" if expr.op == "/" else "mod"
    return f"{name}{storage_bits(expr.type.width)}({left}, {right})"
