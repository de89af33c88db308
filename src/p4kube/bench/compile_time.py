"""How long the compiler takes for the data plane."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from p4xdp.driver import build_ir
from p4xdp.targets.xdp import XdpOptions, to_c
from p4xdp.targets.xdp.clang import compile_c, find_compiler

Say = Callable[[str], None]


class CompileTime(msgspec.Struct, frozen=True, rename="camel"):
    """Seconds, the best of `rounds`: P4 to C, which is ours, and the C compiler's part."""

    compiler: str
    rounds: int
    own: float
    clang: float

    @property
    def whole(self) -> float:
        return self.own + self.clang


def measure(source: Path, say: Say, rounds: int = 3) -> CompileTime:
    """Raises P4Error, CompilerError."""
    compiler = find_compiler()
    own, clang = [], []
    with tempfile.TemporaryDirectory(prefix="p4kube-compile-") as name:
        text, target = Path(name) / "program.c", Path(name) / "program.o"
        for i in range(rounds):
            say(f"measuring the compiler: round {i + 1} of {rounds}")
            began = time.perf_counter()
            text.write_text(to_c(build_ir(source), XdpOptions())[0])
            own.append(time.perf_counter() - began)
            began = time.perf_counter()
            compile_c(text, target, compiler)
            clang.append(time.perf_counter() - began)
    return CompileTime(compiler.version, rounds, round(min(own), 3), round(min(clang), 3))
