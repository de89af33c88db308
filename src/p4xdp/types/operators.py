"""Operators and slices (specification, section 8)."""

from __future__ import annotations

from p4xdp.source import P4Error
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.convert import Converter
from p4xdp.types.model import BOOL, INT, Type
from p4xdp.types.relations import as_bits

_COMPARED = frozenset({"<", "<=", ">", ">="})
_EQUALITY = frozenset({"==", "!="})
_BITWISE = frozenset({"&", "|", "^"})


class OperatorChecker(Converter):
    def unary(self, e: ast.Unary) -> Type:
        type_ = self.infer(e.operand)
        if e.op == "!":
            if not isinstance(type_, model.Bool):
                raise P4Error(
                    e.span, f"'!' negates a bool, not {type_}; for bits there is '~', or compare with 0"
                )
            return BOOL
        bits = as_bits(type_)
        if bits is not None:
            return bits
        if isinstance(type_, model.Int):
            if e.op == "~":
                raise P4Error(e.span, "'~' needs a number with a width, e.g. ~8w1")
            return INT
        raise P4Error(e.span, f"'{e.op}' works on bit<W> and int<W>, not on {type_}")

    def binary(self, e: ast.Binary) -> Type:
        left, right = self.infer(e.left), self.infer(e.right)
        if e.op in ("&&", "||"):
            self.convert(e.left, BOOL, f"the left side of '{e.op}'")
            self.convert(e.right, BOOL, f"the right side of '{e.op}'")
            return BOOL
        if e.op in ("<<", ">>"):
            return self._shift(e, left, right)
        if e.op == "++":
            return self._concatenation(e, left, right)
        type_ = self._same(e, left, right)
        if e.op in _EQUALITY:
            if not _comparable(type_):
                raise P4Error(e.span, f"values of type {type_} cannot be compared")
            return BOOL
        return self._arithmetic(e, type_)

    def _same(self, e: ast.Binary, left: Type, right: Type) -> Type:
        """Brings both sides to one type: a number without width takes the other's."""
        if left == right:
            return left
        left_bits, right_bits = as_bits(left), as_bits(right)
        if left_bits is not None and (right_bits == left_bits or isinstance(right, model.Int)):
            self.convert(e.right, left_bits, f"the right side of '{e.op}'")
            return left_bits
        if right_bits is not None and isinstance(left, model.Int):
            self.convert(e.left, right_bits, f"the left side of '{e.op}'")
            return right_bits
        if e.op in _EQUALITY:
            if isinstance(e.right, ast.ListExpression | ast.StructExpression):
                self.convert(e.right, left, f"the right side of '{e.op}'")
                return left
            if isinstance(e.left, ast.ListExpression | ast.StructExpression):
                self.convert(e.left, right, f"the left side of '{e.op}'")
                return right
        advice = "; cast one of them" if left_bits is not None and right_bits is not None else ""
        raise P4Error(e.span, f"'{e.op}' needs two values of one type, not {left} and {right}{advice}")

    def _arithmetic(self, e: ast.Binary, type_: Type) -> Type:
        bits = as_bits(type_)
        if e.op in _COMPARED:
            if bits is None and not isinstance(type_, model.Int):
                raise P4Error(e.span, f"'{e.op}' compares numbers, not {type_}")
            return BOOL
        if isinstance(type_, model.Int):
            if e.op in _BITWISE or e.op in ("|+|", "|-|"):
                raise P4Error(e.span, f"'{e.op}' needs a number with a width on one side, e.g. 8w1")
            return INT
        if bits is None:
            raise P4Error(e.span, f"'{e.op}' works on bit<W> and int<W>, not on {type_}")
        if e.op in ("/", "%") and bits.signed:
            raise P4Error(e.span, f"'{e.op}' is not defined for signed numbers; cast to bit<{bits.width}>")
        if e.op in ("/", "%") and self.constant(e.right) == 0:
            raise P4Error(e.right.span, f"'{e.op}' by zero")
        return bits

    def _shift(self, e: ast.Binary, left: Type, right: Type) -> Type:
        amount = self.constant(e.right)
        if isinstance(amount, int) and amount < 0:
            raise P4Error(e.right.span, f"cannot shift by a negative amount ({amount})")
        right_bits = as_bits(right)
        if right_bits is not None and right_bits.signed:
            raise P4Error(e.right.span, f"shift by an unsigned amount, not {right}")
        if right_bits is None and not isinstance(right, model.Int):
            raise P4Error(e.right.span, f"shift by a number, not {right}")
        if isinstance(left, model.Int):
            if amount is None and not isinstance(right, model.Int):
                raise P4Error(e.left.span, "give the number shifted a width, e.g. 8w1")
            return INT
        bits = as_bits(left)
        if bits is None:
            raise P4Error(e.span, f"'{e.op}' shifts bit<W> and int<W>, not {left}")
        return bits

    def _concatenation(self, e: ast.Binary, left: Type, right: Type) -> Type:
        left_bits, right_bits = as_bits(left), as_bits(right)
        for side, type_, bits in ((e.left, left, left_bits), (e.right, right, right_bits)):
            if isinstance(type_, model.Int):
                raise P4Error(side.span, "'++' needs to know how wide this number is, e.g. 8w1")
            if bits is None:
                raise P4Error(side.span, f"'++' joins bit<W> and int<W>, not {type_}")
        assert left_bits is not None and right_bits is not None
        return model.Bits(left_bits.width + right_bits.width, left_bits.signed)

    def mux(self, e: ast.Mux, hint: Type | None) -> Type:
        self.check(e.condition, BOOL, "the condition of '?'")
        then, other = self.infer(e.then, hint), self.infer(e.other, hint)
        if then == other:
            return then
        if isinstance(then, model.Int) or isinstance(other, model.SerEnum):
            self.convert(e.then, other, "the first value of '?'")
            return other
        self.convert(e.other, then, "the second value of '?' (like the first)")
        return then

    # ----------------------------------------------------------------- slices

    def slice(self, e: ast.Slice) -> Type:
        bits = self._sliced(e.base)
        high = self.number(e.high, "the upper bound of a slice")
        low = self.number(e.low, "the lower bound of a slice")
        if high < low:
            raise P4Error(e.span, f"a slice is written [high:low]; {high} is below {low}")
        if high >= bits.width:
            raise P4Error(e.high.span, f"bit {high} is beyond {bits}: bits go from 0 to {bits.width - 1}")
        self.typed.slices[e] = (high, low)
        return model.Bits(high - low + 1)

    def width_slice(self, e: ast.WidthSlice) -> Type:
        bits = self._sliced(e.base)
        width = self.number(e.width, "the width of a slice", 1)
        low_type = self.infer(e.low)
        low = self.constant(e.low)
        if as_bits(low_type) is None and not isinstance(low_type, model.Int):
            raise P4Error(e.low.span, f"the lower bound of a slice must be a number, not {low_type}")
        if isinstance(low, int):
            if low < 0 or low + width > bits.width:
                raise P4Error(e.span, f"bits {low} to {low + width - 1} are not all in {bits}")
            self.typed.slices[e] = (low + width - 1, low)
        elif width > bits.width:
            raise P4Error(e.width.span, f"a slice of {width} bits is wider than {bits}")
        return model.Bits(width)

    def _sliced(self, base: ast.Expression) -> model.Bits:
        type_ = self.infer(base)
        bits = as_bits(type_)
        if isinstance(type_, model.Int):
            raise P4Error(base.span, "only a number with a width has bits to slice, e.g. 8w1")
        if bits is None:
            raise P4Error(base.span, f"only bit<W> and int<W> can be sliced, not {type_}")
        return bits


def _comparable(type_: Type) -> bool:
    match type_:
        case model.Fields():
            return all(_comparable(f.type) for f in type_.fields)
        case model.Tuple():
            return all(map(_comparable, type_.elements))
        case model.Stack():
            return _comparable(type_.element)
        case model.NewType():
            return _comparable(type_.base)
    return isinstance(
        type_,
        model.Bits | model.Int | model.Bool | model.Enum | model.SerEnum | model.Error | model.Varbit
        | model.TypeVar,
    )  # fmt: skip
