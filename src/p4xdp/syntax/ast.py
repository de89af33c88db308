"""The abstract syntax of P4_16 1.2.5, as the parser builds it and the checker and lowering read it.

Nodes are frozen and compare by identity, so a node is a key: `TypedProgram` says in side tables what the
checker found out about it. Every node has a `span`: that of the token a reader would point at (the
operator of a binary expression, the name of a declaration, the member's name after a dot).
Source: P4_16 Language Specification 1.2.5, appendix "P4 grammar"; `op=` assignments and `[low +: width]`
as in the working draft that follows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from p4xdp.source import Span


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    span: Span


# --------------------------------------------------------------------------- types as written

SimpleName: TypeAlias = Literal["bool", "int", "error", "match_kind", "string", "void"]
WidthName: TypeAlias = Literal["bit", "int", "varbit"]


@dataclass(frozen=True, slots=True, eq=False)
class SimpleType(Node):
    """A type that is one keyword. `int` is the compile-time integer of arbitrary precision."""

    name: SimpleName


@dataclass(frozen=True, slots=True, eq=False)
class WidthType(Node):
    """`bit<W>`, `int<W>`, `varbit<W>`; plain `bit` has width None and means bit<1>."""

    name: WidthName
    width: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class NamedType(Node):
    """A declared type or a type parameter; with arguments if generic. `absolute`: written `.name`."""

    name: str
    absolute: bool = False
    arguments: tuple[TypeRef, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StackType(Node):
    """`element[size]`."""

    element: TypeRef
    size: Expression


@dataclass(frozen=True, slots=True, eq=False)
class TupleType(Node):
    elements: tuple[TypeRef, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ListType(Node):
    """`list<element>`, compile-time only."""

    element: TypeRef


@dataclass(frozen=True, slots=True, eq=False)
class DontCareType(Node):
    """`_` as a type argument."""


TypeRef: TypeAlias = SimpleType | WidthType | NamedType | StackType | TupleType | ListType | DontCareType

# --------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True, eq=False)
class IntLiteral(Node):
    """`value` as written; `8w3` has width 8, `4s7` width 4 and signed, a plain `3` has width None."""

    value: int
    width: int | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class BoolLiteral(Node):
    value: bool


@dataclass(frozen=True, slots=True, eq=False)
class StringLiteral(Node):
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Path(Node):
    """A name used as a value. `absolute`: written `.name`, looked up at the top level only."""

    name: str
    absolute: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class This(Node):
    """`this`, inside an abstract method's implementation."""


