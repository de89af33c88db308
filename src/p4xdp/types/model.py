"""The types of P4_16 as values.

Structural types (`Bits`, `Tuple`, `Stack`, …) are equal if their parts are. Nominal types (`Header`,
`Struct`, `Enum`, `Extern`, …) are equal if they come from the same declaration with the same type
arguments; their fields are already resolved, with the type arguments filled in.
Source: P4_16 Language Specification 1.2.5, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from p4xdp.syntax import ast

# --------------------------------------------------------------------------- scalars


@dataclass(frozen=True, slots=True)
class Bits:
    """bit<width>, or int<width> if signed."""

    width: int
    signed: bool = False

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'bit'}<{self.width}>"


@dataclass(frozen=True, slots=True)
class Varbit:
    """varbit<width>: `width` is the greatest number of bits."""

    width: int

    def __str__(self) -> str:
        return f"varbit<{self.width}>"


@dataclass(frozen=True, slots=True)
class Bool:
    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class Int:
    """The compile-time integer of arbitrary precision."""

    def __str__(self) -> str:
        return "int"


@dataclass(frozen=True, slots=True)
class String:
    def __str__(self) -> str:
        return "string"


@dataclass(frozen=True, slots=True)
class Error:
    """`TypedProgram.errors` lists the members in order."""

    def __str__(self) -> str:
        return "error"


@dataclass(frozen=True, slots=True)
class MatchKind:
    def __str__(self) -> str:
        return "match_kind"


@dataclass(frozen=True, slots=True)
class Void:
    def __str__(self) -> str:
        return "void"


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum without underlying type: `members` in order of declaration, no numbers defined."""

    name: str
    declaration: ast.EnumDeclaration
    members: tuple[str, ...] = field(compare=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class SerEnum:
    """An enum with underlying type: `members` as (name, value), the value reduced to `underlying`."""

    name: str
    declaration: ast.EnumDeclaration
    underlying: Bits
    members: tuple[tuple[str, int], ...] = field(compare=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class NewType:
    """`type base name;`. Represented as `base`; needs a cast to and from it."""

    name: str
    declaration: ast.TypedefDeclaration
    base: Type

    def __str__(self) -> str:
        return self.name


# --------------------------------------------------------------------------- compounds


@dataclass(frozen=True, slots=True)
class FieldType:
    name: str
    type: Type
    declaration: ast.Field


@dataclass(frozen=True, slots=True)
class Fields:
    """What Struct, Header and HeaderUnion have in common."""

    name: str
    declaration: ast.StructDeclaration
    arguments: tuple[Type, ...]
    fields: tuple[FieldType, ...] = field(compare=False)

    def find(self, name: str) -> FieldType | None:
        return next((f for f in self.fields if f.name == name), None)

    def __str__(self) -> str:
        return with_arguments(self.name, self.arguments)


@dataclass(frozen=True, slots=True)
class Struct(Fields):
    __str__ = Fields.__str__


@dataclass(frozen=True, slots=True)
class Header(Fields):
    __str__ = Fields.__str__


@dataclass(frozen=True, slots=True)
class HeaderUnion(Fields):
    __str__ = Fields.__str__


@dataclass(frozen=True, slots=True)
class Stack:
    """A header stack: `element` is a Header or HeaderUnion."""

    element: Type
    size: int

    def __str__(self) -> str:
        return f"{self.element}[{self.size}]"


@dataclass(frozen=True, slots=True)
class Tuple:
    """`tuple<…>`, and the type of `{a, b}` where no other type is expected."""

    elements: tuple[Type, ...]

    def __str__(self) -> str:
        return f"tuple<{', '.join(map(str, self.elements))}>"


@dataclass(frozen=True, slots=True)
class AnonymousStruct:
    """The type of `{x = a}` where no struct is expected; convertible to a struct with these fields."""

    fields: tuple[tuple[str, Type], ...]

    def __str__(self) -> str:
        return "struct {" + ", ".join(f"{t} {n}" for n, t in self.fields) + "}"


@dataclass(frozen=True, slots=True)
class List:
    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@dataclass(frozen=True, slots=True)
class Set:
    """What a select case or an entry's key component denotes: a set of values of `element`; also
    `value_set<T>`."""

    element: Type

    def __str__(self) -> str:
        return f"set<{self.element}>"


# --------------------------------------------------------------------------- things with parameters


@dataclass(frozen=True, slots=True)
class ParameterType:
    name: str
    direction: ast.Direction
    type: Type
    declaration: ast.Parameter

    @property
    def optional(self) -> bool:
        return self.declaration.default is not None or any(
            a.name == "optional" for a in self.declaration.annotations
        )


@dataclass(frozen=True, slots=True)
class Function:
    """A function, extern function, extern method or action (`result` Void)."""

    name: str
    type_parameters: tuple[TypeVar, ...]
    parameters: tuple[ParameterType, ...]
    result: Type

    def __str__(self) -> str:
        parameters = ", ".join(f"{p.direction} {p.type} {p.name}".strip() for p in self.parameters)
        return f"{self.result} {self.name}({parameters})"


@dataclass(frozen=True, slots=True)
class Extern:
    """An extern object's type, e.g. register<bit<64>, bit<32>>."""

    name: str
    declaration: ast.ExternDeclaration
    arguments: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return with_arguments(self.name, self.arguments)


@dataclass(frozen=True, slots=True)
class Parser:
    """The type of a parser instance; `declaration` is a ParserType for an architecture's parameter."""

    name: str
    declaration: ast.ParserDeclaration | ast.ParserType
    arguments: tuple[Type, ...]
    parameters: tuple[ParameterType, ...] = field(compare=False)

    def __str__(self) -> str:
        return with_arguments(self.name, self.arguments)


@dataclass(frozen=True, slots=True)
class Control:
    """The type of a control instance; `declaration` is a ControlType for an architecture's parameter."""

    name: str
    declaration: ast.ControlDeclaration | ast.ControlType
    arguments: tuple[Type, ...]
    parameters: tuple[ParameterType, ...] = field(compare=False)

    def __str__(self) -> str:
        return with_arguments(self.name, self.arguments)


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    declaration: ast.PackageType
    arguments: tuple[Type, ...]
    parameters: tuple[ParameterType, ...] = field(compare=False)

    def __str__(self) -> str:
        return with_arguments(self.name, self.arguments)


@dataclass(frozen=True, slots=True)
class Action:
    """The type of a name that refers to an action."""

    name: str
    declaration: ast.ActionDeclaration
    parameters: tuple[ParameterType, ...] = field(compare=False)

    def __str__(self) -> str:
        return f"action {self.name}"


@dataclass(frozen=True, slots=True)
class Table:
    """The type of a name that refers to a table."""

    name: str
    declaration: ast.TableDeclaration

    def __str__(self) -> str:
        return f"table {self.name}"


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What `table.apply()` yields: fields hit, miss (bool) and action_run."""

    table: ast.TableDeclaration

    def __str__(self) -> str:
        return f"apply_result({self.table.name})"


@dataclass(frozen=True, slots=True)
class ActionRun:
    """The type of `table.apply().action_run`; only a switch takes it."""

    table: ast.TableDeclaration

    def __str__(self) -> str:
        return f"action_run({self.table.name})"


@dataclass(frozen=True, slots=True)
class TypeVar:
    """A type parameter, inside the generic declaration; equal by its declaration's identity."""

    name: str
    declaration: ast.TypeParameter

    def __str__(self) -> str:
        return self.name


Type: TypeAlias = (
    Bits | Varbit | Bool | Int | String | Error | MatchKind | Void | Enum | SerEnum | NewType | Struct
    | Header | HeaderUnion | Stack | Tuple | AnonymousStruct | List | Set | Function | Extern | Parser
    | Control | Package | Action | Table | ApplyResult | ActionRun | TypeVar
)  # fmt: skip

BOOL = Bool()
INT = Int()
STRING = String()
ERROR = Error()
VOID = Void()
MATCH_KIND = MatchKind()

Bindings: TypeAlias = Mapping[TypeVar, "Type"]


def with_arguments(name: str, arguments: tuple[Type, ...]) -> str:
    return f"{name}<{', '.join(map(str, arguments))}>" if arguments else name
