"""Copying values: scalars, slices, headers with their validity, and structs field by field."""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import FALSE, TRUE, cast
from p4xdp.ir.lower.context import Context
from p4xdp.ir.lower.values import (
    SCALARS,
    Aggregate,
    HeaderLiteral,
    Stack,
    Value,
    leaves,
    same_storage,
    scalar,
    stacks,
    stored,
)
from p4xdp.source import Span, Unsupported


def assign(cx: Context, target: Value, value: Value, span: Span) -> None:
    """`target = value`, as if all of `value` were read before anything is written."""
    compound = not isinstance(target, SCALARS)
    if compound and stored(value) & stored(target) and not same_storage(target, value):
        value = cx.keep(value, span)
    copy(cx, target, value, span)


def copy(cx: Context, target: Value, value: Value, span: Span) -> None:
    match target:
        case ir.Load():
            emit_assign(cx, target, scalar(value, span), span)
        case ir.Slice(operand=ir.Load(place=place)):
            narrow = cast(scalar(value, span), target.type, span)
            cx.emit(ir.AssignSlice(place, target.high, target.low, narrow, span))
        case ir.Cast(operand=ir.Slice() | ir.Load()):  # a slice of the whole of a signed variable
            copy(cx, target.operand, cast(scalar(value, span), target.operand.type, span), span)
        case ir.Header():
            _copy_header(cx, target, value, span)
        case Aggregate() if isinstance(value, Aggregate):
            for (_, part), source in zip(target.fields.items(), value.fields.values(), strict=True):
                copy(cx, part, source, span)
        case Aggregate() if isinstance(value, HeaderLiteral) and not value.valid:  # union = {#}
            invalidate(cx, target, span)
        case Stack() if isinstance(value, Stack):
            if cx.indices is not None and not value.name:
                raise Unsupported(span, "in a parser, fill a header stack by extracting or from another one")
            cx.move(target, cx.position(value))
            for part, source in zip(target.elements, value.elements, strict=True):
                copy(cx, part, source, span)
        case _:
            raise Unsupported(span, "nothing can be assigned to this")


def emit_assign(cx: Context, target: ir.Load, value: ir.Expr, span: Span) -> None:
    if isinstance(value, ir.Load) and value.place == target.place:
        return
    if value.type != target.type:
        value = cast(value, target.type, span)
    place = target.place
    if (
        isinstance(place, ir.Var)
        and place.name == "standard_metadata.mcast_grp"
        and value != ir.Const(0, value.type)
    ):
        raise Unsupported(span, "multicast (mcast_grp) is not supported: send to one port by egress_spec")
    cx.emit(ir.Assign(place, value, span))


def _copy_header(cx: Context, target: ir.Header, value: Value, span: Span) -> None:
    match value:
        case ir.Header() if value.name == target.name:
            return
        case ir.Header():
            for ours, theirs in zip(target.fields, value.fields, strict=True):
                source = ir.Load(ir.FieldRef(value, theirs), span)
                cx.emit(ir.Assign(ir.FieldRef(target, ours), source, span))
            set_validity(cx, target, ir.IsValid(value, span), span)
        case HeaderLiteral() if not value.valid:
            set_validity(cx, target, FALSE, span)
        case HeaderLiteral() | Aggregate():
            sources = list(leaves(value))
            for ours, leaf in zip(target.fields, sources, strict=True):
                place = ir.FieldRef(target, ours)
                emit_assign(cx, ir.Load(place, span), scalar(leaf, span), span)
            set_validity(cx, target, TRUE, span)
        case _:
            raise Unsupported(span, "only a header can be assigned to a header")


def set_validity(cx: Context, header: ir.Header, valid: ir.Expr, span: Span) -> None:
    """Of a union's headers at most one is valid."""
    siblings = cx.siblings.get(header.name, ())
    if siblings and valid != FALSE:
        others = tuple(ir.SetValidity(s, FALSE, span) for s in siblings)
        if valid == TRUE:
            cx.out.extend(others)
        else:
            cx.emit(ir.If(valid, others, (), span))
    cx.emit(ir.SetValidity(header, valid, span))


def invalidate(cx: Context, value: Value, span: Span) -> None:
    """All headers in `value`, as at the start of a variable's or an out parameter's life."""
    for stack in stacks(value):
        cx.move(stack, 0)
    for leaf in leaves(value):
        if isinstance(leaf, ir.Header):
            cx.emit(ir.SetValidity(leaf, FALSE, span))
