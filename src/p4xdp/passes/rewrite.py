"""Walking the IR: what every pass needs. Nodes that do not change stay the same objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import binary, cast, concat, mux, slice_, unary

Leaf = ir.Load | ir.IsValid
Replace = Callable[[Leaf], ir.Expr]


def rewrite(e: ir.Expr, leaf: Replace) -> ir.Expr:
    """`e` with every Load and IsValid replaced by what `leaf` says, folded again where that changes it."""
    kind = type(e)
    if kind is ir.Load or kind is ir.IsValid:
        return leaf(e)  # type: ignore[arg-type]
    if kind is ir.Const:
        return e
    match e:
        case ir.Binary():
            a, b = rewrite(e.left, leaf), rewrite(e.right, leaf)
            return e if a is e.left and b is e.right else binary(e.op, a, b, e.span)
        case ir.Unary():
            a = rewrite(e.operand, leaf)
            return e if a is e.operand else unary(e.op, a, e.span)
        case ir.Cast():
            a = rewrite(e.operand, leaf)
            return e if a is e.operand else cast(a, e.type, e.span)
        case ir.Slice():
            a = rewrite(e.operand, leaf)
            return e if a is e.operand else slice_(a, e.high, e.low, e.span)
        case ir.Concat():
            a, b = rewrite(e.left, leaf), rewrite(e.right, leaf)
            return e if a is e.left and b is e.right else concat(a, b, e.span)
        case ir.Mux():
            c, a, b = rewrite(e.condition, leaf), rewrite(e.then, leaf), rewrite(e.other, leaf)
            same = c is e.condition and a is e.then and b is e.other
            return e if same else mux(c, a, b, e.span)
    return e


def expressions(s: ir.Statement) -> Iterator[ir.Expr]:
    """The expressions in `s` itself, not those in statements inside it."""
    match s:
        case ir.Assign() | ir.AssignSlice():
            yield s.value
        case ir.If() | ir.Verify():
            yield s.condition
        case ir.Switch():
            yield s.subject
        case ir.SetValidity():
            yield s.valid
        case ir.RegisterRead() | ir.Count():
            yield s.index
        case ir.RegisterWrite():
            yield s.index
            yield s.value
        case ir.ApplyTable():
            yield from (k.expr for k in s.table.keys)
        case ir.Advance():
            yield s.bits
        case ir.LogMessage():
            yield from s.arguments


def bodies(s: ir.Statement) -> Iterator[ir.Body]:
    """The bodies directly inside `s`."""
    match s:
        case ir.If():
            yield s.then
            yield s.other
        case ir.Switch():
            yield from (b for _, b in s.cases)
            yield s.default
        case ir.Block() | ir.Atomic():
            yield s.body
        case ir.ApplyTable():
            yield from (a.body for a in s.table.actions)


def with_bodies(s: ir.Statement, change: Callable[[ir.Body], ir.Body]) -> ir.Statement:
    """`s` with each body directly inside it changed."""
    match s:
        case ir.If():
            then, other = change(s.then), change(s.other)
            return s if then is s.then and other is s.other else replace(s, then=then, other=other)
        case ir.Switch():
            made = tuple(change(b) for _, b in s.cases)
            default = change(s.default)
            if default is s.default and all(a is b for a, (_, b) in zip(made, s.cases, strict=True)):
                return s
            cases = tuple((v, b) for (v, _), b in zip(s.cases, made, strict=True))
            return replace(s, cases=cases, default=default)
        case ir.Block() | ir.Atomic():
            body = change(s.body)
            return s if body is s.body else replace(s, body=body)
        case ir.ApplyTable():
            made = tuple(change(a.body) for a in s.table.actions)
            if all(a is b.body for a, b in zip(made, s.table.actions, strict=True)):
                return s
            actions = tuple(replace(a, body=b) for a, b in zip(s.table.actions, made, strict=True))
            return replace(s, table=replace(s.table, actions=actions))
    return s


def walk(body: ir.Body) -> Iterator[ir.Statement]:
    """All statements in `body`, at any depth, outer ones first."""
    for s in body:
        yield s
        for inner in bodies(s):
            yield from walk(inner)


def top_bodies(program: ir.Program) -> Iterator[ir.Body]:
    """The bodies of the parser's states and of the five controls."""
    yield from (s.body for s in program.parser.states)
    yield from (program.verify, program.ingress, program.egress, program.compute, program.deparser)


def with_top_bodies(program: ir.Program, change: Callable[[ir.Body], ir.Body]) -> ir.Program:
    """The program with each of its top bodies changed, and `tables` as they are applied then."""
    states = tuple(
        s if (b := change(s.body)) is s.body else replace(s, body=b) for s in program.parser.states
    )
    changed = replace(
        program,
        parser=replace(program.parser, states=states),
        verify=change(program.verify),
        ingress=change(program.ingress),
        egress=change(program.egress),
        compute=change(program.compute),
        deparser=change(program.deparser),
    )
    return with_applied_tables(changed)


def with_applied_tables(program: ir.Program) -> ir.Program:
    """`tables` as the bodies have them now; one whose application is gone stays as it was."""
    applied = {
        s.table.name: s.table
        for body in top_bodies(program)
        for s in walk(body)
        if isinstance(s, ir.ApplyTable)
    }
    tables = tuple(applied.get(t.name, t) for t in program.tables)
    return replace(program, tables=tables)


Key = str | tuple[str, str]


def key(place: ir.Place) -> Key:
    """A cheap dictionary key for a place."""
    if type(place) is ir.Var:
        return place.name
    return place.header.name, place.field.name  # type: ignore[union-attr]
