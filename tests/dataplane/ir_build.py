"""Short ways to write IR programs by hand."""

from __future__ import annotations

from collections.abc import Sequence

from p4xdp.ir import nodes as ir

ERRORS = ("NoError", "PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort", "ParserTimeout",
          "ParserInvalidArgument")  # fmt: skip


def bits(width: int) -> ir.Bits:
    return ir.Bits(width)


def const(value: int, width: int) -> ir.Const:
    return ir.Const(value, ir.Bits(width))


def var(name: str, width: int) -> ir.Var:
    return ir.Var(name, ir.Bits(width))


def header(name: str, **fields: int) -> ir.Header:
    """A header of unsigned fields, in order, by width."""
    places, offset = [], 0
    for field, width in fields.items():
        places.append(ir.HeaderField(field, ir.Bits(width), offset))
        offset += width
    return ir.Header(f"hdr.{name}", f"{name}_t", tuple(places), offset)


def ref(header: ir.Header, field: str) -> ir.FieldRef:
    return ir.FieldRef(header, header.find(field))


def load(place: ir.Place) -> ir.Load:
    return ir.Load(place)


def get(header: ir.Header, field: str) -> ir.Load:
    return ir.Load(ref(header, field))


def put(place: ir.Place, value: ir.Expr | int) -> ir.Assign:
    if isinstance(value, int):
        value = ir.Const(value, place.type)
    return ir.Assign(place, value)


def binary(op: ir.BinaryOp, left: ir.Expr, right: ir.Expr | int) -> ir.Binary:
    if isinstance(right, int):
        right = ir.Const(right, left.type)
    comparison = op in ("==", "!=", "<", "<=", ">", ">=", "&&", "||")
    return ir.Binary(op, left, right, ir.BOOL if comparison else left.type)


def valid(header: ir.Header) -> ir.IsValid:
    return ir.IsValid(header)


def select(key: ir.Expr, cases: dict[int, str], default: str | None = "accept") -> ir.Select:
    """A transition on one key."""
    listed = [ir.SelectCase((ir.KeySet("exact", value),), state) for value, state in cases.items()]
    if default is not None:
        listed.append(ir.SelectCase((ir.KeySet("any"),), default))
    return ir.Select((key,), tuple(listed))


INGRESS_PORT = var("standard_metadata.ingress_port", 9)
EGRESS_SPEC = var("standard_metadata.egress_spec", 9)
EGRESS_PORT = var("standard_metadata.egress_port", 9)
PARSER_ERROR = var("standard_metadata.parser_error", 32)
PACKET_LENGTH = var("standard_metadata.packet_length", 32)
TIME = var("standard_metadata.ingress_global_timestamp", 48)


def program(
    headers: Sequence[ir.Header],
    states: Sequence[ir.State],
    ingress: Sequence[ir.Statement],
    *,
    egress: Sequence[ir.Statement] = (),
    variables: Sequence[ir.Var] = (),
    emit: Sequence[ir.Header] | None = None,
    tables: Sequence[ir.Table] = (),
    registers: Sequence[ir.Register] = (),
    counters: Sequence[ir.Counter] = (),
) -> ir.Program:
    """A program; all headers are emitted in order unless `emit` says otherwise."""
    return ir.Program(
        source="built.p4",
        variables=tuple(dict.fromkeys((EGRESS_SPEC, PARSER_ERROR, *variables))),
        headers=tuple(headers),
        parser=ir.Parser("P", tuple(states)),
        verify=(),
        ingress=tuple(ingress),
        egress=tuple(egress),
        compute=(),
        deparser=tuple(ir.Emit(h) for h in (headers if emit is None else emit)),
        tables=tuple(tables),
        registers=tuple(registers),
        counters=tuple(counters),
        errors=ERRORS,
        digest="0" * 64,
    )
