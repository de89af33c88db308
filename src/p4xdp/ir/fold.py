"""Building expressions: each function here makes the node of its name, or something simpler that is equal.

Constants fold, identities vanish, slices reach through concatenations and casts. Lowering builds with
these, and the passes rebuild with them, so that a constant found late folds like one found early.
Only rewrites that never repeat or reorder work are here.
"""

from __future__ import annotations

from functools import cache

from p4xdp.ir.nodes import (
    BOOL,
    Binary,
    BinaryOp,
    Bits,
    Cast,
    Concat,
    Const,
    Expr,
    Mux,
    Slice,
    Unary,
    UnaryOp,
)
from p4xdp.source import NOWHERE, Span

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_OPPOSITE: dict[str, BinaryOp] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


@cache
def bits(width: int, signed: bool = False) -> Bits:
    return Bits(width, signed)


def reduce(value: int, type: Bits) -> int:
    """`value` modulo 2**width, negative if the type is signed and the top bit is set."""
    value &= (1 << type.width) - 1
    return value - (1 << type.width) if type.signed and value >> (type.width - 1) else value


def const(value: int, type: Bits, span: Span = NOWHERE) -> Const:
    return Const(reduce(int(value), type), type, span)


TRUE = Const(1, BOOL)
FALSE = Const(0, BOOL)


def boolean(value: bool) -> Const:
    return TRUE if value else FALSE


def _unsigned(c: Const) -> int:
    return c.value & (1 << c.type.width) - 1


# --------------------------------------------------------------------------- unary


def unary(op: UnaryOp, a: Expr, span: Span = NOWHERE) -> Expr:
    if op == "!":
        return negate(a, span)
    if isinstance(a, Const):
        return const(~a.value if op == "~" else -a.value, a.type, span)
    if isinstance(a, Unary) and a.op == op:
        return a.operand
    return Unary(op, a, a.type, span)


def negate(a: Expr, span: Span = NOWHERE) -> Expr:
    """`!a`"""
    if isinstance(a, Const):
        return boolean(not a.value)
    if isinstance(a, Unary):
        return a.operand
    if isinstance(a, Binary) and a.op in _OPPOSITE:
        return Binary(_OPPOSITE[a.op], a.left, a.right, BOOL, a.span)
    return Unary("!", a, BOOL, span)


# --------------------------------------------------------------------------- binary


def binary(op: BinaryOp, a: Expr, b: Expr, span: Span = NOWHERE) -> Expr:
    """`a op b`; the type follows from the operands."""
    if op == "&&" or op == "||":
        return _logical(op, a, b, span)
    if op in COMPARISONS:
        return _comparison(op, a, b, span)
    if isinstance(b, Const):
        if isinstance(a, Const):
            return const(_arithmetic(op, a, b), a.type, span)
        simpler = _with_constant_right(op, a, b, span)
        if simpler is not None:
            return simpler
    elif isinstance(a, Const):
        if op in ("+", "&", "|", "^", "*"):
            return binary(op, b, a, span)
        if a.value == 0 and op in ("<<", ">>", "/", "%"):
            return a
    elif op in ("-", "^") and a == b:
        return const(0, a.type, span)
    elif op in ("&", "|") and a == b:
        return a
    return Binary(op, a, b, a.type, span)


def _arithmetic(op: str, a: Const, b: Const) -> int:
    x, y, type = a.value, b.value, a.type
    low = -(1 << (type.width - 1)) if type.signed else 0
    high = (1 << (type.width - 1 if type.signed else type.width)) - 1
    match op:
        case "+":
            return x + y
        case "-":
            return x - y
        case "*":
            return x * y
        case "/":
            return x // y if y else 0
        case "%":
            return x % y if y else x
        case "|+|":
            return max(low, min(high, x + y))
        case "|-|":
            return max(low, min(high, x - y))
        case "&":
            return x & y
        case "|":
            return x | y
        case "^":
            return x ^ y
        case "<<":
            return 0 if y >= type.width else x << y
        case ">>":
            return x >> min(y, type.width)
    raise ValueError(op)


def _with_constant_right(op: BinaryOp, a: Expr, b: Const, span: Span) -> Expr | None:
    value, type = b.value, a.type
    ones = _unsigned(b) == (1 << b.type.width) - 1 and op in ("&", "|")
    if value == 0:
        if op in ("+", "-", "|", "^", "<<", ">>", "|+|", "|-|", "%"):
            return a
        if op in ("&", "*", "/"):
            return const(0, type, span)
    if ones:
        return a if op == "&" else const(-1, type, span)
    if value == 1 and op in ("*", "/"):
        return a
    if op in ("<<", ">>") and value >= type.width and not (op == ">>" and type.signed):
        return const(0, type, span)
    if op in ("%", "/") and not type.signed and value > 0 and value & (value - 1) == 0:
        if op == "%":
            return binary("&", a, const(value - 1, type, span), span)
        return binary(">>", a, const(value.bit_length() - 1, bits(32), span), span)
    if op == "&" and isinstance(a, Cast) and not a.operand.type.signed and not type.signed:
        inner = (1 << a.operand.type.width) - 1
        if a.operand.type.width < type.width and value & inner == inner:
            return a
    if op in ("&", "|", "^", "+") and isinstance(a, Binary) and a.op == op and isinstance(a.right, Const):
        return binary(op, a.left, const(_arithmetic(op, a.right, b), type, span), span)
    return None


