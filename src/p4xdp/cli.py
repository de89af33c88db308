"""The command `p4xdp`.

Exit codes: 0 done (tests passed); 1 packets, registers or counters differ from what was expected;
2 the program, a test file or the command line was refused, with the place and the reason.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from p4xdp.device import Device, DeviceError
from p4xdp.diagnostics import render, render_warning
from p4xdp.driver import build_ir
from p4xdp.frontend import load
from p4xdp.ir.nodes import Program
from p4xdp.portability import check_bmv2
from p4xdp.source import P4Error, Span
from p4xdp.stf import StfError, parse, run
from p4xdp.targets.sim import SimDevice

DIFFERENT, REFUSED = 1, 2
FILE = click.Path(dir_okay=False, path_type=Path)
EXIT_CODES = (
    "Exit codes: 0 done, 1 packets differ from what was expected, 2 refused (place and reason shown)."
)
Command = TypeVar("Command", bound=Callable[..., Any])


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


@contextmanager
def kernel_refusals() -> Iterator[None]:
    """The same for what the xdp target and its runtime raise; they are imported only when needed."""
    from p4xdp.runtime.bench import BenchError
    from p4xdp.runtime.elf import ObjectError
    from p4xdp.runtime.loading import LoadError
    from p4xdp.runtime.pcap import PcapError
    from p4xdp.targets.xdp import CompilerError

    try:
        yield
    except (BenchError, CompilerError, LoadError, ObjectError, PcapError) as error:
        raise Refusal(str(error)) from error


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


verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show how long each stage takes.")


@click.group(epilog=EXIT_CODES)
@click.version_option(package_name="p4kube", prog_name="p4xdp")
def main() -> None:
    """A P4_16 compiler for v1model programs: checks them, simulates them, makes XDP programs of them."""


@main.command(epilog=EXIT_CODES)
@source_options
@verbose_option
@click.option("--portable", type=click.Choice(["bmv2"]),
              help="Also warn of what another compiler for this target would not take.")  # fmt: skip
def check(
    program: Path, include: Sequence[Path], define: Sequence[str], verbose: bool, portable: str | None
) -> None:
    """Read, type-check and lower PROGRAM; report what is wrong."""
    with refusals():
        build(program, include, define, verbose)
        if portable is not None:
            for span, message in check_bmv2(load(program, include, define)):
                show_warning(span, message)


@main.command(epilog=EXIT_CODES)
@source_options
@click.option("-o", "--output", required=True, type=FILE, metavar="OUT.o", help="The BPF object to write.")
@click.option("--emit-c", type=FILE, metavar="OUT.c", help="Also write the C that it is made from.")
@click.option("--mode", type=click.Choice(["switch", "test"]), default="switch", show_default=True,
              help="For interfaces, or for BPF_PROG_TEST_RUN.")  # fmt: skip
@verbose_option
def compile(
    program: Path,
    include: Sequence[Path],
    define: Sequence[str],
    output: Path,
    emit_c: Path | None,
    mode: Literal["switch", "test"],
    verbose: bool,
) -> None:
    """Make an XDP program of PROGRAM."""
    with refusals():
        lowered = build(program, include, define, verbose)
        from p4xdp.targets.xdp import XdpOptions, compile_program

        start = time.perf_counter()
        with kernel_refusals():
            compile_program(lowered, output, emit_c=emit_c, options=XdpOptions(mode=mode))
        if verbose:
            show_time("xdp", time.perf_counter() - start)


@main.command(epilog=EXIT_CODES)
@source_options
@click.argument("tests", nargs=-1, required=True, type=FILE)
@click.option("--target", type=click.Choice(["sim", "xdp"]), default="sim", show_default=True,
              help="The simulator, or the kernel by BPF_PROG_TEST_RUN (needs root).")  # fmt: skip
@verbose_option
def stf(
    program: Path,
    include: Sequence[Path],
    define: Sequence[str],
    tests: Sequence[Path],
    target: str,
    verbose: bool,
) -> None:
    """Run the STF files TESTS against PROGRAM, each on a fresh device."""
    failed = 0
    with refusals():
        lowered = build(program, include, define, verbose)
        with device_maker(lowered, target) as make_device:
            for path in tests:
                commands = parse(text_of(path), str(path))
                failures = run(commands, make_device(), lowered, show=click.echo)
                for failure in failures:
                    click.echo(str(failure), err=True)
                failed += bool(failures)
                if verbose and not failures:
                    click.echo(f"{path}: passed")
        click.echo(f"{len(tests) - failed} of {len(tests)} test files passed on {target}")
    if failed:
        sys.exit(DIFFERENT)


@main.command(epilog=EXIT_CODES)
@source_options
@click.option("--stf", "setup", type=FILE, metavar="SETUP.stf",
              help="Fills tables and registers first; its packets are sent, too.")  # fmt: skip
@click.option("--packet", "capture", required=True, type=FILE, metavar="FILE.pcap",
              help="A capture with the frame to measure.")  # fmt: skip
@click.option("--frame", default=1, show_default=True, help="Which frame of the capture, from 1.")
@click.option("--port", default=0, show_default=True, help="Where it arrives.")
def bench(
    program: Path,
    include: Sequence[Path],
    define: Sequence[str],
    setup: Path | None,
    capture: Path,
    frame: int,
    port: int,
) -> None:
    """Measure nanoseconds per packet of PROGRAM in the kernel, nothing attached (needs root)."""
    with refusals(), kernel_refusals():
        lowered = build(program, include, define, verbose=False)
        from p4xdp.runtime import bench as measurement
        from p4xdp.runtime import pcap

        commands = parse(text_of(setup), str(setup)) if setup is not None else []
        frames = list(pcap.read(capture))
        if not 1 <= frame <= len(frames):
            raise Refusal(f"{capture}: there is no frame {frame}; it has {len(frames)}")

        def fill(device: Device) -> None:
            failures = run(commands, device, lowered)
            if failures:
                raise Refusal(f"the setup does not do what it expects:\n{failures[0]}")

        result = measurement.run(lowered, fill, frames[frame - 1], port)
        ports = ", ".join(str(p.port) for p in result.output) or "none, dropped"
        click.echo(f"net      {result.net}: program less base")
        click.echo(f"program  {result.program}")
        click.echo(f"base     {result.base}: the packet restored and sent")
        click.echo(f"empty    {result.empty}: XDP_TX and nothing else")
        click.echo(
            f"{result.instructions} instructions; {result.rounds} x {result.repeat} runs; to port {ports}"
        )


# --------------------------------------------------------------------------- steps


def show_time(stage: str, seconds: float) -> None:
    click.echo(f"{stage:>10} {seconds * 1000:8.0f} ms", err=True)


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path}: this is not text in UTF-8: {error.reason} at byte {error.start}") from error


def show_warning(span: Span, message: str) -> None:
    click.echo(render_warning(span, message), err=True)


def build(program: Path, include: Sequence[Path], define: Sequence[str], verbose: bool) -> Program:
    """The optimised IR; warnings go to stderr, with `verbose` the stage times, too."""

    def report(stage: str, seconds: float) -> None:
        if verbose:
            show_time(stage, seconds)

    return build_ir(program, include, define, report, show_warning)


@contextmanager
def device_maker(program: Program, target: str) -> Iterator[Callable[[], Device]]:
    """Yields what makes fresh devices; an XDP program is compiled once, and each device closed at the end."""
    if target == "sim":
        yield lambda: SimDevice(program)
        return
    from p4xdp.runtime import open_device
    from p4xdp.targets.xdp import XdpOptions, compile_program

    with kernel_refusals(), tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        compiled = Path(folder) / "program.o"
        compile_program(program, compiled, options=XdpOptions(mode="test"))
        yield lambda: opened.enter_context(open_device(compiled))
