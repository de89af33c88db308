"""The extern functions and methods of core.p4 and v1model.p4."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from p4xdp.device import DROP_PORT
from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import FALSE, TRUE, bits, cast, const, slice_
from p4xdp.ir.lower import checksums
from p4xdp.ir.lower.assign import assign, copy
from p4xdp.ir.lower.context import NO_TARGETS, Context
from p4xdp.ir.lower.values import (
    Aggregate,
    ExternInstance,
    HeaderLiteral,
    Packet,
    Stack,
    Value,
    leaves,
    scalar,
)
from p4xdp.source import Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.program import Bound, EnumValue, ErrorValue, ResolvedCall
from p4xdp.types.relations import sizes_in_bits

NOTHING: Value = ""
WHY_NOT = {
    "random": "random numbers",
    "digest": "digests to a control plane",
    "clone": "cloned packets",
    "clone3": "cloned packets",
    "clone_preserving_field_list": "cloned packets",
    "resubmit": "resubmitted packets",
    "resubmit_preserving_field_list": "resubmitted packets",
    "recirculate": "recirculated packets",
    "recirculate_preserving_field_list": "recirculated packets",
    "truncate": "truncated packets",
    "update_checksum_with_payload": "checksums over the payload (use incremental ones: hash with csum16)",
    "verify_checksum_with_payload": "checksums over the payload",
}


def call_extern_function(cx: Context, call: ResolvedCall, span: Span) -> Value:
    assert isinstance(call.target, ast.ExternFunction)
    name = call.target.name
    handler = FUNCTIONS.get(name)
    if handler is None:
        why = f"{WHY_NOT[name]} are" if name in WHY_NOT else "this extern function is"
        raise Unsupported(span, f"{name}: {why} not supported")
    handler(cx, call.arguments, span)
    return NOTHING


def call_method(cx: Context, call: ResolvedCall, span: Span) -> Value:
    assert isinstance(call.target, ast.FunctionPrototype) and call.receiver is not None
    receiver = cx.value(call.receiver)
    name = call.target.name
    if isinstance(receiver, Packet):
        return _packet_method(cx, name, call, span)
    if isinstance(receiver, ExternInstance):
        object = receiver.object
        if isinstance(object, ir.Register) and name in ("read", "write"):
            _register(cx, object, name, call.arguments, span)
            return NOTHING
        if isinstance(object, ir.Counter) and name == "count":
            (index,) = _values(cx, call.arguments)
            cx.emit(ir.Count(object, scalar(index, span), span))
            return NOTHING
        raise Unsupported(span, f"{receiver.type.name}.{name} is not supported")
    raise Unsupported(span, f"{name} cannot be called on this")


def _values(cx: Context, bounds: Sequence[Bound]) -> list[Value]:
    return cx.values([b.value for b in bounds if b.value is not None])


# --------------------------------------------------------------------------- packets


def _packet_method(cx: Context, name: str, call: ResolvedCall, span: Span) -> Value:
    match name:
        case "extract" if len(call.arguments) == 1:
            _extract(cx, call, span)
        case "extract":
            raise Unsupported(span, "varbit fields are not supported; use a header stack")
        case "lookahead":
            return _lookahead(cx, cx.resolve(call.result), span)
        case "advance":
            (amount,) = _values(cx, call.arguments)
            cx.emit(ir.Advance(scalar(amount, span), span))
        case "length":
            return cx.standard["packet_length"]
        case "emit":
            (value,) = _values(cx, call.arguments)
            for leaf in leaves(value):
                if isinstance(leaf, ir.Header):
                    cx.emit(ir.Emit(leaf, span))
    return NOTHING


def _extract(cx: Context, call: ResolvedCall, span: Span) -> None:
    bound = call.arguments[0]
    if bound.value is None:  # extract<T>(_): a header that nobody reads
        target = cx.storage("skipped", bound.type, span)
    else:
        target = cx.value(bound.value)
    if not isinstance(target, ir.Header):
        raise Unsupported(span, "only a header can be extracted")
    if any(isinstance(s, ir.Verify) and s.condition == const(0, ir.BOOL) for s in cx.out[-1:]):
        return  # next is beyond the stack: the parser has ended with StackOutOfBounds
    cx.emit(ir.Extract(target, span))
    for sibling in cx.siblings.get(target.name, ()):
        cx.emit(ir.SetValidity(sibling, FALSE, span))
    stack = _next_of(cx, bound.value)
    if stack is not None:
        cx.move(stack, cx.position(stack) + 1)


def _next_of(cx: Context, e: ast.Expression | None) -> Stack | None:
    if isinstance(e, ast.Member) and e.name == "next":
        base = cx.value(e.base)
        return base if isinstance(base, Stack) else None
    return None


def _lookahead(cx: Context, type: model.Type, span: Span) -> Value:
    """The bits ahead, cut into the parts of `type`."""
    sizes = sizes_in_bits(type)
    if sizes is None or sizes[0] != sizes[1]:
        raise Unsupported(span, f"lookahead of {type} is not supported")
    if not isinstance(type, model.Header | model.Struct | model.Tuple):
        target = cx.variable("lookahead", cx.bits(type, span), span)
        cx.emit(ir.Lookahead(target, span))
        return ir.Load(target, span)
    whole = ir.Load(cx.variable("lookahead", bits(sizes[0]), span), span)
    cx.emit(ir.Lookahead(whole.place, span))
    return _cut(cx, type, whole, sizes[0], span)[0]


def _cut(cx: Context, type: model.Type, whole: ir.Expr, end: int, span: Span) -> tuple[Value, int]:
    """The value of `type` in `whole` below bit `end`, and the bit where it ends."""
    if isinstance(type, model.Header | model.Struct):
        parts = [(f.name, f.type) for f in type.fields]
    elif isinstance(type, model.Tuple):
        parts = [(str(i), t) for i, t in enumerate(type.elements)]
    else:
        scalar_type = cx.bits(type, span)
        low = end - scalar_type.width
        return cast(slice_(whole, end - 1, low, span), scalar_type, span), low
    fields: dict[str, Value] = {}
    for name, part in parts:
        fields[name], end = _cut(cx, part, whole, end, span)
    value: Value = HeaderLiteral(fields, valid=True) if isinstance(type, model.Header) else Aggregate(fields)
    return value, end


def _verify(cx: Context, arguments: Sequence[Bound], span: Span) -> None:
    condition, error = arguments[0].value, arguments[1].value
    assert condition is not None and error is not None
    name = cx.constant(error)
    if not isinstance(name, ErrorValue):
        raise Unsupported(error.span, "the error given to verify must be a constant")
    cx.emit(ir.Verify(cx.scalar(condition), name.member, span))


# --------------------------------------------------------------------------- registers


def _register(cx: Context, register: ir.Register, name: str, arguments: Sequence[Bound], span: Span) -> None:
    expressions = [b.value for b in arguments if b.value is not None]
    first, second = cx.values(expressions, frozenset((0,)) if name == "read" else NO_TARGETS)
    if name == "write":
        value = cast(scalar(second, span), register.type, span)
        cx.emit(ir.RegisterWrite(register, scalar(first, span), value, span))
        return
    index = scalar(second, span)
    if isinstance(first, ir.Load) and first.type == register.type:
        cx.emit(ir.RegisterRead(first.place, register, index, span))
        return
    read = ir.Load(cx.variable("tmp", register.type, span), span)
    cx.emit(ir.RegisterRead(read.place, register, index, span))
    copy(cx, first, read, span)


# --------------------------------------------------------------------------- functions


def _mark_to_drop(cx: Context, arguments: Sequence[Bound], span: Span) -> None:
    drop = const(DROP_PORT, bits(9), span)
    assign(cx, cx.standard["egress_spec"], drop, span)
    assign(cx, cx.standard["mcast_grp"], const(0, bits(16), span), span)


def _hash(cx: Context, arguments: Sequence[Bound], span: Span) -> None:
    result, algorithm, base, data, limit = arguments
    assert result.value and base.value and data.value and limit.value
    target, first, hashed, size = cx.values(
        [result.value, base.value, data.value, limit.value], frozenset((0,))
    )
    value = checksums.digest(cx, _algorithm(cx, algorithm), hashed, span)
    type = scalar(target, span).type
    into = checksums.bounded(value, scalar(first, span), scalar(size, span), type, span)
    assign(cx, target, cast(into, type, span), span)


def _algorithm(cx: Context, bound: Bound) -> str:
    value = cx.constant(bound.value) if bound.value is not None else None
    if not isinstance(value, EnumValue):
        raise Unsupported(bound.parameter.span, "the hash algorithm must be a constant")
    return value.member


def _checksum(
    cx: Context, arguments: Sequence[Bound], span: Span, act: Callable[[Value, ir.Expr], None]
) -> None:
    """`act(checksum, computed)` if the condition holds."""
    condition, data, checksum, algorithm = arguments
    assert condition.value and data.value and checksum.value
    held = cx.scalar(condition.value)
    name = _algorithm(cx, algorithm)

    def compute() -> None:
        assert data.value and checksum.value
        target = cx.value(checksum.value)
        computed = checksums.digest(cx, name, cx.value(data.value), span)
        act(target, cast(computed, scalar(target, span).type, span))

    body = cx.collect(compute)
    cx.out.extend(body if held == TRUE else (ir.If(held, body, (), span),))


def _update_checksum(cx: Context, arguments: Sequence[Bound], span: Span) -> None:
    _checksum(cx, arguments, span, lambda target, computed: assign(cx, target, computed, span))


def _verify_checksum(cx: Context, arguments: Sequence[Bound], span: Span) -> None:
    def compare(given: Value, computed: ir.Expr) -> None:
        failed = cx.collect(lambda: assign(cx, cx.standard["checksum_error"], const(1, bits(1)), span))
        different = ir.Binary("!=", scalar(given, span), computed, ir.BOOL, span)
        cx.emit(ir.If(different, failed, (), span))

    _checksum(cx, arguments, span, compare)


def _log_msg(cx: Context, arguments: Sequence[Bound], span: Span) -> None:
    text = cx.value(arguments[0].value) if arguments[0].value is not None else ""
    data = [cx.value(b.value) for b in arguments[1:] if b.value is not None]
    numbers = tuple(scalar(leaf, span) for value in data for leaf in leaves(value))
    cx.emit(ir.LogMessage(text if isinstance(text, str) else "", numbers, span))


def _nothing(cx: Context, arguments: Sequence[Bound], span: Span) -> None:
    """assume: a promise of the programmer; static_assert: held already."""


FUNCTIONS: dict[str, Callable[[Context, Sequence[Bound], Span], None]] = {
    "verify": _verify,
    "mark_to_drop": _mark_to_drop,
    "hash": _hash,
    "update_checksum": _update_checksum,
    "verify_checksum": _verify_checksum,
    "log_msg": _log_msg,
    "assume": _nothing,
    "static_assert": _nothing,
}
