"""Tables where they are applied: keys, actions with their data, entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast as typing_cast
from typing import get_args

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import bits
from p4xdp.ir.lower.arguments import pass_arguments
from p4xdp.ir.lower.context import Context
from p4xdp.ir.lower.keysets import key, keysets
from p4xdp.ir.lower.naming import control_name, key_name
from p4xdp.ir.lower.statements import returning
from p4xdp.ir.lower.values import Scope, TableInstance, scalar
from p4xdp.source import P4Error, Span, Unsupported
from p4xdp.syntax import ast

DEFAULT_SIZE = 1024
MAX_SIZE = 1 << 26
ACTION_NUMBER = bits(32)


def apply_table(cx: Context, table: TableInstance, span: Span) -> tuple[ir.Expr, ir.Expr]:
    """Emits the application; yields whether it hit, and the number of the action run."""
    if table.applied is not None:
        raise Unsupported(span, f"{table.name} is applied a second time (first in line {table.applied.line})")
    table.applied = span
    declaration = table.declaration
    _check_properties(declaration)
    if table.name in cx.tables:
        raise P4Error(declaration.span, f"two tables have the control-plane name {table.name}")
    found = cx.values([k.expression for k in declaration.keys])
    values = [scalar(v, k.span) for k, v in zip(declaration.keys, found, strict=True)]
    keys = tuple(_key(k, v) for k, v in zip(declaration.keys, values, strict=True))
    actions = tuple(_action(cx, table, a) for a in declaration.actions)
    numbers: dict[ast.Node, int] = {
        cx.typed.declarations[a.name]: i for i, a in enumerate(declaration.actions)
    }
    lowered = ir.Table(
        table.name,
        keys,
        actions,
        _default(cx, declaration, actions, numbers),
        declaration.const_default,
        _entries(cx, declaration, [v.type for v in values], numbers),
        _size(cx, declaration),
        declaration.span,
    )
    lowered = _with_default(cx, lowered, declaration)
    cx.tables[table.name] = lowered
    hit = cx.variable(f"{table.name}.hit", ir.BOOL, span)
    number = cx.variable(f"{table.name}.action_run", ACTION_NUMBER, span)
    cx.emit(ir.ApplyTable(lowered, hit, number, span))
    return ir.Load(hit, span), ir.Load(number, span)


def _check_properties(declaration: ast.TableDeclaration) -> None:
    for p in declaration.properties:
        if p.name in ("implementation", "counters", "meters"):
            raise Unsupported(p.span, f"the table property {p.name} is not supported")


def _size(cx: Context, declaration: ast.TableDeclaration) -> int:
    for p in declaration.properties:
        if p.name == "size":
            size = cx.number(p.value)
            if size > MAX_SIZE:
                raise Unsupported(p.value.span, f"{size} entries are more than the {MAX_SIZE} supported")
            return size
    return DEFAULT_SIZE


def _key(element: ast.KeyElement, value: ir.Expr) -> ir.TableKey:
    kinds = get_args(ir.MatchKind)
    if element.match_kind not in kinds or element.match_kind == "selector":
        raise Unsupported(element.span, f"the match kind {element.match_kind} is not supported")
    return ir.TableKey(key_name(element), key(value), typing_cast(ir.MatchKind, element.match_kind))


# --------------------------------------------------------------------------- actions


def _action(cx: Context, table: TableInstance, ref: ast.ActionRef) -> ir.Action:
    """The action's body with bound arguments in place; what has no direction is data of the entry."""
    declaration = cx.typed.declarations[ref.name]
    assert isinstance(declaration, ast.ActionDeclaration)
    scope = Scope(cx.scope)
    name = action_name(cx, declaration)
    data: list[ir.Var] = []
    call = cx.typed.calls.get(ref)
    for p in declaration.parameters:
        if not p.direction:
            type = cx.bits(cx.resolve(cx.typed.variables[p]), p.span)
            data.append(cx.variable(f"{table.name}.{declaration.name}.{p.name}", type, p.span))
            scope.bind(p, ir.Load(data[-1], p.span))

    def make() -> None:
        copy_out: ir.Body = ()
        if call is not None:
            bounds = [b for b in call.arguments if b.parameter.direction]
            written = cx.writes.of(declaration)
            copy_out = pass_arguments(cx, bounds, scope, name, written, False, ref.span)
        with cx.owing(copy_out), cx.inside(scope, cx.instance, f"{name}."):
            returning(cx, name, None, declaration.body, ref.span)

    return ir.Action(name, tuple(data), cx.collect(make), declaration.span)


