"""C to a BPF object, with whatever clang there is."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OLDEST, NEWEST = 14, 23
ZIG_ARGUMENTS = ("cc", "-target", "bpfel-freestanding", "-fno-sanitize=all")
_FLAGS = (
    "-O2", "-g", "-mcpu=v2", "-mllvm", "-pre-RA-sched=source", "-ffreestanding", "-fno-stack-protector",
    "-fno-builtin-memset", "-w",
)  # fmt: skip


# v2 has no 32-bit registers (see `words`). LLVM's default order within a block computes early what is needed
# late, which does not fit on a BPF stack where blocks are long: keep to the source's order.


_STACK = (
    "the program keeps more values at a time than the 512 bytes of a BPF stack hold: use values sooner after "
    "they are computed, or keep them in a header"
)


class CompilerError(Exception):
    """No usable C compiler, or one that failed; says what was run and what it printed."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A command that compiles C for BPF, and what it calls itself."""

    command: tuple[str, ...]
    version: str


@cache
def find_compiler() -> Compiler:
    """clang >= 14 from PATH (its name may end in a version), else the ziglang wheel. Raises CompilerError."""
    names = ["clang", *(f"clang-{number}" for number in range(NEWEST, OLDEST - 1, -1))]
    for name in names:
        path = shutil.which(name)
        if path is None:
            continue
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        number = re.search(r"version (\d+)", version)
        if number and int(number[1]) >= OLDEST:
            return Compiler((path, "--target=bpfel"), version.splitlines()[0])
    if importlib.util.find_spec("ziglang") is not None:
        return Compiler((sys.executable, "-m", "ziglang", *ZIG_ARGUMENTS), "ziglang wheel")
    raise CompilerError(
        f"no clang >= {OLDEST} found: install the package clang, or `pip install 'p4kube[clang]'` (ziglang)"
    )


def compile_c(source: Path, out: Path, compiler: Compiler | None = None) -> None:
    """Compiles `source` to the BPF object `out`. Raises CompilerError."""
    compiler = compiler or find_compiler()
    command = [*compiler.command, *_FLAGS, "-c", str(source), "-o", str(out)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        if "stack limit" in result.stderr:
            raise CompilerError(_STACK)
        tail = "\n".join(result.stderr.splitlines()[:40])
        raise CompilerError(f"{compiler.version} failed ({' '.join(command)}):\n{tail}")
