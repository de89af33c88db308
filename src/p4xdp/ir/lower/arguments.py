"""Passing arguments: by reference where nobody can tell the difference, else copied in and out.

P4 copies inout and out arguments back when the call ends. If no other argument overlaps one, and the
callee can reach its storage in no other way, working on the caller's storage directly is the same.
Controls, parsers and functions reach nothing but their parameters; an action sees its control's names.
"""

from __future__ import annotations

from collections.abc import Sequence

from p4xdp.ir import nodes as ir
from p4xdp.ir.lower.assign import assign, invalidate
from p4xdp.ir.lower.context import Context
from p4xdp.ir.lower.values import (
    SCALARS,
    Aggregate,
    ExternInstance,
    HeaderLiteral,
    Instance,
    Packet,
    Scope,
    Value,
    is_storage,
    stacks,
    stored,
)
from p4xdp.source import Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types.program import Bound


def pass_arguments(
    cx: Context,
    bounds: Sequence[Bound],
    scope: Scope,
    name: str,
    written: frozenset[ast.Node],
    isolated: bool,
    span: Span,
) -> ir.Body:
    """Binds the parameters in `scope` and emits what copies in; returns what copies out after the call.

    `written` are the parameters that the callee changes, `name` begins the names of copies.
    """
    given = [b for b in bounds if b.value is not None]
    targets = frozenset(i for i, b in enumerate(given) if b.parameter.direction in ("out", "inout"))
    values = cx.values([b.value for b in given if b.value is not None], targets)
    changed = {i: stored(values[i]) for i in sorted(targets)}
    touched = frozenset().union(*changed.values())
    for i, (bound, value) in enumerate(zip(given, values, strict=True)):
        if i not in changed:
            undisturbed = isolated and not stored(value) & touched
            shared = _shared(value, bound.parameter in written, undisturbed)
            scope.bind(bound.parameter, value if shared else _copied(cx, bound, value, name, span))
    copy_out: list[tuple[Value, Value]] = []
    for i, covered in changed.items():
        bound, value = given[i], values[i]
        others = frozenset().union(*(names for j, names in changed.items() if j != i))
        if isolated and is_storage(value) and not covered & others:
            scope.bind(bound.parameter, value)
            if bound.parameter.direction == "out":
                invalidate(cx, value, span)
            continue
        copied = _copied(cx, bound, value if bound.parameter.direction == "inout" else None, name, span)
        scope.bind(bound.parameter, copied)
        copy_out.append((value, copied))
    _omitted(cx, bounds, scope, name)

    def copy() -> None:
        for target, source in copy_out:
            assign(cx, target, source, span)

    return cx.collect(copy) if copy_out else ()


def _copied(cx: Context, bound: Bound, value: Value | None, name: str, span: Span) -> Value:
    """New storage for a parameter, holding `value`, or nothing yet."""
    if cx.indices is not None and value is not None and any(stacks(value)):
        why = f"the header stack for {bound.parameter.name} is part of another argument, too"
        raise Unsupported(span, why)
    copied = cx.storage(f"{name}.{bound.parameter.name}", bound.type, bound.parameter.span)
    if value is None:
        invalidate(cx, copied, span)
    else:
        assign(cx, copied, value, span)
    return copied


def _omitted(cx: Context, bounds: Sequence[Bound], scope: Scope, name: str) -> None:
    """`_` for an out parameter: storage that nobody reads."""
    for bound in bounds:
        if bound.value is None and bound.parameter.direction:
            unused = cx.storage(f"{name}.{bound.parameter.name}", bound.type, bound.parameter.span)
            scope.bind(bound.parameter, unused)


def _shared(value: Value, written: bool, undisturbed: bool) -> bool:
    """Whether an `in` argument needs no copy: compile-time things, and what nobody changes meanwhile."""
    if isinstance(value, Packet | ExternInstance | Instance | str):
        return True
    if written:
        return False
    if isinstance(value, ir.Const):
        return True
    return undisturbed and _cheap(value)


def _cheap(value: Value) -> bool:
    """Whether it may be evaluated at every use."""
    match value:
        case ir.Cast(operand=operand) | ir.Slice(operand=operand):
            return isinstance(operand, ir.Load)
        case Aggregate() | HeaderLiteral():
            return all(_cheap(v) for v in value.fields.values())
    return not isinstance(value, SCALARS) or isinstance(value, ir.Const | ir.Load | ir.IsValid)
