"""v1model's hash algorithms as plain arithmetic: csum16 (RFC 1071), crc16, crc32, xor16 and identity.

The data are all fields one after the other, most significant bit first, padded with zero bits to whole
16-bit words (whole bytes for CRCs). Source: BMv2's calculations.
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
            for word in chunks(parts, 16, span):
                result = binary("^", result, word, span)
            return _kept(cx, result, span)
        case "identity" if sum(p.type.width for p in parts) <= 64:
            whole = parts[0]
            for part in parts[1:]:
                whole = concat(whole, part, span)
            return _kept(cx, cast(whole, bits(whole.type.width), span), span)
        case "crc16":
            return _crc(cx, parts, 0xA001, 0, 16, span)
        case "crc32":
            return _crc(cx, parts, 0xEDB88320, 0xFFFFFFFF, 32, span)
    known = "csum16, crc16, crc32, xor16, and identity of up to 64 bits"
    raise Unsupported(span, f"the hash algorithm {algorithm} is not supported here; there are {known}")


def _kept(cx: Context, value: ir.Expr, span: Span) -> ir.Expr:
    return scalar(cx.keep(value, span), span)


def bounded(value: ir.Expr, base: ir.Expr, limit: ir.Expr, result: ir.Bits, span: Span) -> ir.Expr:
    """base + value % limit; base if limit is 0. The sum wraps at the width of the result, not before."""
    if limit == const(0, limit.type):
        return base
    type = bits(max(value.type.width, base.type.width, limit.type.width, result.width))
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


def chunks(parts: Iterable[ir.Expr], width: int, span: Span) -> Iterator[ir.Expr]:
    """The parts, one after the other, in pieces of `width` bits; the last is padded with zeros."""
    pending: ir.Expr | None = None
    for part in parts:
        rest = part.type.width
        while rest:
            room = width - (pending.type.width if pending is not None else 0)
            taken = min(room, rest)
            piece = slice_(part, rest - 1, rest - taken, span)
            pending = piece if pending is None else concat(pending, piece, span)
            rest -= taken
            if pending.type.width == width:
                yield pending
                pending = None
    if pending is not None:
        yield concat(pending, const(0, bits(width - pending.type.width)), span)


def _csum16(cx: Context, parts: list[ir.Expr], span: Span) -> ir.Expr:
    total: ir.Expr = const(0, SUM)
    for word in chunks(parts, 16, span):
        total = binary("+", total, cast(word, SUM, span), span)
    half = const(0xFFFF, SUM)
    for _ in range(2):  # the second fold takes in the carry of the first
        total = _kept(cx, total, span)
        carry = binary(">>", total, const(16, SUM), span)
        total = binary("+", binary("&", total, half, span), carry, span)
    return _kept(cx, unary("~", slice_(total, 15, 0, span), span), span)


# --------------------------------------------------------------------------- cyclic redundancy checks


def _crc(cx: Context, parts: list[ir.Expr], polynomial: int, start: int, width: int, span: Span) -> ir.Expr:
    """A CRC with bits reflected, one bit a step; `start` is also what the result is inverted by.

    Each step depends on the last, and the polynomial is multiplied with the bit, not masked: so C compilers
    keep it in registers, and the kernel's verifier does not try both values of every bit.
    """
    type = bits(width)
    crc = ir.Load(cx.variable("crc", type, span), span)
    value: ir.Expr = const(start, type, span)
    one, generator = const(1, type), const(polynomial, type)
    for byte in chunks(parts, 8, span):
        value = binary("^", value, cast(byte, type, span), span)
        for _ in range(8):
            cx.emit(ir.Assign(crc.place, value, span))
            carry = binary("*", binary("&", crc, one, span), generator, span)
            value = binary("^", binary(">>", crc, one, span), carry, span)
    return _kept(cx, binary("^", value, const(start, type), span), span)
