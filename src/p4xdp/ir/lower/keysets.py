"""Keysets of select cases and table entries: constants, masks, ranges, anything."""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import cast
from p4xdp.ir.lower.context import Context
from p4xdp.ir.lower.values import scalar
from p4xdp.source import Unsupported
from p4xdp.syntax import ast

ANY = ir.KeySet("any")


def keyset(cx: Context, e: ast.Expression, type: ir.Bits) -> ir.KeySet:
    """The set of values of `type` (as unsigned numbers) that `e` denotes."""
    match e:
        case ast.AnyValue():
            return ANY
        case ast.Mask():
            value, mask = _number(cx, e.value, type), _number(cx, e.mask, type)
            return ir.KeySet("mask", value & mask, mask)
        case ast.Range():
            return ir.KeySet("range", _number(cx, e.low, type), _number(cx, e.high, type))
        case ast.ListExpression(elements=(only,)):
            return keyset(cx, only, type)
    return ir.KeySet("exact", _number(cx, e, type))


def _number(cx: Context, e: ast.Expression, type: ir.Bits) -> int:
    value = scalar(cx.value(e), e.span)
    if not isinstance(value, ir.Const):
        raise Unsupported(e.span, "this must be known at compile time")
    folded = cast(value, type)
    assert isinstance(folded, ir.Const)
    return folded.value & (1 << type.width) - 1
