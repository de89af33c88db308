"""What the checker hands to lowering: the program with everything known about it before elaboration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from p4xdp.source import Span
from p4xdp.syntax import ast
from p4xdp.types import model


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A member of an enum without underlying type."""

    type: model.Enum
    member: str


@dataclass(frozen=True, slots=True)
class ErrorValue:
    member: str


# A compile-time value. bit/int/serenum values are Python ints, reduced to the type (negative only if
# signed); structs, tuples and lists are tuples of values in the order of the fields.
Constant: TypeAlias = "int | bool | str | EnumValue | ErrorValue | tuple[Constant, ...]"

BuiltinName: TypeAlias = Literal[
    "isValid", "setValid", "setInvalid", "push_front", "pop_front", "minSizeInBits", "minSizeInBytes",
    "maxSizeInBits", "maxSizeInBytes", "apply",
]  # fmt: skip

CallKind: TypeAlias = Literal[
    "function",  # target: FunctionDeclaration
    "extern_function",  # target: ExternFunction
    "method",  # target: FunctionPrototype in the extern; `receiver` is the object
    "action",  # target: ActionDeclaration, called directly
    "apply_table",  # target: TableDeclaration (receiver is its Path)
    "apply_control",  # target: ControlDeclaration or ControlType; receiver is the instance
    "apply_parser",  # target: ParserDeclaration or ParserType; receiver is the instance
    "builtin",  # target: the method's name; receiver is the header, union, stack or type
    "constructor",  # target: Extern/Parser/Control declaration or PackageType
]

CallTarget: TypeAlias = (
    ast.FunctionDeclaration | ast.ExternFunction | ast.FunctionPrototype | ast.ActionDeclaration
    | ast.TableDeclaration | ast.ControlDeclaration | ast.ControlType | ast.ParserDeclaration | ast.ParserType
    | ast.ExternDeclaration | ast.PackageType | BuiltinName
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """One parameter of a call with its argument.

    `value` None: `_`, or an optional parameter left out without default (`omitted` tells them apart).
    A default value that was not overridden is given as its own expression from the declaration.
    `type` is the parameter's type with type arguments filled in.
    """

    parameter: ast.Parameter
    type: model.Type
    value: ast.Expression | None
    omitted: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedCall:
    """What a Call, ConstructorCall, Instantiation, DirectApplication or ActionRef with arguments does.

    `arguments` stand in the order of the parameters, whatever names were used. `type_arguments` binds the
    type parameters of the function or method (and, for a method or constructor, those of its extern).
    For an action in a table's `actions` list only the bound (leading) parameters have arguments.
    """

    kind: CallKind
    target: CallTarget
    arguments: tuple[Bound, ...]
    result: model.Type
    receiver: ast.Expression | None = None
    type_arguments: dict[model.TypeVar, model.Type] = field(default_factory=dict)
    # constructor of an extern: which overload; None for controls, parsers, packages
    constructor: ast.FunctionPrototype | None = None


CallNode: TypeAlias = (
    ast.Call | ast.ConstructorCall | ast.Instantiation | ast.DirectApplication | ast.ActionRef
)


@dataclass(slots=True)
class TypedProgram:
    """The checked program. Side tables are keyed by AST node (nodes compare by identity).

    types         type of every expression, after implicit conversion. An integer literal (or any constant
                  expression of type int) used where bit<W>/int<W> is expected has that type, its constant is
                  reduced to it. A list or struct expression used where a struct/header is expected has that
                  type. `int` remains only where no run-time value stands: shift amounts, slice bounds,
                  indices, constructor arguments of type int, operands of such constant expressions.
                  A serializable enum used as its underlying type keeps its own type (same representation).
                  In `target op= value` the value has the target's type (or is a shift amount).
    declarations  Path -> what it refers to (also the Path of an ActionRef and action labels of a switch)
    type_refs     TypeRef node -> resolved type
    calls         the resolved call of every call-like node
    constants     value of every expression that is constant without elaboration. Constructor parameters and
                  the type parameters of generic functions are not known here: fold again with
                  `constants.fold(expression, typed, bindings)` once they are.
    slices        Slice / WidthSlice with constant bounds -> (high, low)
    variables     declared type of every Parameter, VariableDeclaration, ConstantDeclaration, Instantiation,
                  ForIn, ValueSet
    errors        all members of `error` in order of declaration
    match_kinds   likewise
    warnings      (place, text): not errors, but worth a look; to be shown by whoever runs the compiler
    main          the top-level `main` instantiation; `calls[main]` has its package's arguments
    """

    program: ast.Program
    main: ast.Instantiation | None
    types: dict[ast.Expression, model.Type] = field(default_factory=dict)
    declarations: dict[ast.Path, ast.Named] = field(default_factory=dict)
    type_refs: dict[ast.TypeRef, model.Type] = field(default_factory=dict)
    calls: dict[CallNode, ResolvedCall] = field(default_factory=dict)
    constants: dict[ast.Expression, Constant] = field(default_factory=dict)
    slices: dict[ast.Slice | ast.WidthSlice, tuple[int, int]] = field(default_factory=dict)
    variables: dict[ast.Node, model.Type] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    match_kinds: list[str] = field(default_factory=list)
    warnings: list[tuple[Span, str]] = field(default_factory=list)
