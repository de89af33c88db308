"""Making the instances: externs, controls and parsers with their constructor arguments and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from p4xdp.ir import nodes as ir
from p4xdp.ir.lower.context import Context, lowers
from p4xdp.ir.lower.naming import control_name
from p4xdp.ir.lower.values import ExternInstance, Instance, Scope, TableInstance, Value
from p4xdp.source import P4Error, Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.program import Bound, EnumValue, ResolvedCall

MAX_CELLS = 1 << 26  # of a register or counter: half a GB of 64-bit words


def instantiate(cx: Context, name: str, call: ResolvedCall, span: Span) -> Value:
    """The instance that a constructor call makes. `name` is its control-plane name."""
    match call.target:
        case ast.ExternDeclaration():
            return _extern(cx, name, call, span)
        case ast.ControlDeclaration() | ast.ParserDeclaration():
            return elaborate(cx, name, call.target, call.arguments)
    raise Unsupported(span, "packages cannot be instantiated inside a program")


def elaborate(
    cx: Context,
    name: str,
    declaration: ast.ControlDeclaration | ast.ParserDeclaration,
    arguments: Sequence[Bound],
) -> Instance:
    """Binds the constructor's arguments, then makes the instances declared inside."""
    scope = Scope(cx.globals)
    for bound in arguments:
        if bound.value is not None:
            scope.bind(bound.parameter, cx.value(bound.value))
    instance = Instance(name, declaration, scope)
    with cx.inside(scope, None, f"{name}."):
        for local in declaration.locals:
            if isinstance(local, ast.Instantiation):
                inner = control_name(cx, local.name, local.annotations)
                scope.bind(local, instantiate(cx, inner, cx.typed.calls[local], local.span))
            elif isinstance(local, ast.TableDeclaration):
                scope.bind(local, TableInstance(control_name(cx, local.name, local.annotations), local))
    return instance


def anonymous_instance(cx: Context, node: ast.DirectApplication, call: ResolvedCall) -> Instance:
    """`Type.apply(…)` makes one instance per place, named after the type; from the second on, numbered."""
    owner = cx.instance
    if owner is not None and node in owner.anonymous:
        return owner.anonymous[node]
    declaration = call.target
    if not isinstance(declaration, ast.ControlDeclaration | ast.ParserDeclaration):
        raise Unsupported(node.span, "only a control or parser of this program can be applied")
    earlier = owner.anonymous.values() if owner is not None else ()
    count = sum(i.declaration is declaration for i in earlier)
    name = f"{declaration.name}_{count}" if count else declaration.name
    instance = elaborate(cx, cx.prefix + name, declaration, ())
    if owner is not None:
        owner.anonymous[node] = instance
    return instance


@lowers(ast.ConstructorCall)
def _constructor_call(cx: Context, e: ast.ConstructorCall) -> Value:
    return instantiate(cx, cx.prefix + e.type.name, cx.typed.calls[e], e.span)


# --------------------------------------------------------------------------- externs


def _extern(cx: Context, name: str, call: ResolvedCall, span: Span) -> ExternInstance:
    type = cx.resolve(call.result)
    assert isinstance(type, model.Extern)
    made: ir.Register | ir.Counter | None = None
    if type.name == "register":
        size = _argument(cx, call, 0, span)
        made = ir.Register(name, cx.bits(type.arguments[0], span), size, span=span)
        cx.registers[_new(name, cx.registers, span)] = made
    elif type.name == "counter":
        made = ir.Counter(name, _argument(cx, call, 0, span), _counter_kind(cx, call, span), span)
        cx.counters[_new(name, cx.counters, span)] = made
    return ExternInstance(name, type, made, span)


def _new(name: str, known: dict[str, ir.Register] | dict[str, ir.Counter], span: Span) -> str:
    if name in known:
        raise P4Error(span, f"two instances have the control-plane name {name}; give one another @name")
    return name


def _argument(cx: Context, call: ResolvedCall, index: int, span: Span) -> int:
    value = call.arguments[index].value
    size = cx.number(value) if value is not None else 0
    if size <= 0:
        raise P4Error(span, f"the size must be at least 1, not {size}")
    if size > MAX_CELLS:
        raise Unsupported(span, f"{size} cells are more than the {MAX_CELLS} supported")
    return size


def _counter_kind(
    cx: Context, call: ResolvedCall, span: Span
) -> Literal["packets", "bytes", "packets_and_bytes"]:
    value = call.arguments[1].value
    kind = cx.constant(value) if value is not None else None
    match kind:
        case EnumValue(member="packets"):
            return "packets"
        case EnumValue(member="bytes"):
            return "bytes"
        case EnumValue(member="packets_and_bytes"):
            return "packets_and_bytes"
    raise P4Error(span, "the counter's type must be a constant member of CounterType")
