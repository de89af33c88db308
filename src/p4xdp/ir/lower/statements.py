"""Statements, and the bodies of controls and functions as blocks that a return ends."""

from __future__ import annotations

from dataclasses import replace

from p4xdp.ir import nodes as ir
from p4xdp.ir.lower.assign import assign, invalidate
from p4xdp.ir.lower.context import Context, Return, executes
from p4xdp.ir.lower.expressions import operate
from p4xdp.ir.lower.values import SCALARS, Value
from p4xdp.source import Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model


@executes(ast.Assignment)
def _assignment(cx: Context, s: ast.Assignment) -> None:
    if s.op is not None:
        target = cx.value(s.target)
        old, value = cx.values([s.target, s.value])
        assert isinstance(old, SCALARS) and isinstance(value, SCALARS)
        assign(cx, target, operate(s.op, old, value, s.span), s.span)
        return
    target = cx.value(s.target)
    assign(cx, target, cx.value(s.value), s.span)


@executes(ast.CallStatement)
def _call(cx: Context, s: ast.CallStatement) -> None:
    cx.value(s.call)


@executes(ast.Empty)
def _empty(cx: Context, s: ast.Empty) -> None:
    pass


@executes(ast.Exit)
def _exit(cx: Context, s: ast.Exit) -> None:
    """What is out or inout is still copied out, all the way up (specification, section "Exit statement")."""
    cx.exit.used = True
    for copy_out in reversed(cx.owed):
        cx.out.extend(copy_out)
    cx.emit(ir.Leave(cx.exit.label, s.span))


@executes(ast.Return)
def _return(cx: Context, s: ast.Return) -> None:
    frame = cx.returns[-1]
    if s.value is not None:
        assert frame.result is not None
        assign(cx, frame.result, cx.value(s.value), s.span)
    frame.used = True
    cx.emit(ir.Leave(frame.label, s.span))


@executes(ast.If)
def _if(cx: Context, s: ast.If) -> None:
    condition = cx.scalar(s.condition)
    if isinstance(condition, ir.Const):
        chosen = s.then if condition.value else s.other
        if chosen is not None:
            cx.statement(chosen)
        return
    before = dict(cx.indices) if cx.indices is not None else None
    then = cx.collect(lambda: cx.statement(s.then))
    after_then, cx.indices = cx.indices, before
    alternative = s.other
    other = cx.collect(lambda: cx.statement(alternative)) if alternative is not None else ()
    if cx.indices != after_then:
        why = "the position in a header stack would depend on this condition; use select and several states"
        raise Unsupported(s.span, why)
    cx.emit(ir.If(condition, then, other, s.span))


@executes(ast.Block)
def _block(cx: Context, s: ast.Block) -> None:
    if any(a.name == "atomic" for a in s.annotations):
        cx.emit(ir.Atomic(cx.collect(lambda: body(cx, s.statements)), s.span))
    else:
        body(cx, s.statements)


def body(cx: Context, statements: tuple[ast.Statement, ...]) -> None:
    for s in statements:
        cx.statement(s)


@executes(ast.VariableDeclaration)
def _variable(cx: Context, s: ast.VariableDeclaration) -> None:
    """Inside a control a variable keeps its storage when the control is applied again."""
    known = cx.instance.storage.get(s) if cx.instance is not None else None
    if known is None:
        known = cx.storage(cx.prefix + s.name, cx.typed.variables[s], s.span)
        if cx.instance is not None:
            cx.instance.storage[s] = known
    cx.scope.bind(s, known)
    if s.initializer is not None:
        assign(cx, known, cx.value(s.initializer), s.span)
    else:
        invalidate(cx, known, s.span)


@executes(ast.ConstantDeclaration)
def _constant(cx: Context, s: ast.ConstantDeclaration) -> None:
    cx.scope.bind(s, cx.value(s.value))


@executes(ast.For, ast.ForIn, ast.Break, ast.Continue)
def _loop(cx: Context, s: ast.Statement) -> None:
    raise Unsupported(
        s.span, "loops are not supported: write the steps out, or apply a control several times"
    )


# --------------------------------------------------------------------------- switch


@executes(ast.Switch)
def _switch(cx: Context, s: ast.Switch) -> None:
    subject = cx.scalar(s.subject)
    actions = _action_numbers(cx, s.subject)
    cases: list[tuple[tuple[int, ...], ir.Body]] = []
    default: ir.Body = ()
    values: list[int] = []
    for_default = False
    for case in s.cases:
        if isinstance(case.label, ast.AnyValue):
            for_default = True
        elif actions is not None:
            assert isinstance(case.label, ast.Path)
            values.append(actions[cx.typed.declarations[case.label]])
        else:
            label = cx.scalar(case.label)
            assert isinstance(label, ir.Const)
            values.append(label.value)
        if case.body is None:
            continue
        made = _case_body(cx, case.body)
        if for_default:
            default = made
        else:
            cases.append((tuple(values), made))
        values, for_default = [], False
    cx.emit(ir.Switch(subject, tuple(cases), default, s.span))


def _case_body(cx: Context, block: ast.Block) -> ir.Body:
    return cx.collect(lambda: cx.statement(block))


def _action_numbers(cx: Context, subject: ast.Expression) -> dict[ast.Node, int] | None:
    """For a switch on action_run: the number of each action in its table."""
    type = cx.typed.types[subject]
    if not isinstance(type, model.ActionRun):
        return None
    return {cx.typed.declarations[a.name]: i for i, a in enumerate(type.table.actions)}


# --------------------------------------------------------------------------- bodies that return


def returning(cx: Context, name: str, result: Value | None, block: ast.Block, span: Span) -> None:
    """Emits `block`, wrapped in an ir.Block if a return in it needs one."""
    frame = Return(cx.label(name), result)
    cx.returns.append(frame)
    made = cx.collect(lambda: cx.statement(block))
    cx.returns.pop()
    cx.out.extend(labelled(frame, made, span))


def labelled(frame: Return, made: ir.Body, span: Span) -> ir.Body:
    if not frame.used:
        return made
    made = without_last_leave(made, frame.label)
    return (ir.Block(frame.label, made, span),) if leaves_to(made, frame.label) else made


def without_last_leave(made: ir.Body, label: str) -> ir.Body:
    """A Leave that goes where control would go anyway is dropped."""
    if not made:
        return made
    last = made[-1]
    match last:
        case ir.Leave() if last.label == label:
            return made[:-1]
        case ir.If():
            then, other = without_last_leave(last.then, label), without_last_leave(last.other, label)
            return (*made[:-1], replace(last, then=then, other=other))
        case ir.Switch():
            cases = tuple((v, without_last_leave(b, label)) for v, b in last.cases)
            default = without_last_leave(last.default, label)
            return (*made[:-1], replace(last, cases=cases, default=default))
        case ir.Block():
            return (*made[:-1], replace(last, body=without_last_leave(last.body, label)))
    return made


def leaves_to(made: ir.Body, label: str) -> bool:
    """Whether a Leave in `made` names `label`."""
    return any(_leaves_to(s, label) for s in made)


def _leaves_to(s: ir.Statement, label: str) -> bool:
    match s:
        case ir.Leave():
            return s.label == label
        case ir.If():
            return leaves_to(s.then, label) or leaves_to(s.other, label)
        case ir.Switch():
            return leaves_to(s.default, label) or any(leaves_to(b, label) for _, b in s.cases)
        case ir.Block() | ir.Atomic():
            return leaves_to(s.body, label)
        case ir.ApplyTable():
            return any(leaves_to(a.body, label) for a in s.table.actions)
    return False
