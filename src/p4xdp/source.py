"""Where a construct stands in the P4 source, and the one exception that users see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a source file: path as given by the user, 1-based line and column, length in characters."""

    path: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


NOWHERE = Span("<builtin>", 1, 1, 0)


class P4Error(Exception):
    """A located complaint about the program: what is wrong and what would be right.

    Raised by every stage. `p4xdp.diagnostics.render` adds the source line and a caret.
    """

    def __init__(self, span: Span, message: str) -> None:
        super().__init__(f"{span}: error: {message}")
        self.span = span
        self.message = message


class Unsupported(P4Error):
    """Correct P4_16 that this compiler or the chosen target cannot carry out; the message says why."""
