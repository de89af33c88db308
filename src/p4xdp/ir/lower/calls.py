"""Calls: functions, actions and controls are inlined; the rest goes to the externs and the tables."""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import FALSE, TRUE, binary, const, negate
from p4xdp.ir.lower.arguments import pass_arguments
from p4xdp.ir.lower.assign import copy, invalidate, set_validity
from p4xdp.ir.lower.context import Context, executes, lowers
from p4xdp.ir.lower.elaborate import anonymous_instance
from p4xdp.ir.lower.externs import call_extern_function, call_method
from p4xdp.ir.lower.statements import body, returning
from p4xdp.ir.lower.tables import apply_table
from p4xdp.ir.lower.values import Aggregate, Instance, Scope, Stack, TableInstance, Value
from p4xdp.source import P4Error, Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types.model import Void
from p4xdp.types.program import ResolvedCall
from p4xdp.types.relations import sizes_in_bits, substitute

NOTHING: Value = ""  # what a call without result yields


@lowers(ast.Call)
def _call(cx: Context, e: ast.Call) -> Value:
    call = cx.typed.calls[e]
    match call.kind:
        case "function":
            return _function(cx, call, e.span)
        case "action":
            _action(cx, call, e.span)
        case "apply_control":
            assert call.receiver is not None
            apply_control(cx, cx.value(call.receiver), call, e.span)
        case "apply_table":
            return _apply_table(cx, call, e.span)
        case "builtin":
            return _builtin(cx, call, e)
        case "extern_function":
            return call_extern_function(cx, call, e.span)
        case "method":
            return call_method(cx, call, e.span)
        case "apply_parser":
            raise Unsupported(e.span, "a parser can be applied only directly in a state, not under an if")
        case _:
            raise Unsupported(e.span, f"a {call.kind} cannot be called here")
    return NOTHING


# --------------------------------------------------------------------------- inlining


def _function(cx: Context, call: ResolvedCall, span: Span) -> Value:
    """A body whose only return is its last statement yields the returned expression itself."""
    declaration = call.target
    assert isinstance(declaration, ast.FunctionDeclaration)
    scope = Scope(cx.scope)
    types = {v: cx.resolve(t) for v, t in call.type_arguments.items()}
    scope.types.update(types)
    written = cx.writes.of(declaration)
    copy_out = pass_arguments(cx, call.arguments, scope, declaration.name, written, True, span)
    statements = declaration.body.statements
    result_type = substitute(call.result, types)
    with cx.inside(scope, None, f"{declaration.name}."):
        if isinstance(result_type, Void):
            returning(cx, declaration.name, None, declaration.body, span)
            cx.out.extend(copy_out)
            return NOTHING
        last = statements[-1] if statements else None
        if isinstance(last, ast.Return) and last.value is not None and cx.writes.returns(declaration) == 1:
            body(cx, statements[:-1])
            result = cx.value(last.value)
            if copy_out:
                result = cx.keep(result, span)
        else:
            result = cx.storage(f"{declaration.name}.result", result_type, span)
            returning(cx, declaration.name, result, declaration.body, span)
    cx.out.extend(copy_out)
    return result


def _action(cx: Context, call: ResolvedCall, span: Span) -> None:
    declaration = call.target
    assert isinstance(declaration, ast.ActionDeclaration)
    scope = Scope(cx.scope)
    name = cx.prefix + declaration.name
    written = cx.writes.of(declaration)
    copy_out = pass_arguments(cx, call.arguments, scope, name, written, False, span)
    with cx.owing(copy_out), cx.inside(scope, cx.instance, f"{name}."):
        returning(cx, name, None, declaration.body, span)


def apply_control(cx: Context, target: Value, call: ResolvedCall, span: Span) -> None:
    """Inlines the control `target` with the arguments of `call`."""
    if not isinstance(target, Instance) or not isinstance(target.declaration, ast.ControlDeclaration):
        raise Unsupported(span, "only an instance of a control of this program can be applied here")
    declaration = target.declaration
    scope = Scope(target.scope)
    written = cx.writes.of(declaration)
    copy_out = pass_arguments(cx, call.arguments, scope, target.name, written, True, span)
    with cx.owing(copy_out), cx.inside(scope, target, f"{target.name}."):
        run_control(cx, declaration, target.name)


def run_control(cx: Context, declaration: ast.ControlDeclaration, name: str) -> None:
    """The control's local variables, then its apply block; parameters are bound already."""
    for local in declaration.locals:
        if isinstance(local, ast.VariableDeclaration | ast.ConstantDeclaration):
            cx.statement(local)
    returning(cx, name, None, declaration.body, declaration.span)


@executes(ast.DirectApplication)
def _direct(cx: Context, s: ast.DirectApplication) -> None:
    call = cx.typed.calls[s]
    apply_control(cx, anonymous_instance(cx, s, call), call, s.span)


@executes(ast.Instantiation)
def _instantiation(cx: Context, s: ast.Instantiation) -> None:
    raise Unsupported(s.span, "declare instances before the apply block, not inside it")


def _apply_table(cx: Context, call: ResolvedCall, span: Span) -> Value:
    table = cx.value(call.receiver) if call.receiver is not None else None
    if not isinstance(table, TableInstance):
        raise Unsupported(span, "this table cannot be applied here")
    hit, number = apply_table(cx, table, span)
    return Aggregate({"hit": hit, "miss": negate(hit, span), "action_run": number})


# --------------------------------------------------------------------------- built-in methods


def _builtin(cx: Context, call: ResolvedCall, e: ast.Call) -> Value:
    name = call.target
    if isinstance(name, str) and name.endswith(("InBits", "InBytes")):
        return _size(cx, name, call, e)
    assert call.receiver is not None
    receiver = cx.value(call.receiver)
    match name, receiver:
        case "isValid", ir.Header():
            return ir.IsValid(receiver, e.span)
        case "isValid", Aggregate():
            return _any_valid(receiver, e.span)
        case "setValid", ir.Header():
            set_validity(cx, receiver, TRUE, e.span)
        case "setInvalid", ir.Header() | Aggregate():
            invalidate(cx, receiver, e.span)
        case (("push_front" | "pop_front"), Stack()):
            count = cx.number(call.arguments[0].value) if call.arguments[0].value is not None else 0
            _shift(cx, receiver, count if name == "push_front" else -count, e.span)
        case _:
            raise Unsupported(e.span, f"{name} cannot be called on this")
    return NOTHING


def _any_valid(union: Aggregate, span: Span) -> ir.Expr:
    valid: ir.Expr = FALSE
    for member in union.fields.values():
        if isinstance(member, ir.Header):
            valid = binary("||", valid, ir.IsValid(member, span), span)
    return valid


def _size(cx: Context, name: str, call: ResolvedCall, e: ast.Call) -> Value:
    assert call.receiver is not None
    sizes = sizes_in_bits(cx.type_of(call.receiver))
    if sizes is None:
        raise P4Error(e.span, "this has no size")
    size = sizes[0] if name.startswith("min") else sizes[1]
    return const((size + 7) // 8 if name.endswith("Bytes") else size, ir.Bits(32), e.span)


def _shift(cx: Context, stack: Stack, by: int, span: Span) -> None:
    """Moves the elements `by` places up (down if negative); what comes in is invalid."""
    elements = stack.elements
    order = range(len(elements)) if by < 0 else reversed(range(len(elements)))
    for i in order:
        if 0 <= i - by < len(elements):
            copy(cx, elements[i], elements[i - by], span)
        else:
            invalidate(cx, elements[i], span)
    cx.move(stack, max(0, min(len(elements), cx.position(stack) + by)))