@dataclass(frozen=True, slots=True, eq=False)
class Member(Node):
    """`base.name`: a field, a stack's next/last/size/lastIndex, or a method (then under `Call.function`)."""

    base: Expression
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class TypeMember(Node):
    """`Type.name`: a member of an enum, or `error.name`."""

    type: TypeRef
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Index(Node):
    """`base[index]` of a header stack, tuple or list."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Node):
    """`base[high:low]`, bounds inclusive."""

    base: Expression
    high: Expression
    low: Expression


@dataclass(frozen=True, slots=True, eq=False)
class WidthSlice(Node):
    """`base[low +: width]`; low may be a run-time value."""

    base: Expression
    low: Expression
    width: Expression


UnaryOp: TypeAlias = Literal["!", "~", "-", "+"]


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    op: UnaryOp
    operand: Expression


BinaryOp: TypeAlias = Literal[
    "*", "/", "%", "+", "-", "|+|", "|-|", "++", "<<", ">>", "<", "<=", ">", ">=", "==", "!=",
    "&", "^", "|", "&&", "||",
]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    op: BinaryOp
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Mux(Node):
    """`condition ? then : other`."""

    condition: Expression
    then: Expression
    other: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Cast(Node):
    """`(type) operand`."""

    type: TypeRef
    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Argument(Node):
    """`value`, `name = value`, or `_` for an out parameter whose result is not wanted (value None)."""

    name: str | None
    value: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """`function<type_arguments>(arguments)`; `function` is a Path, Member or TypeMember."""

    function: Expression
    type_arguments: tuple[TypeRef, ...]
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ConstructorCall(Node):
    """`Type(arguments)` as an expression: an instance without a name, e.g. an argument of V1Switch."""

    type: NamedType
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ListExpression(Node):
    """`{a, b, …}`; a final `...` stands for the defaults of the remaining fields."""

    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NamedField(Node):
    name: str
    value: Expression


@dataclass(frozen=True, slots=True, eq=False)
class StructExpression(Node):
    """`{x = a, y = b}`; with `rest`, a final `...` stands for the defaults of the fields not named."""

    fields: tuple[NamedField, ...]
    rest: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class InvalidHeader(Node):
    """`{#}`: an invalid header or header union."""


@dataclass(frozen=True, slots=True, eq=False)
class Dots(Node):
    """`...`: the default value of the type expected here."""


@dataclass(frozen=True, slots=True, eq=False)
class Mask(Node):
    """`value &&& mask`, in select cases, entries and sets."""

    value: Expression
    mask: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Range(Node):
    """`low .. high`, both ends included; in select cases, entries, and `for (x in low .. high)`."""

    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True, eq=False)
class AnyValue(Node):
    """`default` or `_` as (a component of) a keyset."""


Expression: TypeAlias = (
    IntLiteral | BoolLiteral | StringLiteral | Path | This | Member | TypeMember | Index | Slice | WidthSlice
    | Unary | Binary | Mux | Cast | Call | ConstructorCall | ListExpression | StructExpression
    | InvalidHeader | Dots | Mask | Range | AnyValue
)  # fmt: skip

# --------------------------------------------------------------------------- annotations, parameters


@dataclass(frozen=True, slots=True, eq=False)
class Annotation(Node):
    """`@name`, `@name(body)` or `@name[…]`.

    `body` is the text between the parentheses, token by token. `values` are the expressions of a
    structured annotation, or of an unstructured one whose body happens to be a list of expressions
    (so that `@name("x")` reads as one StringLiteral); `pairs` the key-value form.
    """

    name: str
    body: str | None = None
    values: tuple[Expression, ...] = ()
    pairs: tuple[NamedField, ...] = ()
    structured: bool = False


Annotations: TypeAlias = tuple[Annotation, ...]
Direction: TypeAlias = Literal["", "in", "out", "inout"]


@dataclass(frozen=True, slots=True, eq=False)
class TypeParameter(Node):
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Node):
    """`@optional` is among the annotations. Direction "" means: compile-time, or action data."""

    name: str
    direction: Direction
    type: TypeRef
    default: Expression | None = None
    annotations: Annotations = ()


# --------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True, eq=False)
class Assignment(Node):
    """`target = value`; `op` is the operator of a compound assignment (`+` for `+=`), else None."""

    target: Expression
    value: Expression
    op: BinaryOp | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CallStatement(Node):
    call: Call


@dataclass(frozen=True, slots=True, eq=False)
class DirectApplication(Node):
    """`Type.apply(arguments);`: an instance without a name of a control or parser, applied here."""

    type: NamedType
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Empty(Node):
    """`;`"""


@dataclass(frozen=True, slots=True, eq=False)
class Exit(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Return(Node):
    value: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class If(Node):
    condition: Expression
    then: Statement
    other: Statement | None


@dataclass(frozen=True, slots=True, eq=False)
class Block(Node):
    """`{ … }`, with annotations such as `@atomic`."""

    statements: tuple[Statement, ...]
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class SwitchCase(Node):
    """`label: body`; AnyValue is `default`; body None falls through to the next case's body."""

    label: Expression
    body: Block | None


@dataclass(frozen=True, slots=True, eq=False)
class Switch(Node):
    """On `table.apply().action_run` (labels are Paths naming actions) or on a value (constant labels)."""

    subject: Expression
    cases: tuple[SwitchCase, ...]


