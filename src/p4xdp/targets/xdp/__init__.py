"""Target `xdp`: IR to C to a BPF object that the Linux kernel runs at a network interface."""

from __future__ import annotations

import tempfile
from pathlib import Path

from p4xdp.ir import nodes as ir
from p4xdp.targets.xdp.clang import CompilerError, compile_c
from p4xdp.targets.xdp.manifest import Manifest
from p4xdp.targets.xdp.options import XdpOptions
from p4xdp.targets.xdp.program import to_c

__all__ = ["CompilerError", "Manifest", "XdpOptions", "compile_program", "to_c"]


def compile_program(
    program: ir.Program, out: Path, *, emit_c: Path | None = None, options: XdpOptions | None = None
) -> None:
    """Writes the BPF object `out`, which holds its own manifest; `emit_c` keeps the C text as well.

    Raises Unsupported (located) for what XDP cannot carry, CompilerError if there is no clang or it fails.
    """
    text, _ = to_c(program, options or XdpOptions())
    if emit_c is not None:
        emit_c.write_text(text)
        compile_c(emit_c, out)
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "program.c"
        source.write_text(text)
        compile_c(source, out)
