"""Keysets of select cases and table entries: constants, masks, ranges, anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import bits, cast
from p4xdp.ir.lower.context import Context
from p4xdp.ir.lower.values import scalar
from p4xdp.source import Unsupported
from p4xdp.syntax import ast

ANY = ir.KeySet("any")


def keysets(
    cx: Context, components: Iterable[ast.Expression], types: Iterable[ir.Bits]
) -> Iterator[tuple[ir.KeySet, ...]]:
    """One keyset for each type, in as many ways as it takes: together they are what `components` denote."""
    return product(*(_keyset(cx, c, t) for c, t in zip(components, types, strict=True)))


def key(value: ir.Expr) -> ir.Expr:
    """What is looked up: keysets are sets of unsigned numbers."""
    return cast(value, bits(value.type.width), value.span) if value.type.signed else value


def _keyset(cx: Context, e: ast.Expression, type: ir.Bits) -> tuple[ir.KeySet, ...]:
    """The set of values of `type` (as unsigned numbers) that `e` denotes."""
    match e:
        case ast.AnyValue():
            return (ANY,)
        case ast.Mask():
            value, mask = _number(cx, e.value, type), _number(cx, e.mask, type)
            return (ir.KeySet("mask", value & mask, mask),)
        case ast.Range():
            low, high = _number(cx, e.low, type), _number(cx, e.high, type)
            return _signed_range(low, high, type) if type.signed else (ir.KeySet("range", low, high),)
        case ast.ListExpression(elements=(only,)):
            return _keyset(cx, only, type)
    return (ir.KeySet("exact", _number(cx, e, type)),)


def _signed_range(low: int, high: int, type: ir.Bits) -> tuple[ir.KeySet, ...]:
    """As unsigned numbers, the negative ones follow the others."""
    first_negative = 1 << (type.width - 1)
    if low >= first_negative > high:
        return ir.KeySet("range", 0, high), ir.KeySet("range", low, 2 * first_negative - 1)
    if high >= first_negative > low:  # from a number up to a smaller one: nothing
        return (ir.KeySet("range", 1, 0),)
    return (ir.KeySet("range", low, high),)


def _number(cx: Context, e: ast.Expression, type: ir.Bits) -> int:
    value = scalar(cx.value(e), e.span)
    if not isinstance(value, ir.Const):
        raise Unsupported(e.span, "this must be known at compile time")
    folded = cast(value, type)
    assert isinstance(folded, ir.Const)
    return folded.value & (1 << type.width) - 1