@dataclass(frozen=True, slots=True, eq=False)
class For(Node):
    """`for (init; condition; update) body`."""

    init: tuple[Statement, ...]
    condition: Expression
    update: tuple[Statement, ...]
    body: Statement
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ForIn(Node):
    """`for (type name in collection) body`; the collection is a Range, list or header stack.
    The node itself is the declaration that the loop variable's name refers to."""

    type: TypeRef
    name: str
    collection: Expression
    body: Statement
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class Break(Node):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Continue(Node):
    pass


# --------------------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True, eq=False)
class VariableDeclaration(Node):
    name: str
    type: TypeRef
    initializer: Expression | None = None
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ConstantDeclaration(Node):
    name: str
    type: TypeRef
    value: Expression
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class Instantiation(Node):
    """`type(arguments) name;`, with `= { … }` giving abstract methods' implementations."""

    name: str
    type: NamedType
    arguments: tuple[Argument, ...]
    initializer: tuple[FunctionDeclaration | Instantiation, ...] | None = None
    annotations: Annotations = ()


Statement: TypeAlias = (
    Assignment | CallStatement | DirectApplication | Empty | Exit | Return | If | Block | Switch | For | ForIn
    | Break | Continue | VariableDeclaration | ConstantDeclaration | Instantiation
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FunctionPrototype(Node):
    """A function's or method's signature. A constructor has the extern's name and `result` None."""

    name: str
    result: TypeRef | None
    type_parameters: tuple[TypeParameter, ...]
    parameters: tuple[Parameter, ...]
    abstract: bool = False
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class FunctionDeclaration(Node):
    prototype: FunctionPrototype
    body: Block

    @property
    def name(self) -> str:
        return self.prototype.name


@dataclass(frozen=True, slots=True, eq=False)
class ExternFunction(Node):
    """`extern void mark_to_drop(…);`"""

    prototype: FunctionPrototype
    annotations: Annotations = ()

    @property
    def name(self) -> str:
        return self.prototype.name


@dataclass(frozen=True, slots=True, eq=False)
class ExternDeclaration(Node):
    """`extern register<T, I> { … }`; constructors are the methods whose result is None."""

    name: str
    type_parameters: tuple[TypeParameter, ...]
    methods: tuple[FunctionPrototype, ...]
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ActionDeclaration(Node):
    name: str
    parameters: tuple[Parameter, ...]
    body: Block
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class KeyElement(Node):
    expression: Expression
    match_kind: str
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ActionRef(Node):
    """An action in `actions = { … }`, an entry or a default; `arguments` None if none were written.
    `name` is a Path, so that `TypedProgram.declarations` resolves it."""

    name: Path
    arguments: tuple[Argument, ...] | None
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class TableEntry(Node):
    """`const priority=p: (keysets): action(args) @annotations;`"""

    keysets: tuple[Expression, ...]
    action: ActionRef
    const: bool = False
    priority: Expression | None = None
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class TableProperty(Node):
    """Any other property: size, default_action, implementation, counters, meters, …"""

    name: str
    value: Expression
    const: bool = False
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class TableDeclaration(Node):
    name: str
    keys: tuple[KeyElement, ...]
    actions: tuple[ActionRef, ...]
    entries: tuple[TableEntry, ...]
    const_entries: bool
    default_action: ActionRef | None
    const_default: bool
    properties: tuple[TableProperty, ...]
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ValueSet(Node):
    name: str
    type: TypeRef
    size: Expression
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class SelectCase(Node):
    """One keyset of as many components as the select has keys (or a single AnyValue for all)."""

    keysets: tuple[Expression, ...]
    state: str


@dataclass(frozen=True, slots=True, eq=False)
class Select(Node):
    keys: tuple[Expression, ...]
    cases: tuple[SelectCase, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Goto(Node):
    """`transition state;`, also the implicit `transition reject;` of a state that has none."""

    state: str


@dataclass(frozen=True, slots=True, eq=False)
class ParserState(Node):
    name: str
    statements: tuple[Statement, ...]
    transition: Goto | Select
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ParserType(Node):
    """`parser P<T>(…);`: the type of parsers with these run-time parameters."""

    name: str
    type_parameters: tuple[TypeParameter, ...]
    parameters: tuple[Parameter, ...]
    annotations: Annotations = ()


ParserLocal: TypeAlias = ConstantDeclaration | Instantiation | VariableDeclaration | ValueSet


@dataclass(frozen=True, slots=True, eq=False)
class ParserDeclaration(Node):
    name: str
    type_parameters: tuple[TypeParameter, ...]
    parameters: tuple[Parameter, ...]
    constructor_parameters: tuple[Parameter, ...]
    locals: tuple[ParserLocal, ...]
    states: tuple[ParserState, ...]
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ControlType(Node):
    name: str
    type_parameters: tuple[TypeParameter, ...]
    parameters: tuple[Parameter, ...]
    annotations: Annotations = ()


ControlLocal: TypeAlias = (
    ConstantDeclaration | ActionDeclaration | TableDeclaration | Instantiation | VariableDeclaration
)


@dataclass(frozen=True, slots=True, eq=False)
class ControlDeclaration(Node):
    name: str
    type_parameters: tuple[TypeParameter, ...]
    parameters: tuple[Parameter, ...]
    constructor_parameters: tuple[Parameter, ...]
    locals: tuple[ControlLocal, ...]
    body: Block
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class PackageType(Node):
    name: str
    type_parameters: tuple[TypeParameter, ...]
    parameters: tuple[Parameter, ...]
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class Field(Node):
    name: str
    type: TypeRef
    annotations: Annotations = ()


StructKind: TypeAlias = Literal["struct", "header", "header_union"]


@dataclass(frozen=True, slots=True, eq=False)
class StructDeclaration(Node):
    """A struct, header or header_union type."""

    kind: StructKind
    name: str
    type_parameters: tuple[TypeParameter, ...]
    fields: tuple[Field, ...]
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class EnumMember(Node):
    """`value` only in an enum with an underlying type."""

    name: str
    value: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class EnumDeclaration(Node):
    """`enum E { … }`, or `enum bit<8> E { A = 1, … }` with `underlying` set."""

    name: str
    underlying: TypeRef | None
    members: tuple[EnumMember, ...]
    annotations: Annotations = ()


@dataclass(frozen=True, slots=True, eq=False)
class ErrorDeclaration(Node):
    """`error { … }`; every such declaration adds members."""

    members: tuple[EnumMember, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MatchKindDeclaration(Node):
    members: tuple[EnumMember, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TypedefDeclaration(Node):
    """`typedef T name;` (another name) or `type T name;` (`distinct`: a new type)."""

    name: str
    type: TypeRef | StructDeclaration | EnumDeclaration
    distinct: bool
    annotations: Annotations = ()


Declaration: TypeAlias = (
    ConstantDeclaration | Instantiation | ExternFunction | ExternDeclaration | FunctionDeclaration
    | ActionDeclaration | ParserDeclaration | ParserType | ControlDeclaration | ControlType | PackageType
    | StructDeclaration | EnumDeclaration | ErrorDeclaration | MatchKindDeclaration | TypedefDeclaration
)  # fmt: skip

# What a name in the program can refer to.
Named: TypeAlias = (
    ConstantDeclaration | VariableDeclaration | Instantiation | Parameter | ForIn | ExternFunction
    | FunctionDeclaration | ActionDeclaration | TableDeclaration | ValueSet | ParserDeclaration
    | ControlDeclaration
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """`path` as given by the user; `source_digest` is the hex SHA-256 of the preprocessed text."""

    path: str
    declarations: tuple[Declaration, ...]
    source_digest: str
