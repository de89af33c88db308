"""IR expressions as Python source text over ints.

A value of Bits(w) is an int in [0, 2**w), of signed Bits(w) in [-2**(w-1), 2**(w-1)); a bool is 0/1 or
False/True. Every expression written here yields a value already reduced to its type.
Division by zero yields 0 and a remainder by zero its left operand, as in BPF.
"""

from __future__ import annotations

from collections.abc import Callable

from p4xdp.ir.nodes import (
    Binary,
    Bits,
    Cast,
    Concat,
    Const,
    Expr,
    Header,
    IsValid,
    Load,
    Mux,
    Place,
    Slice,
    Unary,
)

# CPython's tokenizer takes at most 200 nested parentheses; deeper expressions are split by the caller.
MAX_DEPTH = 60

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))


def mask(width: int) -> int:
    return (1 << width) - 1


def wrap(text: str, type: Bits) -> str:
    """`text`, any integer, reduced to `type`."""
    if not type.signed:
        return f"({text} & {mask(type.width):#x})"
    half = 1 << (type.width - 1)
    return f"((({text}) + {half:#x} & {mask(type.width):#x}) - {half:#x})"


class ExpressionWriter:
    """`place` and `valid` name the Python variables of storage; `spill` assigns a text to a new variable
    ahead of the statement being written and returns its name."""

    def __init__(
        self, place: Callable[[Place], str], valid: Callable[[Header], str], spill: Callable[[str], str]
    ) -> None:
        self._place = place
        self._valid = valid
        self._spill = spill

    def write(self, expr: Expr) -> str:
        return self._write(expr)[0]

    def unsigned(self, expr: Expr) -> str:
        """The bits of a signed value, too, as a number from 0 up."""
        return self._unsigned(expr)[0]

    def _write(self, expr: Expr) -> tuple[str, int]:
        """The text and how deep its parentheses nest."""
        text, depth = self._parts(expr)
        if depth > MAX_DEPTH:
            return self._spill(text), 0
        return text, depth

    def _parts(self, expr: Expr) -> tuple[str, int]:
        match expr:
            case Const(value=value, type=type):
                return (f"({value})" if value < 0 else str(int(value)) if type.is_bool else f"{value:#x}"), 0
            case Load(place=place):
                return self._place(place), 0
            case IsValid(header=header):
                return self._valid(header), 0
            case Unary():
                return self._unary(expr)
            case Binary():
                return self._binary(expr)
            case Concat(left=left, right=right):
                a, da = self._unsigned(left)
                b, db = self._unsigned(right)
                text = f"({a} << {right.type.width} | {b})"
                return (wrap(text, expr.type) if expr.type.signed else text), max(da, db) + 3
            case Slice(operand=operand, high=high, low=low):
                a, d = self._write(operand)
                shifted = f"{a} >> {low}" if low else a
                if high == operand.type.width - 1 and not operand.type.signed:
                    return f"({shifted})", d + 1
                return f"({shifted} & {mask(high - low + 1):#x})", d + 1
            case Cast():
                return self._cast(expr)
            case Mux(condition=condition, then=then, other=other):
                c, dc = self._write(condition)
                a, da = self._write(then)
                b, db = self._write(other)
                return f"({a} if {c} else {b})", max(da, db, dc) + 1

    def _unsigned(self, expr: Expr) -> tuple[str, int]:
        text, depth = self._write(expr)
        if expr.type.signed:
            return f"({text} & {mask(expr.type.width):#x})", depth + 1
        return text, depth

    def _unary(self, expr: Unary) -> tuple[str, int]:
        a, d = self._write(expr.operand)
        if expr.op == "!":
            return f"(not {a})", d + 1
        if expr.op == "~":
            return (f"(~{a})" if expr.type.signed else f"({a} ^ {mask(expr.type.width):#x})"), d + 1
        return wrap(f"-{a}", expr.type), d + 3

    def _cast(self, expr: Cast) -> tuple[str, int]:
        a, d = self._write(expr.operand)
        source, target = expr.operand.type, expr.type
        keeps = (
            source.width <= target.width
            if source.signed == target.signed
            else not source.signed and source.width < target.width
        )
        return (a, d) if keeps else (wrap(a, target), d + 3)

    def _binary(self, expr: Binary) -> tuple[str, int]:
        a, da = self._write(expr.left)
        b, db = self._write(expr.right)
        depth = max(da, db) + 1
        op, type = expr.op, expr.type
        if op in COMPARISONS:
            return f"({a} {op} {b})", depth
        if op == "&&":
            return f"({a} and {b})", depth
        if op == "||":
            return f"({a} or {b})", depth
        if op in ("&", "|", "^"):
            return f"({a} {op} {b})", depth
        if op in ("+", "-", "*"):
            return wrap(f"{a} {op} {b}", type), depth + 3
        if op in ("|+|", "|-|"):
            return self._saturating(a, op, b, type), depth + 2
        if op in ("<<", ">>"):
            return self._shift(expr, a, b), depth + 3
        if op == "/":
            return f"({b} and {a} // {b})", depth
        return f"({a} % {b} if {b} else {a})", depth

    def _saturating(self, a: str, op: str, b: str, type: Bits) -> str:
        low = -(1 << (type.width - 1)) if type.signed else 0
        high = mask(type.width - 1) if type.signed else mask(type.width)
        return f"max(min({a} {op[1]} {b}, {high}), {low})"

    def _shift(self, expr: Binary, a: str, b: str) -> str:
        width = expr.type.width
        if expr.op == ">>":
            return f"({a} >> {b})"
        if isinstance(expr.right, Const):
            return "0" if expr.right.value >= width else wrap(f"{a} << {b}", expr.type)
        if expr.right.type.width <= 10:  # so few bits that the shift itself is cheap
            return wrap(f"{a} << {b}", expr.type)
        return wrap(f"{a} << min({b}, {width})", expr.type)
