"""Errors as people read them: `file:line:column: error: …`, the source line and a caret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from p4xdp.source import P4Error, Span

MAX_SHOWN = 20
MAX_LINE = 200  # characters of a source line


class P4Errors(P4Error):
    """Several independent complaints; place and message are those of the first."""

    def __init__(self, errors: Sequence[P4Error]) -> None:
        super().__init__(errors[0].span, errors[0].message)
        self.errors = tuple(errors)
        self.args = ("\n".join(str(error) for error in errors),)


def render(error: P4Error, read_line: Callable[[str, int], str | None] | None = None) -> str:
    """The complaints in `error` (20 at most), each with its source line and a caret below the place.

    `read_line(path, number)` gives the source line, None if there is none (default: from the file).
    """
    errors = error.errors if isinstance(error, P4Errors) else (error,)
    shown = [_render(e.span, "error", e.message, read_line or line_of) for e in errors[:MAX_SHOWN]]
    if len(errors) > MAX_SHOWN:
        shown.append(f"… and {len(errors) - MAX_SHOWN} more errors")
    return "\n".join(shown)


def render_warning(span: Span, message: str) -> str:
    return _render(span, "warning", message, line_of)


def line_of(path: str, number: int) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return None
    return lines[number - 1] if 0 < number <= len(lines) else None


def _render(span: Span, kind: str, message: str, read_line: Callable[[str, int], str | None]) -> str:
    head = f"{span}: {kind}: {message}"
    line = read_line(span.path, span.line) if span.length else None
    if line is None:
        return head
    column, line = _cut(span.column - 1, line)
    indent = "".join("\t" if char == "\t" else " " for char in line[:column])
    width = max(1, min(span.length, len(line) - column))
    return f"{head}\n  {line}\n  {indent}{'^' + '~' * (width - 1)}"


def _cut(column: int, line: str) -> tuple[int, str]:
    """What is shown of a line that is too long to show, and where the place is in that."""
    if len(line) <= MAX_LINE:
        return column, line
    start = max(0, min(column - MAX_LINE // 4, len(line) - MAX_LINE))
    before, after = "…" if start else "", "…" if start + MAX_LINE < len(line) else ""
    return column - start + len(before), before + line[start : start + MAX_LINE] + after
