"""P4_16 text to syntax tree: preprocessor, lexer, recursive-descent parser."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from p4xdp.source import P4Error
from p4xdp.syntax import ast
from p4xdp.syntax.lexer import tokenize
from p4xdp.syntax.parse_declarations import DeclarationParser
from p4xdp.syntax.preprocess import Line, preprocess, preprocess_text

__all__ = ["parse_file", "parse_text"]


def parse_file(
    path: Path | str, include_dirs: Sequence[Path | str] = (), defines: Sequence[str] = ()
) -> ast.Program:
    """Preprocesses and parses the file at `path`.

    `include_dirs` are searched before the package's own core.p4 and v1model.p4; `defines` are `NAME` or
    `NAME=VALUE`. Raises P4Error for the first thing wrong, OSError if `path` cannot be read.
    """
    return _parse(preprocess(path, include_dirs, defines), str(path))


def parse_text(
    text: str,
    path: Path | str = "<text>",
    include_dirs: Sequence[Path | str] = (),
    defines: Sequence[str] = (),
) -> ast.Program:
    """Like `parse_file` for text at hand; `path` is what places in it are reported under."""
    return _parse(preprocess_text(text, path, include_dirs, defines), str(path))


def _parse(lines: list[Line], path: str) -> ast.Program:
    digest = hashlib.sha256("\n".join(line.text for line in lines).encode()).hexdigest()
    parser = DeclarationParser(tokenize(lines))
    try:
        return parser.program(path, digest)
    except RecursionError:
        raise P4Error(parser.token.span, "this nests too deeply; name the inner parts") from None
