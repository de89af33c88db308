"""From P4 files to a checked program: preprocess, parse, check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from p4xdp.syntax import parse_file
from p4xdp.types import TypedProgram, check


def load(
    path: Path | str, include_dirs: Sequence[Path | str] = (), defines: Sequence[str] = ()
) -> TypedProgram:
    """Reads and checks the program at `path`.

    `include_dirs` are searched for `#include` after the including file's own directory and before the
    declarations that come with this package (core.p4, v1model.p4). `defines` are `NAME` or `NAME=VALUE`.
    Raises P4Error for the first thing wrong in the program, OSError if `path` cannot be read.
    """
    return check(parse_file(path, include_dirs, defines))
