"""v1model's hash algorithms as plain arithmetic: csum16 (RFC 1071), xor16 and identity.

The data are all fields one after the other, most significant bit first, padded with zero bits to whole
16-bit words. Source: BMv2's calculations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import binary, bits, cast, concat, const, mux, slice_, unary
from p4xdp.ir.lower.context import Context
from p4xdp.ir.lower.values import Value, leaves, scalar
from p4xdp.source import Span, Unsupported

SUM = bits(32)  # holds the sum of 65,536 words


def digest(cx: Context, algorithm: str, data: Value, span: Span) -> ir.Expr:
    """The hash of `data`, an expression that may be evaluated at several places."""
    parts = list(fields(data, span))
    match algorithm:
        case "csum16":
            return _csum16(cx, parts, span)
        case "xor16":
            result: ir.Expr = const(0, bits(16), span)
            for word in words(parts, span):
                result = binary("^", result, word, span)
            return _kept(cx, result, span)
        case "identity" if sum(p.type.width for p in parts) <= 64:
            whole = parts[0]
            for part in parts[1:]:
                whole = concat(whole, part, span)
            return _kept(cx, cast(whole, bits(whole.type.width), span), span)
    raise Unsupported(
        span,
        f"the hash algorithm {algorithm} is not supported; csum16, xor16, and identity of up to 64 bits are",
    )


def _kept(cx: Context, value: ir.Expr, span: Span) -> ir.Expr:
    return scalar(cx.keep(value, span), span)


def bounded(value: ir.Expr, base: ir.Expr, limit: ir.Expr, span: Span) -> ir.Expr:
    """base + value % limit; base if limit is 0."""
    if limit == const(0, limit.type):
        return base
    type = bits(max(value.type.width, base.type.width, limit.type.width))
    whole = cast(limit, type, span)
    if isinstance(whole, ir.Const) and whole.value >> value.type.width:
        rest = cast(value, type, span)
    else:
        rest = binary("%", cast(value, type, span), whole, span)
    if not isinstance(limit, ir.Const):
        rest = mux(binary("==", limit, const(0, limit.type), span), const(0, type), rest, span)
    return binary("+", rest, cast(base, type, span), span)


def fields(data: Value, span: Span) -> Iterator[ir.Expr]:
    for leaf in leaves(data):
        if isinstance(leaf, ir.Header):
            yield from (ir.Load(ir.FieldRef(leaf, f), span) for f in leaf.fields)
        else:
            yield leaf


def words(parts: Iterable[ir.Expr], span: Span) -> Iterator[ir.Expr]:
    """The parts, one after the other, in 16-bit words; the last is padded with zeros."""
    pending: ir.Expr | None = None
    for part in parts:
        rest = part.type.width
        while rest:
            room = 16 - (pending.type.width if pending is not None else 0)
            taken = min(room, rest)
            piece = slice_(part, rest - 1, rest - taken, span)
            pending = piece if pending is None else concat(pending, piece, span)
            rest -= taken
            if pending.type.width == 16:
                yield pending
                pending = None
    if pending is not None:
        yield concat(pending, const(0, bits(16 - pending.type.width)), span)


def _csum16(cx: Context, parts: list[ir.Expr], span: Span) -> ir.Expr:
    total: ir.Expr = const(0, SUM)
    for word in words(parts, span):
        total = binary("+", total, cast(word, SUM, span), span)
    half = const(0xFFFF, SUM)
    for _ in range(2):  # the second fold takes in the carry of the first
        total = _kept(cx, total, span)
        carry = binary(">>", total, const(16, SUM), span)
        total = binary("+", binary("&", total, half, span), carry, span)
    return _kept(cx, unary("~", slice_(total, 15, 0, span), span), span)
