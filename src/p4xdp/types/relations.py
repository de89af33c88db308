"""Questions about types that need no program: substitution, inference of type arguments, kinds of types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from p4xdp.types import model
from p4xdp.types.model import (
    AnonymousStruct,
    Bits,
    Bool,
    Control,
    Error,
    Extern,
    Fields,
    Function,
    Header,
    HeaderUnion,
    Int,
    List,
    NewType,
    Package,
    ParameterType,
    Parser,
    SerEnum,
    Set,
    Stack,
    Struct,
    Tuple,
    Type,
    TypeVar,
    Varbit,
)

HEADERS = (Header, HeaderUnion)
INSTANCES = (Extern, Parser, Control, Package)


def substitute(type_: Type, bindings: model.Bindings) -> Type:
    """`type_` with the type parameters in `bindings` filled in."""
    if not bindings:
        return type_
    match type_:
        case TypeVar():
            return bindings.get(type_, type_)
        case Struct() | Header() | HeaderUnion() if type_.arguments:
            fields = tuple(replace(f, type=substitute(f.type, bindings)) for f in type_.fields)
            return replace(type_, arguments=_all(type_.arguments, bindings), fields=fields)
        case Stack() | List() | Set():
            return replace(type_, element=substitute(type_.element, bindings))
        case Tuple():
            return Tuple(_all(type_.elements, bindings))
        case AnonymousStruct():
            return AnonymousStruct(tuple((n, substitute(t, bindings)) for n, t in type_.fields))
        case Extern():
            return replace(type_, arguments=_all(type_.arguments, bindings))
        case Parser() | Control() | Package():
            return replace(
                type_,
                arguments=_all(type_.arguments, bindings),
                parameters=substitute_parameters(type_.parameters, bindings),
            )
        case Function():
            return replace(
                type_,
                parameters=substitute_parameters(type_.parameters, bindings),
                result=substitute(type_.result, bindings),
            )
    return type_


def _all(types: Iterable[Type], bindings: model.Bindings) -> tuple[Type, ...]:
    return tuple(substitute(t, bindings) for t in types)


def substitute_parameters(
    parameters: Iterable[ParameterType], bindings: model.Bindings
) -> tuple[ParameterType, ...]:
    return tuple(replace(p, type=substitute(p.type, bindings)) for p in parameters)


def infer(expected: Type, actual: Type, free: set[TypeVar], bindings: dict[TypeVar, Type]) -> None:
    """Binds the type parameters `free` in `expected` so that `actual` fits, as far as that can be seen.

    An argument of type `int` binds weakly: a later one with a width replaces it. Whether the argument
    really fits is left to the conversion that follows.
    """
    if isinstance(expected, TypeVar) and expected in free:
        bound = bindings.get(expected)
        if bound is None or isinstance(bound, Int):
            bindings[expected] = actual
        return
    for one, other in zip(_parts(expected), _parts(actual), strict=False):
        infer(one, other, free, bindings)


def _parts(type_: Type) -> tuple[Type, ...]:
    """What a type consists of, so that types that can match have corresponding parts."""
    match type_:
        case Stack() | List() | Set():
            return (type_.element,)
        case Tuple():
            return type_.elements
        case Struct() | Header() | HeaderUnion():
            return tuple(f.type for f in type_.fields)
        case Extern():
            return type_.arguments
        case Parser() | Control() | Package():
            return tuple(p.type for p in type_.parameters)
    return ()


def contains_int(type_: Type) -> bool:
    """Whether a compile-time `int` is part of it, so that no run-time value has this type."""
    match type_:
        case Int():
            return True
        case Tuple():
            return any(map(contains_int, type_.elements))
        case AnonymousStruct():
            return any(contains_int(t) for _, t in type_.fields)
        case List():
            return contains_int(type_.element)
    return False


def mentions(type_: Type, free: set[TypeVar]) -> bool:
    """Whether one of the type parameters `free` occurs in it."""
    if isinstance(type_, TypeVar):
        return type_ in free
    return any(mentions(part, free) for part in _parts(type_))


def same_interface(expected: Parser | Control, actual: Parser | Control) -> bool:
    """Whether an instance of type `actual` can stand where `expected`, perhaps only a type, is declared."""
    if type(expected) is not type(actual):
        return False
    if expected == actual:
        return True
    ours, theirs = expected.parameters, actual.parameters
    return len(ours) == len(theirs) and all(
        a.direction == b.direction and a.type == b.type for a, b in zip(ours, theirs, strict=True)
    )


def as_bits(type_: Type) -> Bits | None:
    """The bit string that a value takes part in arithmetic as: itself, or an enum's underlying type."""
    match type_:
        case Bits():
            return type_
        case SerEnum():
            return type_.underlying
    return None


def is_scalar(type_: Type) -> bool:
    """Whether values are single numbers: what can be a key or be compared in a select."""
    match type_:
        case NewType():
            return is_scalar(type_.base)
    return isinstance(type_, Bits | Bool | Error | SerEnum | model.Enum)


def fits_header(type_: Type) -> bool:
    """Whether a header may have a field of this type (specification, section 7.2.2)."""
    match type_:
        case NewType():
            return fits_header(type_.base)
        case Struct():
            return all(fits_header(f.type) for f in type_.fields)
    return isinstance(type_, Bits | Bool | SerEnum | Varbit | TypeVar)


def storable(type_: Type) -> bool:
    """Whether a variable, field or parameter with a direction may have this type."""
    match type_:
        case Fields():
            return True
        case Tuple():
            return all(map(storable, type_.elements))
        case NewType():
            return storable(type_.base)
    return is_scalar(type_) or isinstance(type_, Stack | Varbit | TypeVar)


def is_text(type_: Type) -> bool:
    """Compile-time data that extern functions may take with a direction."""
    return isinstance(type_, model.String | model.List)


def sizes_in_bits(type_: Type) -> tuple[int, int] | None:
    """Smallest and greatest size of a value of this type in a packet; None if it has none."""
    match type_:
        case Bits():
            return type_.width, type_.width
        case Bool():
            return 1, 1
        case Varbit():
            return 0, type_.width
        case SerEnum():
            return type_.underlying.width, type_.underlying.width
        case NewType():
            return sizes_in_bits(type_.base)
        case Struct() | Header():
            return _total(type_.fields)
        case HeaderUnion():
            parts = [sizes_in_bits(f.type) for f in type_.fields]
            known = [p for p in parts if p is not None]
            return (min(p[0] for p in known), max(p[1] for p in known)) if known else (0, 0)
        case Stack():
            one = sizes_in_bits(type_.element)
            return None if one is None else (one[0] * type_.size, one[1] * type_.size)
        case Tuple():
            return _sum(type_.elements)
    return None


def _total(fields: Iterable[model.FieldType]) -> tuple[int, int] | None:
    return _sum(f.type for f in fields)


def _sum(types: Iterable[Type]) -> tuple[int, int] | None:
    least = most = 0
    for type_ in types:
        size = sizes_in_bits(type_)
        if size is None:
            return None
        least, most = least + size[0], most + size[1]
    return least, most
