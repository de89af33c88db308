"""The data plane's object file: compiled when it is first needed, then kept in a cache."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import p4kube
import p4xdp
from p4kube.switch.config import Config
from p4kube.switch.errors import ConfigError, SwitchError
from p4xdp.diagnostics import render
from p4xdp.driver import build_ir
from p4xdp.source import P4Error
from p4xdp.targets.xdp import CompilerError, XdpOptions, compile_program
from p4xdp.targets.xdp.clang import find_compiler

_SHIPPED = "p4kube.p4"


def compiled(config: Config) -> Path:
    """The object to load. Raises SwitchError, with the compiler's own words if it refuses the program."""
    source = config.program or shipped()
    if not source.is_file():
        raise ConfigError(f"{source}: there is no such file (program)")
    if source.suffix != ".p4":
        return source
    define = f"UPDATE_PORT={config.update_port}"
    try:
        target = cache_folder() / f"{source.stem}-{_digest(source, define)}.o"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _compile(source, define, target)
    except CompilerError as error:
        raise SwitchError(str(error)) from error
    except P4Error as error:
        raise SwitchError(render(error)) from error
    except OSError as error:
        raise SwitchError(f"cannot compile {source}: {error}") from error
    return target


def shipped() -> Path:
    """The data plane that comes with this package: installed beside it, or in the source tree.

    Raises SwitchError if neither has it.
    """
    package = Path(p4kube.__file__).parent
    places = (package / "p4" / _SHIPPED, package.parents[1] / "p4" / _SHIPPED)
    for place in places:
        if place.is_file():
            return place
    raise SwitchError(f"this installation has no {_SHIPPED}: name one in the configuration (program)")


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/p4kube/programs, by default below ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "p4kube" / "programs"


def _digest(source: Path, define: str) -> str:
    """Of all that the object depends on: the program, the define, our compiler and the C compiler."""
    digest = hashlib.sha256(f"{define}\0{find_compiler().version}\0".encode())
    compiler = Path(p4xdp.__file__).parent
    for folder, pattern in ((source.parent, "**/*.p4"), (compiler, "**/*.py"), (compiler, "**/*.p4")):
        for path in sorted(folder.glob(pattern)):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:24]


def _compile(source: Path, define: str, target: Path) -> None:
    program = build_ir(source, defines=[define])
    with _whole(target) as unfinished:
        compile_program(program, unfinished, options=XdpOptions(mode="switch"))


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A path to write to that becomes `target` in one step, if nothing goes wrong."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unfinished = Path(folder) / target.name
        yield unfinished
        unfinished.replace(target)
