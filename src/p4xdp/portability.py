"""What p4xdp takes and the public p4c for BMv2 does not: warnings for programs that should run on both.

The rules are those of BMv2's restrictions and of p4c versions still in use; see check_bmv2.
"""

from __future__ import annotations

from collections.abc import Iterator

from p4xdp.ir.lower.writes import walk
from p4xdp.source import Span
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.program import ResolvedCall, TypedProgram

Warning_ = tuple[Span, str]
STATEFUL = frozenset(("read", "write", "count", "hash", "execute_meter"))
CHECKSUMS = frozenset(("verify_checksum", "update_checksum", "verify_checksum_with_payload",
                       "update_checksum_with_payload"))  # fmt: skip
MAX_REGISTER, MAX_PRODUCT, MAX_SHIFT_AMOUNT = 128, 64, 8


def check_bmv2(typed: TypedProgram) -> list[Warning_]:
    """Where the program, its own file and what it includes from its folder, goes beyond p4c and BMv2:

    conditions around externs in actions; stateful externs in parsers; more than emit in the deparser and
    than checksum calls in checksum controls; loops; run-time header-stack indices; registers wider than
    128 bits, products wider than 64, run-time shift amounts wider than 8.
    """
    checker = _Checker(typed)
    found = [w for d in typed.program.declarations for w in checker.declaration(d)]
    roles = checker.roles()
    for control in roles.get("deparser", ()):
        found += checker.only(control, "a deparser", frozenset(("emit",)))
    for control in roles.get("checksum", ()):
        found += checker.only(control, "a checksum control", CHECKSUMS)
    return sorted(set(found), key=lambda w: (w[0].path, w[0].line, w[0].column))


class _Checker:
    def __init__(self, typed: TypedProgram) -> None:
        self._typed = typed

    def roles(self) -> dict[str, list[ast.ControlDeclaration]]:
        """The controls that main uses as deparser and for checksums."""
        if self._typed.main is None:
            return {}
        found: dict[str, list[ast.ControlDeclaration]] = {}
        for index, bound in enumerate(self._typed.calls[self._typed.main].arguments):
            role = {1: "checksum", 4: "checksum", 5: "deparser"}.get(index)
            call = (
                self._typed.calls.get(bound.value) if isinstance(bound.value, ast.ConstructorCall) else None
            )
            if role is not None and call is not None and isinstance(call.target, ast.ControlDeclaration):
                found.setdefault(role, []).append(call.target)
        return found

    def declaration(self, declaration: ast.Declaration) -> Iterator[Warning_]:
        for node in walk(declaration):
            yield from self._anywhere(node)
            if isinstance(node, ast.ActionDeclaration):
                yield from self._action(node)
        if isinstance(declaration, ast.ParserDeclaration):
            for node in walk(declaration):
                name = self._extern_name(node)
                if name in STATEFUL:
                    yield node.span, f"BMv2 has no {name} in a parser: do it in a control"

    def only(self, control: ast.ControlDeclaration, what: str, allowed: frozenset[str]) -> Iterator[Warning_]:
        for s in control.body.statements:
            name = self._extern_name(s.call) if isinstance(s, ast.CallStatement) else None
            if not isinstance(s, ast.Empty) and name not in allowed:
                yield s.span, f"BMv2 allows nothing but {' and '.join(sorted(allowed))} in {what}"

    def _anywhere(self, node: ast.Node) -> Iterator[Warning_]:
        match node:
            case ast.For() | ast.ForIn():
                yield node.span, "p4c before 2024 has no loops: write the steps out"
            case ast.Index() if isinstance(self._typed.types.get(node.base), model.Stack):
                if node.index not in self._typed.constants:
                    yield node.index.span, "BMv2 takes header-stack indices known at compile time best"
            case ast.Binary(op=("<<" | ">>")):
                width = self._run_time_width(node.right)
                if width > MAX_SHIFT_AMOUNT:
                    yield node.span, f"BMv2 shifts by at most 8 bits' worth; this amount has {width} bits"
            case ast.Binary(op="*") if node not in self._typed.constants:
                width = self._run_time_width(node)
                if width > MAX_PRODUCT:
                    yield node.span, f"a product of {width} bits; stay within {MAX_PRODUCT}"
            case ast.Instantiation():
                yield from self._register(node)

    def _run_time_width(self, e: ast.Expression) -> int:
        """0 for a constant."""
        type = self._typed.types.get(e)
        return type.width if isinstance(type, model.Bits) and e not in self._typed.constants else 0

    def _register(self, node: ast.Instantiation) -> Iterator[Warning_]:
        type = self._typed.variables.get(node)
        if isinstance(type, model.Extern) and type.name == "register":
            cell = type.arguments[0]
            if isinstance(cell, model.Bits) and cell.width > MAX_REGISTER:
                yield node.span, f"a register of {cell.width} bits; stay within {MAX_REGISTER}"

    def _action(self, action: ast.ActionDeclaration) -> Iterator[Warning_]:
        for node in walk(action.body):
            if not isinstance(node, ast.If | ast.Switch):
                continue
            for inner in walk(node):
                if isinstance(inner, ast.Call) and self._extern_name(inner) is not None:
                    message = "p4c for BMv2 takes no condition around an extern call in an action"
                    yield inner.span, f"{message}: move it to the apply block"

    def _extern_name(self, node: ast.Node) -> str | None:
        """The name of the extern function or method that `node` calls."""
        call: ResolvedCall | None = self._typed.calls.get(node) if isinstance(node, ast.Call) else None
        if call is None or call.kind not in ("extern_function", "method"):
            return None
        return call.target if isinstance(call.target, str) else call.target.name
