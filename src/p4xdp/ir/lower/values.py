"""What an expression denotes while lowering: a scalar is an IR expression, the rest is spelled out here.

An l-value is a value too: a scalar one is an `ir.Load` (or an `ir.Slice` of one), a header is its
`ir.Header`, and structs and stacks consist of such.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from p4xdp.ir import nodes as ir
from p4xdp.source import Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model


@dataclass(slots=True, eq=False)
class Aggregate:
    """A struct, a tuple (fields "0", "1", …) or a header union."""

    fields: dict[str, Value]
    union: bool = False
    names: frozenset[str] | None = None  # cache of `stored`


@dataclass(slots=True, eq=False)
class HeaderLiteral:
    """`{a, b}` where a header is expected, or `{#}`."""

    fields: dict[str, Value]
    valid: bool


@dataclass(slots=True, eq=False)
class Stack:
    """`name` is the key of its next index in `ParserIndices`."""

    name: str
    elements: tuple[Value, ...]


@dataclass(slots=True, eq=False)
class Packet:
    """packet_in or packet_out."""

    direction: str


@dataclass(slots=True, eq=False)
class ExternInstance:
    """`object` is the IR's declaration, or None for an extern that has none."""

    name: str
    type: model.Extern
    object: ir.Register | ir.Counter | None
    span: Span


@dataclass(slots=True, eq=False)
class TableInstance:
    name: str
    declaration: ast.TableDeclaration
    applied: Span | None = None


@dataclass(slots=True, eq=False)
class Instance:
    """A control or parser instance, elaborated: `scope` binds constructor parameters and inner instances.

    `storage` keeps what its local variables were given, so that applying it again uses the same.
    """

    name: str
    declaration: ast.ControlDeclaration | ast.ParserDeclaration
    scope: Scope
    storage: dict[ast.Node, Value] = field(default_factory=dict)
    anonymous: dict[ast.Node, Instance] = field(default_factory=dict)


Value: TypeAlias = (
    ir.Expr | ir.Header | Aggregate | HeaderLiteral | Stack | Packet | ExternInstance | TableInstance
    | Instance | str
)  # fmt: skip

SCALARS = (ir.Load, ir.Const, ir.Binary, ir.Slice, ir.Cast, ir.Concat, ir.Unary, ir.Mux, ir.IsValid)


class Scope:
    """What names stand for, keyed by declaration; inner scopes hide nothing, they only add."""

    __slots__ = ("_names", "parent", "types")

    def __init__(self, parent: Scope | None = None) -> None:
        self._names: dict[ast.Node, Value] = {}
        self.parent = parent
        self.types: dict[model.TypeVar, model.Type] = dict(parent.types) if parent is not None else {}

    def bind(self, declaration: ast.Node, value: Value) -> None:
        self._names[declaration] = value

    def find(self, declaration: ast.Node) -> Value | None:
        scope: Scope | None = self
        while scope is not None:
            value = scope._names.get(declaration)
            if value is not None:
                return value
            scope = scope.parent
        return None

    def constants(self) -> dict[ast.Node, int]:
        """The parameters bound to numbers, for folding compile-time integers."""
        found = self.parent.constants() if self.parent is not None else {}
        found.update((d, v.value) for d, v in self._names.items() if isinstance(v, ir.Const))
        return found


def scalar(value: Value, span: Span) -> ir.Expr:
    """`value` as an IR expression."""
    if isinstance(value, SCALARS):
        return value
    raise Unsupported(span, "a single number or bool is needed here")


def moved(value: Value, header: ir.Header) -> Value:
    """A field's value as the same field of another header of the type."""
    if isinstance(value, Aggregate):
        return Aggregate({n: moved(v, header) for n, v in value.fields.items()})
    assert isinstance(value, ir.Load) and isinstance(value.place, ir.FieldRef)
    return ir.Load(ir.FieldRef(header, value.place.field), value.span)


def same_storage(a: Value, b: Value) -> bool:
    """Whether both are made of the same storage in the same order."""
    ours, theirs = list(leaves(a)), list(leaves(b))
    return len(ours) == len(theirs) and all(_same_leaf(x, y) for x, y in zip(ours, theirs, strict=True))


def _same_leaf(a: ir.Expr | ir.Header, b: ir.Expr | ir.Header) -> bool:
    if isinstance(a, ir.Header) or isinstance(b, ir.Header):
        return isinstance(a, ir.Header) and isinstance(b, ir.Header) and a.name == b.name
    return isinstance(a, ir.Load) and isinstance(b, ir.Load) and a.place.name == b.place.name


def leaves(value: Value) -> Iterator[ir.Expr | ir.Header]:
    """The scalars and headers that `value` consists of, in order."""
    match value:
        case Aggregate() | HeaderLiteral():
            for part in value.fields.values():
                yield from leaves(part)
        case Stack():
            for part in value.elements:
                yield from leaves(part)
        case ir.Header():
            yield value
        case _ if isinstance(value, SCALARS):
            yield value


def stacks(value: Value) -> Iterator[Stack]:
    """The header stacks in `value`."""
    if isinstance(value, Stack):
        yield value
    elif isinstance(value, Aggregate):
        for part in value.fields.values():
            yield from stacks(part)


def loaded(expr: ir.Expr) -> Iterator[str]:
    """Names of the storage that `expr` reads: variables, and headers for their fields and validity."""
    match expr:
        case ir.Load(place=place):
            yield place.header.name if isinstance(place, ir.FieldRef) else place.name
        case ir.IsValid(header=header):
            yield header.name
        case ir.Binary(left=left, right=right) | ir.Concat(left=left, right=right):
            yield from loaded(left)
            yield from loaded(right)
        case ir.Unary(operand=operand) | ir.Cast(operand=operand) | ir.Slice(operand=operand):
            yield from loaded(operand)
        case ir.Mux():
            yield from loaded(expr.condition)
            yield from loaded(expr.then)
            yield from loaded(expr.other)


def stored(value: Value) -> frozenset[str]:
    """Names of the storage that `value` reads or, as an l-value, covers; a field counts as its header."""
    if isinstance(value, Aggregate) and value.names is not None:
        return value.names
    names: set[str] = set()
    for leaf in leaves(value):
        if isinstance(leaf, ir.Header):
            names.add(leaf.name)
        else:
            names.update(loaded(leaf))
    found = frozenset(names)
    if isinstance(value, Aggregate):
        value.names = found
    return found


def is_storage(value: Value) -> bool:
    """Whether `value` consists of nothing but storage, so that it can be passed by reference."""
    return all(isinstance(leaf, ir.Header | ir.Load) for leaf in leaves(value))
