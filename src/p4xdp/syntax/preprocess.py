"""The C preprocessor in front of P4 (specification section 6.1), by `pcpp`.

The result keeps, for every line of the expanded text, the file and line it came from, and where macros
were expanded also the column, so that later stages report places in the user's own files.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn

import pcpp

from p4xdp.source import P4Error, Span

P4INCLUDE = Path(__file__).resolve().parent.parent / "p4include"
MAX_INCLUDE_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One line of expanded text. `breaks` are (offset in `text`, column in the file), both ascending in
    the offset, starting with offset 0: from there on the two advance together."""

    text: str
    path: str
    number: int
    breaks: tuple[tuple[int, int], ...]


def preprocess(path: Path | str, include_dirs: Sequence[Path | str], defines: Sequence[str]) -> list[Line]:
    """Expands the file at `path`; raises P4Error, or OSError if `path` itself cannot be read."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return preprocess_text(text, path, include_dirs, defines)


def preprocess_text(
    text: str, path: Path | str, include_dirs: Sequence[Path | str] = (), defines: Sequence[str] = ()
) -> list[Line]:
    """Expands `text`, reporting places in it under the name `path`."""
    engine = _Preprocessor(str(path))
    for define in defines:
        name, equals, value = define.partition("=")
        if not name.isidentifier():
            raise P4Error(Span("<command line>", 1, 1, 0), f"cannot define '{name}': it is not a name")
        engine.define(f"{name} {value if equals else 1}")
    engine.temp_path.insert(0, str(Path(_absolute(path)).parent))
    for include_dir in (*include_dirs, P4INCLUDE):
        engine.path.append(_absolute(include_dir))
    return list(_assemble(engine, text, str(path)))


def _absolute(path: Path | str) -> str:
    """Absolute and without `..`, symbolic links kept, as pcpp names files."""
    return os.path.abspath(path)  # noqa: PTH100


class _Preprocessor(pcpp.Preprocessor):  # type: ignore[misc]  # pcpp has no types
    """pcpp with P4Error in place of messages on stderr."""

    def __init__(self, main: str) -> None:
        self.line_starts: dict[str, list[int]] = {}
        self.main = main
        self.at = Span(main, 1, 1, 0)
        super().__init__()
        self.rewrite_paths: list[tuple[str, str]] = []

    def shown(self, path: str) -> str:
        """The path as the user would write it: as given, or relative if he gave a relative one."""
        if not path or path == _absolute(self.main):
            return self.main
        if Path(self.main).is_absolute():
            return path
        relative = os.path.relpath(path)
        return path if relative.startswith("..") else relative

    def on_error(self, file: str, line: int, msg: str) -> NoReturn:
        raise P4Error(Span(self.shown(file), line, 1, 0), f"preprocessor: {msg[:1].lower()}{msg[1:]}")

    def on_file_open(self, is_system_include: bool, includepath: str) -> io.StringIO:
        if self.include_depth > MAX_INCLUDE_DEPTH:
            raise P4Error(self.at, f"#include nests more than {MAX_INCLUDE_DEPTH} files deep")
        if Path(includepath).is_dir():
            raise FileNotFoundError(includepath)
        return io.StringIO(Path(includepath).read_text(encoding="utf-8", errors="replace"))

    def on_include_not_found(self, is_malformed: bool, is_system: bool, curdir: str, path: str) -> NoReturn:
        if is_malformed:
            raise P4Error(self.at, '#include needs a file name: #include <name> or #include "name"')
        raise P4Error(self.at, f"cannot find '{path}' to include; -I adds a directory to search")

    def on_directive_handle(self, directive: Any, toks: Any, ifpassthru: Any, precedingtoks: Any) -> bool:
        self.at = Span(self.shown(directive.source), directive.lineno, 1, 0)
        if directive.value == "include" and not toks:
            self.on_include_not_found(True, False, "", "")
        return True

    def on_directive_unknown(self, directive: Any, toks: Any, ifpassthru: Any, precedingtoks: Any) -> bool:
        if directive.value == "error":
            raise P4Error(self.at, f"#error {''.join(tok.value for tok in toks)}")
        if directive.value not in ("warning", "pragma", "line"):
            raise P4Error(self.at, f"unknown preprocessor directive '#{directive.value}'")
        return True

    def group_lines(self, text: str, abssource: str) -> Any:
        lines = text.splitlines()
        self.line_starts[abssource] = [0, *accumulate(len(line.rstrip()) + 1 for line in lines)]
        return super().group_lines(text, abssource)

    def column(self, token: Any) -> int | None:
        """Column of a token that stands in the file as it is; None for one that a macro put there."""
        if getattr(token, "expanded_from", None):
            return None
        starts = self.line_starts.get(token.source, [])
        if not 0 < token.lineno <= len(starts):
            return None
        column: int = token.lexpos - starts[token.lineno - 1] + 1
        return column


def _tokens(engine: _Preprocessor, text: str, path: str) -> Iterator[Any]:
    """pcpp's tokens; whatever it trips over becomes a P4Error at the directive it was at."""
    try:
        yield from engine.parsegen(text, path, _absolute(path))
    except (P4Error, OSError):
        raise
    except RecursionError:
        raise P4Error(engine.at, "preprocessor: macros or includes nest too deeply") from None
    except Exception as error:
        raise P4Error(engine.at, f"preprocessor: malformed directive ({error})") from None


def _assemble(engine: _Preprocessor, text: str, path: str) -> Iterator[Line]:
    """Joins tokens of the same file and line; drops lines that are blank."""
    key: tuple[str, int] | None = None
    parts: list[str] = []
    breaks: list[tuple[int, int]] = []
    offset = 0
    column_now = 1

    def finish() -> Iterator[Line]:
        line = "".join(parts)
        if key is not None and line.strip():
            yield Line(line, engine.shown(key[0]), key[1], tuple(breaks))

    for token in _tokens(engine, text, path):
        value = token.value
        if token.type in engine.t_WS and "\n" in value:
            continue
        if key != (token.source, token.lineno):
            yield from finish()
            key, parts, breaks, offset, column_now = (token.source, token.lineno), [], [], 0, 1
        column = engine.column(token)
        if column is None:
            column = column_now
            breaks.append((offset, column))
        elif not breaks or column - breaks[-1][1] != offset - breaks[-1][0]:
            breaks.append((offset, column))
        parts.append(value)
        offset += len(value)
        if not getattr(token, "expanded_from", None):
            column_now = column + len(value)
    yield from finish()
