"""The command `p4xdp`.

Exit codes: 0 done (tests passed); 1 packets, registers or counters differ from what was expected;
2 the program, a test file or the command line was refused, with the place and the reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from p4xdp.device import Device, DeviceError
from p4xdp.diagnostics import render
from p4xdp.driver import build_ir
from p4xdp.ir.nodes import Program
from p4xdp.source import P4Error
from p4xdp.stf import StfError, parse, run
from p4xdp.targets.sim import SimDevice

DIFFERENT, REFUSED = 1, 2
Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(dir_okay=False, path_type=Path)
EXIT_CODES = (
    "Exit codes: 0 done, 1 packets differ from what was expected, 2 refused (place and reason shown)."
)


class Refusal(click.ClickException):
    exit_code = REFUSED

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


@contextmanager
def refusals() -> Iterator[None]:
    """Every error that a user can cause, as one message and exit code 2."""
    try:
        yield
    except P4Error as error:
        raise Refusal(render(error)) from error
    except (StfError, DeviceError) as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Refusal(f"{where}{error.strerror or error}") from error
    except ImportError as error:
        raise Refusal(f"this installation lacks a part: {error}") from error


def source_options(command: Command) -> Command:
    for decorate in (
        click.argument("program", type=FILE),
        click.option("-I", "include", multiple=True, type=click.Path(path_type=Path), metavar="DIR",
                     help="Search DIR for included files."),
        click.option("-D", "define", multiple=True, metavar="NAME[=VALUE]",
                     help="Define a preprocessor macro."),
    ):  # fmt: skip
        command = decorate(command)
    return command


@click.group(epilog=EXIT_CODES)
def main() -> None:
    """A P4_16 compiler for v1model programs: checks them, simulates them, makes XDP programs of them."""


@main.command(epilog=EXIT_CODES)
@source_options
@click.option("-v", "--verbose", is_flag=True, help="Show how long each stage takes.")
def check(program: Path, include: Sequence[Path], define: Sequence[str], verbose: bool) -> None:
    """Read, type-check and lower PROGRAM; report the first thing wrong."""
    with refusals():
        build(program, include, define, verbose)


@main.command(epilog=EXIT_CODES)
@source_options
@click.option("-o", "--output", required=True, type=FILE, metavar="OUT.o", help="The BPF object to write.")
@click.option("--emit-c", type=FILE, metavar="OUT.c", help="Also write the C that it is made from.")
@click.option("-v", "--verbose", is_flag=True, help="Show how long each stage takes.")
def compile(
    program: Path,
    include: Sequence[Path],
    define: Sequence[str],
    output: Path,
    emit_c: Path | None,
    verbose: bool,
) -> None:
    """Make an XDP program of PROGRAM."""
    with refusals():
        lowered = build(program, include, define, verbose)
        from p4xdp.targets import xdp

        xdp.compile_program(lowered, output, emit_c=emit_c)


@main.command(epilog=EXIT_CODES)
@source_options
@click.argument("tests", nargs=-1, required=True, type=FILE)
@click.option("--target", type=click.Choice(["sim", "xdp"]), default="sim", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Show stage times, and each test file that passes.")
def stf(
    program: Path,
    include: Sequence[Path],
    define: Sequence[str],
    tests: Sequence[Path],
    target: str,
    verbose: bool,
) -> None:
    """Run the STF files TESTS against PROGRAM, each on a fresh device."""
    with refusals():
        lowered = build(program, include, define, verbose)
        failed = 0
        for path in tests:
            commands = parse(path.read_text(encoding="utf-8"), str(path))
            failures = run(commands, open_device(lowered, target), lowered, show=click.echo)
            for failure in failures:
                click.echo(str(failure), err=True)
            failed += bool(failures)
            if verbose and not failures:
                click.echo(f"{path}: passed")
        click.echo(f"{len(tests) - failed} of {len(tests)} test files passed on {target}")
    if failed:
        sys.exit(DIFFERENT)


def build(program: Path, include: Sequence[Path], define: Sequence[str], verbose: bool) -> Program:
    """The optimised IR; with `verbose` the stage times go to stderr."""

    def report(stage: str, seconds: float) -> None:
        if verbose:
            click.echo(f"{stage:>10} {seconds * 1000:8.0f} ms", err=True)

    return build_ir(program, include, define, report)


def open_device(program: Program, target: str) -> Device:
    if target == "sim":
        return SimDevice(program)
    from p4xdp.runtime import open_device as open_object
    from p4xdp.targets.xdp import compile_program

    with tempfile.TemporaryDirectory() as folder:
        object_path = Path(folder) / "program.o"
        compile_program(program, object_path)
        return open_object(object_path)
