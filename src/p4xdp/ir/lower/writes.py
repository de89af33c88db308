"""Which parameters and variables a body may change: found once per declaration, from the syntax."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from p4xdp.syntax import ast
from p4xdp.types.program import TypedProgram

CHANGING = frozenset(("setValid", "setInvalid", "push_front", "pop_front"))


class Writes:
    """`writes.of(declaration)` are the declarations that its code assigns to, in whole or in part, or
    passes on as out or inout."""

    def __init__(self, typed: TypedProgram) -> None:
        self._typed = typed
        self._found: dict[ast.Node, frozenset[ast.Node]] = {}
        self._returns: dict[ast.Node, int] = {}

    def of(self, declaration: ast.Node) -> frozenset[ast.Node]:
        found = self._found.get(declaration)
        if found is None:
            found = self._found[declaration] = frozenset(self._roots(declaration))
        return found

    def returns(self, declaration: ast.Node) -> int:
        """How many return statements it has."""
        if declaration not in self._returns:
            self._returns[declaration] = sum(isinstance(node, ast.Return) for node in walk(declaration))
        return self._returns[declaration]

    def _roots(self, declaration: ast.Node) -> Iterator[ast.Node]:
        for node in walk(declaration):
            for target in self._targets(node):
                root = self._root(target)
                if root is not None:
                    yield root

    def _targets(self, node: ast.Node) -> Iterator[ast.Expression]:
        if isinstance(node, ast.Assignment):
            yield node.target
        if not isinstance(node, ast.Call | ast.DirectApplication):
            return
        call = self._typed.calls.get(node)
        if call is None:
            return
        if call.kind == "builtin" and call.target in CHANGING and call.receiver is not None:
            yield call.receiver
        for bound in call.arguments:
            if bound.parameter.direction in ("out", "inout") and bound.value is not None:
                yield bound.value

    def _root(self, e: ast.Expression) -> ast.Node | None:
        while isinstance(e, ast.Member | ast.Index | ast.Slice | ast.WidthSlice):
            e = e.base
        return self._typed.declarations.get(e) if isinstance(e, ast.Path) else None


def walk(node: ast.Node) -> Iterator[ast.Node]:
    """`node` and all nodes below it."""
    yield node
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, ast.Node):
                yield from walk(child)
