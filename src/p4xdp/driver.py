"""The compiler's stages in a row: what every command starts with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from p4xdp.frontend import load
from p4xdp.ir.lower import lower
from p4xdp.ir.nodes import Program
from p4xdp.passes import optimize
from p4xdp.source import Span

StageTimes = Callable[[str, float], None]
Warn = Callable[[Span, str], None]


def build_ir(
    path: Path | str,
    include_dirs: Sequence[Path | str] = (),
    defines: Sequence[str] = (),
    report: StageTimes = lambda stage, seconds: None,
    warn: Warn = lambda span, message: None,
) -> Program:
    """The optimised IR of the P4 program at `path`; `report` hears how long each stage took, `warn` of what
    is no error but worth a look.

    Raises P4Error (Unsupported for correct P4 that cannot be carried out), OSError.
    """
    start = time.perf_counter()
    typed = load(path, include_dirs, defines)
    loaded = time.perf_counter()
    report("check", loaded - start)
    for span, message in typed.warnings:
        warn(span, message)
    program = lower(typed)
    lowered = time.perf_counter()
    report("lower", lowered - loaded)
    program = optimize(program)
    report("optimise", time.perf_counter() - lowered)
    return program
