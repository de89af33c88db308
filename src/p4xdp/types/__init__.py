"""Name resolution and type checking of P4_16: `check(program)` gives a `TypedProgram`.

`types.model` has the types, `types.program` the result's tables and their guarantees,
`types.constants.fold` evaluates what depends on constructor parameters once those are known.
"""

from __future__ import annotations

from p4xdp.diagnostics import P4Errors
from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.types.declarations import DeclarationChecker
from p4xdp.types.program import Bound, Constant, EnumValue, ErrorValue, ResolvedCall, TypedProgram

__all__ = ["Bound", "Constant", "EnumValue", "ErrorValue", "ResolvedCall", "TypedProgram", "check"]


def check(program: ast.Program) -> TypedProgram:
    """Checks the whole program. Raises P4Error if one thing is wrong with it, P4Errors if several are;
    what only follows from an earlier complaint is not reported."""
    checker = DeclarationChecker(program)
    try:
        checker.program()
    except RecursionError:
        message = "an expression or statement nests too deeply; name its inner parts"
        raise P4Error(Span(program.path, 1, 1, 0), message) from None
    if len(checker.problems) == 1:
        raise checker.problems[0]
    if checker.problems:
        raise P4Errors(checker.problems)
    return checker.typed
