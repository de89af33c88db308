"""What core.p4 says in words about its generic methods, and signatures cannot (appendix on core.p4)."""

from __future__ import annotations

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.model import Type
from p4xdp.types.program import Constant
from p4xdp.types.relations import sizes_in_bits
from p4xdp.types.scope import BodyKind


def check_packet_method(extern: str, method: str, type_: Type | None, place: BodyKind, span: Span) -> None:
    """Complains if a method of packet_in or packet_out is given a type it does not work on, or called in
    the wrong place. `type_` is its type argument."""
    if extern == "packet_in" and place != "state":
        raise P4Error(span, f"'{method}' of packet_in belongs into a state of a parser")
    if extern == "packet_out" and place not in ("control", "function"):
        raise P4Error(span, f"'{method}' of packet_out belongs into the 'apply' block of a deparser")
    if type_ is None or isinstance(type_, model.TypeVar):
        return
    if method == "extract" and not isinstance(type_, model.Header):
        raise P4Error(span, f"'extract' takes a header, not {type_}")
    if method == "emit" and not _emits(type_):
        raise P4Error(span, f"'emit' takes a header, or a struct or stack of headers, not {type_}")
    if method == "lookahead":
        sizes = sizes_in_bits(type_)
        if sizes is None or sizes[0] != sizes[1]:
            raise P4Error(span, f"'lookahead' takes a type of fixed size, not {type_}")


def _emits(type_: Type) -> bool:
    match type_:
        case model.Struct():
            return all(_emits(f.type) for f in type_.fields)
    return isinstance(type_, model.Header | model.HeaderUnion | model.Stack)


def check_static_assert(e: ast.Call, arguments: list[Constant | None]) -> None:
    """Complains if the first argument is not a constant true."""
    if arguments[0] is None:
        raise P4Error(e.span, "'static_assert' needs a condition known at compile time")
    if not arguments[0]:
        message = arguments[1] if len(arguments) > 1 else None
        raise P4Error(e.span, f"static_assert failed{f': {message}' if message else ''}")
