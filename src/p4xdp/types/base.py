"""What all parts of the checker share: the result, the scopes, and the two questions they ask each other."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager

from p4xdp.source import P4Error, Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.program import Constant, TypedProgram
from p4xdp.types.scope import Body, Poisoned, Scope, Scopes


class Base:
    def __init__(self, program: ast.Program) -> None:
        self.typed = TypedProgram(program, None)
        self.scopes = Scopes()
        self.problems: list[P4Error] = []
        self.constructor_parameters: set[ast.Node | None] = set()

    def infer(self, e: ast.Expression, hint: model.Type | None = None) -> model.Type:
        """Checks `e` and gives its own type; `hint` is the type expected, which `...` and `{#}` need."""
        raise NotImplementedError

    def check(self, e: ast.Expression, target: model.Type, role: str) -> None:
        """Checks that `e` can be used as `target`, converting implicitly; `role` is for the complaint."""
        raise NotImplementedError

    def resolve(self, type_ref: ast.TypeRef) -> model.Type:
        raise NotImplementedError

    @contextmanager
    def scope(self, body: Body | None = None) -> Iterator[None]:
        self.scopes.stack.append(Scope(body or self.scopes.body))
        try:
            yield
        finally:
            self.scopes.stack.pop()

    @contextmanager
    def recorded(self, *names: str) -> Iterator[None]:
        """Records what goes wrong inside and goes on; `names` are then known to be wrong."""
        try:
            yield
        except (P4Error, Poisoned) as error:
            if isinstance(error, P4Error):
                self.problems.append(error)
            for name in names:
                self.scopes.poison(name)

    def warn(self, span: Span, message: str) -> None:
        self.typed.warnings.append((span, message))

    def constant(self, e: ast.Expression) -> Constant | None:
        return self.typed.constants.get(e)

    def number(self, e: ast.Expression, what: str, least: int = 0) -> int:
        """The value of `e`, which must be a constant number of at least `least`."""
        type_ = self.infer(e)
        value = self.constant(e)
        if not isinstance(type_, model.Int | model.Bits):
            raise P4Error(e.span, f"{what} must be a number, not {type_}")
        if not isinstance(value, int):
            if self.compile_time(e):
                message = f"{what} depends on a constructor parameter, which p4xdp cannot do; use a const"
                raise Unsupported(e.span, message)
            raise P4Error(e.span, f"{what} must be known at compile time")
        if value < least:
            raise P4Error(e.span, f"{what} must be at least {least}, not {value}")
        return value

    def compile_time(self, e: ast.Expression) -> bool:
        """Whether `e` will be known once constructor parameters are."""
        if e in self.typed.constants:
            return True
        match e:
            case ast.Path():
                return self.typed.declarations.get(e) in self.constructor_parameters
            case ast.Unary() | ast.Cast():
                return self.compile_time(e.operand)
            case ast.Binary():
                return self.compile_time(e.left) and self.compile_time(e.right)
            case ast.Mux():
                return all(map(self.compile_time, (e.condition, e.then, e.other)))
            case ast.Slice() | ast.Index() | ast.Member():
                return self.compile_time(e.base)
            case ast.ListExpression():
                return all(map(self.compile_time, e.elements))
            case ast.StructExpression():
                return all(self.compile_time(f.value) for f in e.fields)
        return False

    def suggestion(self, name: str, names: list[str]) -> str:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        return f"; did you mean '{close[0]}'?" if close and close[0] != name else ""
