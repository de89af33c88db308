"""The state of lowering one program, and the tables that say who lowers which kind of node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import bits, const
from p4xdp.ir.lower.values import (
    Aggregate,
    HeaderLiteral,
    Instance,
    Scope,
    Stack,
    Value,
    moved,
    scalar,
    stored,
)
from p4xdp.ir.lower.writes import Writes
from p4xdp.source import P4Error, Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.constants import fold
from p4xdp.types.program import Constant, EnumValue, ErrorValue, TypedProgram
from p4xdp.types.relations import substitute

ENUM_WIDTH = 32  # of enums without underlying type, and of error
INT_WIDTH = 32  # of a compile-time integer where the IR wants a type (shift amounts); wider if it must

NO_TARGETS: frozenset[int] = frozenset()

Handler = Callable[["Context", Any], Any]
EXPRESSIONS: dict[type, Handler] = {}
STATEMENTS: dict[type, Handler] = {}


def lowers(*kinds: type) -> Callable[[Handler], Handler]:
    """Registers the function that lowers expressions of these node classes."""

    def register(handler: Handler) -> Handler:
        EXPRESSIONS.update(dict.fromkeys(kinds, handler))
        return handler

    return register


def executes(*kinds: type) -> Callable[[Handler], Handler]:
    """Registers the function that lowers statements of these node classes."""

    def register(handler: Handler) -> Handler:
        STATEMENTS.update(dict.fromkeys(kinds, handler))
        return handler

    return register


@dataclass(slots=True)
class Return:
    """Where `return` goes: the label that ends the body, and where its value is stored."""

    label: str
    result: Value | None = None
    used: bool = False


class Context:
    """`out` collects the statements being made; `scope` says what names mean; `instance` and `prefix`
    belong to the control or parser being inlined. `indices` are the parser's positions in header stacks,
    `owed` what the calls being inlined have to copy out, the outermost first."""

    def __init__(self, typed: TypedProgram) -> None:
        self.typed = typed
        self.writes = Writes(typed)
        self.globals = Scope()
        self.global_actions: set[ast.Node] = set()
        self.out: list[ir.Statement] = []
        self.scope = self.globals
        self.prefix = ""
        self.instance: Instance | None = None
        self.returns: list[Return] = []
        self.exit = Return("")
        self.owed: list[ir.Body] = []
        self.indices: dict[str, int] | None = None
        self.variables: dict[str, ir.Var] = {}
        self.headers: dict[str, ir.Header] = {}
        self.header_values: dict[str, dict[str, Value]] = {}
        self.siblings: dict[str, tuple[ir.Header, ...]] = {}
        self.tables: dict[str, ir.Table] = {}
        self.registers: dict[str, ir.Register] = {}
        self.counters: dict[str, ir.Counter] = {}
        self.standard: dict[str, Value] = {}
        self._used: dict[str, int] = {}
        self._types: dict[model.Type, ir.Bits] = {}

    # ------------------------------------------------------------------ dispatch

    def value(self, e: ast.Expression) -> Value:
        constant = self.typed.constants.get(e)
        if constant is None and self._without_width(e):
            constant = self.constant(e)
        if constant is not None:
            return self.constant_value(constant, self.typed.types[e], e.span)
        handler = EXPRESSIONS.get(type(e))
        if handler is None:
            raise Unsupported(e.span, f"{type(e).__name__} expressions cannot stand here")
        value: Value = handler(self, e)
        return value

    def _without_width(self, e: ast.Expression) -> bool:
        """Whether it is calculated with integers of any size, which the IR does not have: a constructor's
        `int` parameter, say. What it is converted to says nothing about what it is calculated in."""
        types = self.typed.types
        match e:
            case ast.Path():
                return isinstance(self.typed.variables.get(self.typed.declarations[e]), model.Int)
            case ast.Unary(operand=inner) | ast.Binary(left=inner) if isinstance(types.get(inner), model.Int):
                return True
        return isinstance(types.get(e), model.Int)

    def scalar(self, e: ast.Expression) -> ir.Expr:
        return scalar(self.value(e), e.span)

    def values(
        self, expressions: Sequence[ast.Expression], targets: frozenset[int] = NO_TARGETS
    ) -> list[Value]:
        """Evaluated from left to right: what a later one changes, an earlier one has read before.

        Those numbered in `targets` are l-values, to be written later: they stay the storage they are.
        """
        found: list[Value] = []
        made = [self.collect(lambda e=e: found.append(self.value(e))) for e in expressions]  # type: ignore[misc]
        last = max((i for i, statements in enumerate(made) if statements), default=0)
        for i, statements in enumerate(made):
            self.out.extend(statements)
            if i < last and i not in targets and stored(found[i]):
                found[i] = self.keep(found[i], expressions[i].span)
        return found

    def keep(self, value: Value, span: Span) -> Value:
        """`value` as it is now, in new storage."""
        match value:
            case Aggregate():
                return Aggregate({n: self.keep(v, span) for n, v in value.fields.items()}, value.union)
            case HeaderLiteral():
                return HeaderLiteral({n: self.keep(v, span) for n, v in value.fields.items()}, value.valid)
            case Stack():
                return Stack(value.name, tuple(self.keep(v, span) for v in value.elements))
            case ir.Header():
                return self._kept_header(value, span)
            case ir.Const():
                return value
        expr = scalar(value, span)
        variable = self.variable("tmp", expr.type, span)
        self.emit(ir.Assign(variable, expr, span))
        return ir.Load(variable, span)

    def _kept_header(self, header: ir.Header, span: Span) -> ir.Header:
        kept = replace(header, name=self.unique("tmp"), span=span)
        self.headers[kept.name] = kept
        self.header_values[kept.name] = {
            name: moved(value, kept) for name, value in self.header_values[header.name].items()
        }
        for f in header.fields:
            source = ir.Load(ir.FieldRef(header, f), span)
            self.emit(ir.Assign(ir.FieldRef(kept, f), source, span))
        self.emit(ir.SetValidity(kept, ir.IsValid(header, span), span))
        return kept

    def statement(self, s: ast.Statement) -> None:
        handler = STATEMENTS.get(type(s))
        if handler is None:
            raise Unsupported(s.span, f"this compiler does not know {type(s).__name__} statements")
        handler(self, s)

    # ------------------------------------------------------------------ statements made

    def emit(self, statement: ir.Statement) -> None:
        self.out.append(statement)

    def collect(self, make: Callable[[], None]) -> ir.Body:
        """The statements that `make` emits."""
        outer, self.out = self.out, []
        try:
            make()
            return tuple(self.out)
        finally:
            self.out = outer

    @contextmanager
    def inside(self, scope: Scope, instance: Instance | None, prefix: str) -> Iterator[None]:
        """Names resolve in `scope`; local variables belong to `instance` (None: new ones every time)."""
        saved = self.scope, self.instance, self.prefix
        self.scope, self.instance, self.prefix = scope, instance, prefix
        try:
            yield
        finally:
            self.scope, self.instance, self.prefix = saved

    @contextmanager
    def owing(self, copy_out: ir.Body) -> Iterator[None]:
        """`copy_out` ends the call inlined meanwhile, also if that is by an exit."""
        self.owed.append(copy_out)
        try:
            yield
        finally:
            self.owed.pop()
        self.out.extend(copy_out)

    # ------------------------------------------------------------------ types and constants

    def type_of(self, e: ast.Expression) -> model.Type:
        return self.resolve(self.typed.types[e])

    def resolve(self, type: model.Type) -> model.Type:
        return substitute(type, self.scope.types) if self.scope.types else type

    def bits(self, type: model.Type, span: Span) -> ir.Bits:
        """The IR type of a scalar."""
        found = self._types.get(type)
        if found is None:
            found = self._types[type] = self._bits(type, span)
        return found

    def _bits(self, type: model.Type, span: Span) -> ir.Bits:
        match type:
            case model.Bits():
                return bits(type.width, type.signed)
            case model.Bool():
                return ir.BOOL
            case model.SerEnum():
                return bits(type.underlying.width, type.underlying.signed)
            case model.NewType():
                return self.bits(type.base, span)
            case model.Enum() | model.Error():
                return bits(ENUM_WIDTH)
            case model.Int():
                return bits(INT_WIDTH)
        raise Unsupported(span, f"a value of type {type} cannot be used here")

    def constant(self, e: ast.Expression) -> Constant | None:
        """The compile-time value of `e`, constructor parameters filled in."""
        known = self.typed.constants.get(e)
        return known if known is not None else fold(e, self.typed, self._bound_constants())

    def _bound_constants(self) -> dict[ast.Node, Constant]:
        variables, found = self.typed.variables, self.scope.constants()
        return {d: self._constant_of(value, variables.get(d)) for d, value in found.items()}

    def _constant_of(self, value: int, type: model.Type | None) -> Constant:
        match type:
            case model.Enum():
                return EnumValue(type, type.members[value])
            case model.Error():
                return ErrorValue(self.typed.errors[value])
        return value

    def number(self, e: ast.Expression) -> int:
        value = self.constant(e)
        if not isinstance(value, int):
            raise P4Error(e.span, "this must be a number known at compile time")
        return int(value)

    def constant_value(self, value: Constant, type: model.Type, span: Span) -> Value:
        match value:
            case str():
                return value
            case EnumValue():
                return const(value.type.members.index(value.member), bits(ENUM_WIDTH), span)
            case ErrorValue():
                return const(self.typed.errors.index(value.member), bits(ENUM_WIDTH), span)
            case tuple():
                return self._constant_compound(value, type, span)
        if isinstance(type, model.Int):
            width = max(INT_WIDTH, value.bit_length() + (value < 0))
            return const(value, bits(width, signed=value < 0), span)
        return const(value, self.bits(self.resolve(type), span), span)

    def _constant_compound(self, value: tuple[Constant, ...], type: model.Type, span: Span) -> Value:
        match type:
            case model.Struct() | model.Header():
                parts = [(f.name, f.type) for f in type.fields]
            case model.AnonymousStruct():
                parts = list(type.fields)
            case model.Tuple():
                parts = [(str(i), t) for i, t in enumerate(type.elements)]
            case model.List():
                parts = [(str(i), type.element) for i in range(len(value))]
            case model.Stack():
                return Stack("", tuple(self.constant_value(v, type.element, span) for v in value))
            case _:
                raise Unsupported(span, f"a constant of type {type} cannot be used here")
        fields = {n: self.constant_value(v, t, span) for (n, t), v in zip(parts, value, strict=True)}
        return HeaderLiteral(fields, valid=True) if isinstance(type, model.Header) else Aggregate(fields)

    # ------------------------------------------------------------------ header stacks in a parser

    def position(self, stack: Stack) -> int:
        """The index of `stack.next`."""
        return (self.indices or {}).get(stack.name, 0)

    def move(self, stack: Stack, index: int) -> None:
        """Makes `index` that of `stack.next`. Outside parsers nothing depends on it."""
        if self.indices is None:
            return
        if index:
            self.indices[stack.name] = index
        else:
            self.indices.pop(stack.name, None)

    # ------------------------------------------------------------------ storage

    def unique(self, name: str) -> str:
        """`name`, numbered if it is taken."""
        count = self._used.get(name, 0)
        self._used[name] = count + 1
        return name if count == 0 else self.unique(f"{name}.{count}")

    def label(self, name: str) -> str:
        return self.unique(f"{name}#end")

    def variable(self, name: str, type: ir.Bits, span: Span) -> ir.Var:
        variable = ir.Var(self.unique(name), type, span)
        self.variables[variable.name] = variable
        return variable

    def storage(self, name: str, type: model.Type, span: Span) -> Value:
        """New storage for a value of `type`; names of parts are `name.field` and `name[index]`."""
        type = self.resolve(type)
        match type:
            case model.Struct():
                return Aggregate(
                    {f.name: self.storage(f"{name}.{f.name}", f.type, span) for f in type.fields}
                )
            case model.Tuple():
                parts = enumerate(type.elements)
                return Aggregate({str(i): self.storage(f"{name}.{i}", t, span) for i, t in parts})
            case model.Header():
                return self.header(name, type, span)
            case model.HeaderUnion():
                return self._union(name, type, span)
            case model.Stack():
                elements = (self.storage(f"{name}[{i}]", type.element, span) for i in range(type.size))
                return Stack(self.unique(f"{name}[]"), tuple(elements))
        return ir.Load(self.variable(name, self.bits(type, span), span), span)

    def header(self, name: str, type: model.Header, span: Span) -> ir.Header:
        flat = list(self._flat(type.fields, "", span))
        offsets = [0]
        for _, field_type in flat:
            offsets.append(offsets[-1] + field_type.width)
        fields = (ir.HeaderField(n, t, o) for (n, t), o in zip(flat, offsets, strict=False))
        header = ir.Header(self.unique(name), type.name, tuple(fields), offsets[-1], span)
        self.headers[header.name] = header
        self.header_values[header.name] = {
            f.name: self._field_value(header, f.name, f.type, span) for f in type.fields
        }
        return header

    def _flat(
        self, fields: tuple[model.FieldType, ...], prefix: str, span: Span
    ) -> Iterator[tuple[str, ir.Bits]]:
        for f in fields:
            if isinstance(f.type, model.Struct):
                yield from self._flat(f.type.fields, f"{prefix}{f.name}.", span)
            elif isinstance(f.type, model.Varbit):
                raise Unsupported(f.declaration.span, "varbit fields are not supported; use a header stack")
            else:
                yield prefix + f.name, self.bits(f.type, f.declaration.span)

    def _field_value(self, header: ir.Header, name: str, type: model.Type, span: Span) -> Value:
        if isinstance(type, model.Struct):
            parts = type.fields
            return Aggregate(
                {p.name: self._field_value(header, f"{name}.{p.name}", p.type, span) for p in parts}
            )
        return ir.Load(ir.FieldRef(header, header.find(name)), span)

    def _union(self, name: str, type: model.HeaderUnion, span: Span) -> Value:
        fields: dict[str, Value] = {
            f.name: self.storage(f"{name}.{f.name}", f.type, span) for f in type.fields
        }
        members = [h for h in fields.values() if isinstance(h, ir.Header)]
        for h in members:
            self.siblings[h.name] = tuple(m for m in members if m is not h)
        return Aggregate(fields, union=True)
