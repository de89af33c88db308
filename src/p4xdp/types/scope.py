"""Names in scope, and what kind of body the checker is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.types.model import VOID, Type

TypeDeclaration: TypeAlias = (
    ast.StructDeclaration | ast.EnumDeclaration | ast.TypedefDeclaration | ast.ExternDeclaration
    | ast.ParserDeclaration | ast.ParserType | ast.ControlDeclaration | ast.ControlType | ast.PackageType
    | ast.TypeParameter
)  # fmt: skip
Declared: TypeAlias = TypeDeclaration | ast.Named
TYPE_DECLARATIONS = (
    ast.StructDeclaration,
    ast.EnumDeclaration,
    ast.TypedefDeclaration,
    ast.ExternDeclaration,
    ast.ParserDeclaration,
    ast.ParserType,
    ast.ControlDeclaration,
    ast.ControlType,
    ast.PackageType,
    ast.TypeParameter,
)
OVERLOADABLE = (ast.ExternFunction, ast.FunctionDeclaration, ast.ActionDeclaration)


class Poisoned(Exception):
    """Depends on a declaration that was already reported as wrong; not reported again."""


BodyKind: TypeAlias = Literal["program", "function", "action", "control", "parser", "state"]


@dataclass(frozen=True, slots=True)
class Body:
    """What statements stand in: decides which are allowed, and what `return` takes."""

    kind: BodyKind
    result: Type = VOID
    in_loop: bool = False
    in_table: bool = False


@dataclass(slots=True)
class Scope:
    """One level of names. An empty tuple marks a name whose declaration was wrong."""

    body: Body
    names: dict[str, tuple[Declared, ...]] = field(default_factory=dict)


class Scopes:
    """The stack of scopes, innermost last; the first is the program's top level."""

    def __init__(self) -> None:
        self.stack: list[Scope] = [Scope(Body("program"))]

    @property
    def body(self) -> Body:
        return self.stack[-1].body

    @property
    def at_top(self) -> bool:
        return len(self.stack) == 1

    def declare(self, name: str, declaration: Declared) -> None:
        names = self.stack[-1].names
        before = names.get(name, ())
        if before and not all(isinstance(d, OVERLOADABLE) for d in (*before, declaration)):
            raise P4Error(declaration.span, f"'{name}' is already declared here, at {before[0].span}")
        names[name] = (*before, declaration)

    def poison(self, name: str) -> None:
        self.stack[-1].names.setdefault(name, ())

    def find(self, name: str, span: Span, *, absolute: bool = False) -> tuple[Declared, ...] | None:
        """What `name` means here, or None. Raises Poisoned if its declaration was wrong."""
        for scope in reversed(self.stack[:1] if absolute else self.stack):
            found = scope.names.get(name)
            if found is not None:
                if not found:
                    raise Poisoned
                return found
        return None

    def known(self, *, types: bool) -> list[str]:
        """The names of types, or of values, in scope, for a suggestion."""
        return [
            name
            for scope in self.stack
            for name, found in scope.names.items()
            if found and isinstance(found[0], TYPE_DECLARATIONS) == types
        ]