def action_name(cx: Context, declaration: ast.ActionDeclaration) -> str:
    """Actions at the top level have no control's name before theirs."""
    if declaration in cx.global_actions:
        with cx.inside(cx.scope, cx.instance, ""):
            return control_name(cx, declaration.name, declaration.annotations)
    return control_name(cx, declaration.name, declaration.annotations)


def _call(cx: Context, ref: ast.ActionRef, numbers: dict[ast.Node, int]) -> ir.ActionCall:
    """An entry's or default's action with its data."""
    number = numbers.get(cx.typed.declarations[ref.name])
    if number is None:
        raise P4Error(ref.span, f"{ref.name.name} is not among the table's actions")
    call = cx.typed.calls.get(ref)
    data: list[int] = []
    for bound in call.arguments if call is not None else ():
        if not bound.parameter.direction and bound.value is not None:
            value = scalar(cx.value(bound.value), ref.span)
            if not isinstance(value, ir.Const):
                raise P4Error(bound.value.span, "action data must be known at compile time")
            data.append(value.value)
    return ir.ActionCall(number, tuple(data))


def _default(
    cx: Context,
    declaration: ast.TableDeclaration,
    actions: tuple[ir.Action, ...],
    numbers: dict[ast.Node, int],
) -> ir.ActionCall:
    """Without default_action it is NoAction, which `_with_default` adds if the table does not list it."""
    if declaration.default_action is not None:
        return _call(cx, declaration.default_action, numbers)
    for i, a in enumerate(actions):
        if a.name == "NoAction":
            return ir.ActionCall(i)
    return ir.ActionCall(len(actions))


def _with_default(cx: Context, table: ir.Table, declaration: ast.TableDeclaration) -> ir.Table:
    if table.default.action < len(table.actions):
        return table
    nothing = ir.Action("NoAction", (), (), declaration.span)
    return ir.Table(
        table.name,
        table.keys,
        (*table.actions, nothing),
        table.default,
        table.default_const,
        table.entries,
        table.size,
        table.span,
    )


# --------------------------------------------------------------------------- entries


def _entries(
    cx: Context,
    declaration: ast.TableDeclaration,
    types: Sequence[ir.Bits],
    numbers: dict[ast.Node, int],
) -> tuple[ir.Entry, ...]:
    found = []
    for e, priority in zip(declaration.entries, _priorities(cx, declaration), strict=True):
        components = e.keysets
        if len(components) == 1 and isinstance(components[0], ast.ListExpression):
            components = components[0].elements
        const_entry = declaration.const_entries or e.const
        call = _call(cx, e.action, numbers)
        for sets in keysets(cx, components, types):
            found.append(ir.Entry(sets, call, priority, const_entry, e.span))
    return tuple(found)


def _priorities(cx: Context, declaration: ast.TableDeclaration) -> list[int]:
    """The IR's, where the smaller wins. In P4 the larger wins, unless the table says otherwise; an entry
    without one stands `priority_delta` behind the entry above (specification, "Entries initializers")."""
    if all(e.priority is None for e in declaration.entries):
        return list(range(1, len(declaration.entries) + 1))
    largest_wins, delta = True, 1
    for p in declaration.properties:
        if p.name == "largest_priority_wins":
            largest_wins = cx.constant(p.value) is not False
        elif p.name == "priority_delta":
            delta = cx.number(p.value)
    sign = -1 if largest_wins else 1
    last = sign * ((len(declaration.entries) - 1) * delta + 1 if largest_wins else 1) - delta
    found = []
    for e in declaration.entries:
        last = sign * cx.number(e.priority) if e.priority is not None else last + delta
        found.append(last)
    return found
