"""The intermediate representation: one whole v1model program over flat, global storage.

After lowering there are no types but bit strings, no scopes, no calls and no structs: controls, parsers,
functions and directly called actions are inlined, constants folded, generics specialised, header stacks
spelled out as one header per element. What is left:

* storage: `Var` (a scalar) and `Header` (fields plus validity). All of it is global, unique by name, and
  zero (headers: invalid) when a packet enters. Reading a field of an invalid header yields what is stored.
* expressions without side effects, each with a type (`Bits`; booleans are `Bits(1)`, `is_bool` aside);
* statements; `Block` and `Leave` are the only jumps (return, exit, break after inlining);
* a parser as a graph of states; tables, actions and stateful externs as declarations.

Arithmetic wraps at the width of the result (two's complement if signed), the operands of a `Binary`
other than shifts and concatenation have the same type. Widths are in bits, `Slice` bounds are inclusive
with bit 0 the least significant. Every node carries its `Span`.
Source of the semantics: P4_16 Language Specification 1.2.5; v1model.p4 of the P4 language consortium.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from p4xdp.source import NOWHERE, Span

# --------------------------------------------------------------------------- types and storage


@dataclass(frozen=True, slots=True)
class Bits:
    """bit<width> or int<width>; a bool is Bits(1, is_bool=True); enums and errors are Bits."""

    width: int
    signed: bool = False
    is_bool: bool = False


BOOL = Bits(1, is_bool=True)


@dataclass(frozen=True, slots=True)
class Var:
    """A scalar: a local, a parameter, `meta.x` or `standard_metadata.ingress_port`. `name` is unique."""

    name: str
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class HeaderField:
    """`offset` is the distance in bits from the header's first bit (most significant first)."""

    name: str
    type: Bits
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """A header instance, e.g. `hdr.ipv4` or `hdr.entry[3]`. No varbit yet: `width` is fixed, in bits."""

    name: str
    type_name: str
    fields: tuple[HeaderField, ...]
    width: int
    span: Span = field(default=NOWHERE, compare=False)

    def find(self, name: str) -> HeaderField:
        return next(f for f in self.fields if f.name == name)


@dataclass(frozen=True, slots=True)
class FieldRef:
    """The storage of one header field."""

    header: Header
    field: HeaderField

    @property
    def type(self) -> Bits:
        return self.field.type

    @property
    def name(self) -> str:
        return f"{self.header.name}.{self.field.name}"


Place: TypeAlias = Var | FieldRef

# --------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Const:
    """`value` is already reduced to `type` (negative only if signed)."""

    value: int
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Load:
    place: Place
    span: Span = field(default=NOWHERE, compare=False)

    @property
    def type(self) -> Bits:
        return self.place.type


@dataclass(frozen=True, slots=True)
class IsValid:
    header: Header
    span: Span = field(default=NOWHERE, compare=False)
    type: Bits = BOOL


UnaryOp: TypeAlias = Literal["~", "-", "!"]


@dataclass(frozen=True, slots=True)
class Unary:
    op: UnaryOp
    operand: Expr
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