def _comparison(op: BinaryOp, a: Expr, b: Expr, span: Span) -> Expr:
    if isinstance(a, Const) and isinstance(b, Const):
        x, y = a.value, b.value
        holds = {"==": x == y, "!=": x != y, "<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[op]
        return boolean(holds)
    if isinstance(a, Const) and op in ("==", "!="):
        a, b = b, a
    if isinstance(b, Const):
        if a.type.is_bool and op in ("==", "!="):
            return a if bool(b.value) == (op == "==") else negate(a, span)
        if not a.type.signed:
            top = (1 << a.type.width) - 1
            if (b.value == 0 and op in ("<", ">=")) or (b.value == top and op in (">", "<=")):
                return boolean(op in (">=", "<="))
        if op in ("==", "!=") and isinstance(a, Cast) and not (a.type.signed or a.operand.type.signed):
            return _narrowed(op, a, b, span)
    elif a == b:
        return boolean(op in ("==", "<=", ">="))
    return Binary(op, a, b, BOOL, span)


def _narrowed(op: BinaryOp, a: Cast, b: Const, span: Span) -> Expr:
    """A zero-extended value compared with a constant: compares the narrow value."""
    inner = a.operand.type
    if inner.is_bool or inner.width > a.type.width:
        return Binary(op, a, b, BOOL, span)
    if b.value >> inner.width:
        return boolean(op == "!=")
    return _comparison(op, a.operand, const(b.value, inner, b.span), span)


def _logical(op: BinaryOp, a: Expr, b: Expr, span: Span) -> Expr:
    decisive = 0 if op == "&&" else 1
    if isinstance(a, Const):
        return a if a.value == decisive else b
    if isinstance(b, Const):
        return b if b.value == decisive else a
    return a if a == b else Binary(op, a, b, BOOL, span)


# --------------------------------------------------------------------------- bits


def concat(a: Expr, b: Expr, span: Span = NOWHERE) -> Expr:
    """`a ++ b`, of a's signedness."""
    type = bits(a.type.width + b.type.width, a.type.signed)
    if isinstance(a, Const) and isinstance(b, Const):
        return const(a.value << b.type.width | _unsigned(b), type, span)
    if isinstance(a, Slice) and isinstance(b, Slice) and a.low == b.high + 1 and a.operand == b.operand:
        return slice_(a.operand, a.high, b.low, span)
    return Concat(a, b, type, span)


def slice_(a: Expr, high: int, low: int, span: Span = NOWHERE) -> Expr:
    """`a[high:low]`"""
    type = bits(high - low + 1)
    match a:
        case Const():
            return const(_unsigned(a) >> low, type, span)
        case Slice():
            return slice_(a.operand, a.low + high, a.low + low, span)
        case Concat(left=left, right=right):
            split = right.type.width
            if low >= split:
                return slice_(left, high - split, low - split, span)
            if high < split:
                return slice_(right, high, low, span)
            return concat(slice_(left, high - split, 0, span), slice_(right, split - 1, low, span), span)
        case Cast(operand=operand):
            if high < operand.type.width and not operand.type.is_bool:
                return slice_(operand, high, low, span)
            if low >= operand.type.width and not operand.type.signed:
                return const(0, type, span)
    if low == 0 and high == a.type.width - 1:
        return cast(a, type, span)
    return Slice(a, high, low, type, span)


def cast(a: Expr, type: Bits, span: Span = NOWHERE) -> Expr:
    source = a.type
    if source == type:
        return a
    if isinstance(a, Const):
        return const(a.value, type, span)
    if isinstance(a, Cast) and not source.is_bool and not type.is_bool:
        inner = a.operand.type
        if source.width >= type.width:  # what the inner cast added or kept above is cut again
            return cast(a.operand, type, span) if inner.width >= type.width else _extend(a, type, span)
        if not inner.signed and not source.signed and inner.width <= source.width:
            return cast(a.operand, type, span)
    if isinstance(a, Slice) and type.width < source.width:
        return cast(slice_(a.operand, a.low + type.width - 1, a.low, span), type, span)
    return Cast(a, type, span)


def _extend(a: Cast, type: Bits, span: Span) -> Expr:
    """(type)(wider)narrow, wider at least as wide as type, narrow narrower than type."""
    inner = a.operand.type
    if inner.signed == a.type.signed and not inner.is_bool:
        return (
            cast(a.operand, bits(type.width, inner.signed), span)
            if inner.signed == type.signed
            else Cast(a, type, span)
        )
    return Cast(a, type, span)


def mux(condition: Expr, then: Expr, other: Expr, span: Span = NOWHERE) -> Expr:
    """`condition ? then : other`"""
    if isinstance(condition, Const):
        return then if condition.value else other
    if then == other:
        return then
    if then.type.is_bool and isinstance(then, Const) and isinstance(other, Const):
        return condition if then.value else negate(condition, span)
    return Mux(condition, then, other, then.type, span)