BinaryOp: TypeAlias = Literal[
    "+", "-", "*", "/", "%", "|+|", "|-|", "&", "|", "^", "<<", ">>",
    "==", "!=", "<", "<=", ">", ">=", "&&", "||",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Binary:
    """Comparisons and `&&`/`||` yield BOOL; `>>` of a signed left operand is arithmetic; a shift by the
    width or more yields 0 (-1 for a negative signed left operand of `>>`); the shift amount is unsigned."""

    op: BinaryOp
    left: Expr
    right: Expr
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Concat:
    """`left ++ right`: left is the more significant part."""

    left: Expr
    right: Expr
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """`operand[high:low]`, an unsigned value of high-low+1 bits."""

    operand: Expr
    high: int
    low: int
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """Between Bits: truncates, or extends by the sign of the operand's type; bool <-> bit<1> is the bit."""

    operand: Expr
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Mux:
    """`condition ? then : other`; only the chosen side is evaluated (no side effects, so no matter)."""

    condition: Expr
    then: Expr
    other: Expr
    type: Bits
    span: Span = field(default=NOWHERE, compare=False)


Expr: TypeAlias = Const | Load | IsValid | Unary | Binary | Concat | Slice | Cast | Mux

# --------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Assign:
    place: Place
    value: Expr
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AssignSlice:
    """`place[high:low] = value`; the other bits stay."""

    place: Place
    high: int
    low: int
    value: Expr
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SetValidity:
    """setValid/setInvalid, or a header copy's validity (`valid` may be any BOOL expression)."""

    header: Header
    valid: Expr
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class If:
    condition: Expr
    then: Body
    other: Body = ()
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Switch:
    """At most one case runs: the first whose values hold `subject`, else `default`. No fall-through."""

    subject: Expr
    cases: tuple[tuple[tuple[int, ...], Body], ...]
    default: Body = ()
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """Runs `body`; a `Leave(label)` inside ends it. Labels are unique in the program."""

    label: str
    body: Body
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Leave:
    label: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Atomic:
    """`@atomic { … }`: no other packet's access to the registers used inside comes in between."""

    body: Body
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ApplyTable:
    """Looks up `table`, runs the action found. `hit` gets whether an entry matched (not the default);
    `action_run` gets the index of the action run in `Table.actions`."""

    table: Table
    hit: Var | None = None
    action_run: Var | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RegisterRead:
    """Out of bounds reads 0."""

    target: Place
    register: Register
    index: Expr
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """Out of bounds does nothing."""

    register: Register
    index: Expr
    value: Expr
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Count:
    """One packet of `standard_metadata.packet_length` bytes at `index`; out of bounds does nothing."""

    counter: Counter
    index: Expr
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Extract:
    """Parser only: takes the header from the packet, makes it valid; too short: error.PacketTooShort."""

    header: Header
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Advance:
    """Parser only: skips `bits` (a multiple of 8 in XDP)."""

    bits: Expr
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Lookahead:
    """Parser only: `target` = the next bits of the packet, nothing consumed; too short: PacketTooShort."""

    target: Place
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Verify:
    """Parser only: if not `condition`, parser_error = `error` (a member of `Program.errors`) and reject."""

    condition: Expr
    error: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Emit:
    """Deparser only: appends the header if valid."""

    header: Header
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LogMessage:
    """log_msg; the sim prints it, XDP drops it."""

    text: str
    arguments: tuple[Expr, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)


Statement: TypeAlias = (
    Assign | AssignSlice | SetValidity | If | Switch | Block | Leave | Atomic | ApplyTable | RegisterRead
    | RegisterWrite | Count | Extract | Advance | Lookahead | Verify | Emit | LogMessage
)  # fmt: skip
Body: TypeAlias = tuple[Statement, ...]

# --------------------------------------------------------------------------- parser


@dataclass(frozen=True, slots=True)
class KeySet:
    """One component of a select case or table entry: exact (mask None), masked, range, or anything."""

    kind: Literal["exact", "mask", "range", "any"]
    value: int = 0  # range: low
    mask: int = 0  # range: high


@dataclass(frozen=True, slots=True)
class SelectCase:
    keysets: tuple[KeySet, ...]
    state: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Select:
    """No case matches: error.NoMatch and reject."""

    keys: tuple[Expr, ...]
    cases: tuple[SelectCase, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class State:
    """`transition` is a state's name ("accept" and "reject" end the parser) or a Select."""

    name: str
    body: Body
    transition: str | Select
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Parser:
    """Whatever ends it, accept or reject, v1model goes on with ingress; reject leaves
    `standard_metadata.parser_error` set. `states[0]` is the start."""

    name: str
    states: tuple[State, ...]


# --------------------------------------------------------------------------- tables and externs


@dataclass(frozen=True, slots=True)
class Action:
    """`parameters` are action data (set from the entry before `body` runs). `name` is the control-plane
    name, e.g. `MyIngress.forward`; one Action per place where the table is applied."""

    name: str
    parameters: tuple[Var, ...]
    body: Body
    span: Span = field(default=NOWHERE, compare=False)


MatchKind: TypeAlias = Literal["exact", "lpm", "ternary", "range", "optional", "selector"]


@dataclass(frozen=True, slots=True)
class TableKey:
    """`name` is the control-plane name of the key (as written, or @name)."""

    name: str
    expr: Expr
    kind: MatchKind


@dataclass(frozen=True, slots=True)
class ActionCall:
    """An action with its data, as an entry or a default names it; `action` indexes `Table.actions`."""

    action: int
    arguments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    keysets: tuple[KeySet, ...]
    call: ActionCall
    priority: int = 0  # smaller wins
    const: bool = True
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is the control-plane name. A table without keys always runs its default action (a miss)."""

    name: str
    keys: tuple[TableKey, ...]
    actions: tuple[Action, ...]
    default: ActionCall
    default_const: bool = False
    entries: tuple[Entry, ...] = ()
    size: int = 1024
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Register:
    """`initial` is the value of every cell at load (0 in v1model)."""

    name: str
    type: Bits
    size: int
    initial: int = 0
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Counter:
    name: str
    size: int
    kind: Literal["packets", "bytes", "packets_and_bytes"]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Program:
    """v1model in its order: parser, verify, ingress, egress, compute, deparser.

    Standard metadata are Vars named `standard_metadata.<field>` with v1model's widths, listed in
    `variables` only if the program mentions them (`egress_spec` and `parser_error` always).
    `mark_to_drop` is lowered to `egress_spec = 511` (and `mcast_grp = 0`). `errors` lists all members of
    `error`, core.p4's first, in order of declaration: the value of an error is its index.
    `digest` identifies the source after preprocessing (hex SHA-256).
    """

    source: str
    variables: tuple[Var, ...]
    headers: tuple[Header, ...]
    parser: Parser
    verify: Body
    ingress: Body
    egress: Body
    compute: Body
    deparser: Body
    tables: tuple[Table, ...]
    registers: tuple[Register, ...]
    counters: tuple[Counter, ...]
    errors: tuple[str, ...]
    digest: str = ""
