"""Nanoseconds per packet of a program, measured in the kernel by BPF_PROG_TEST_RUN.

A repeated test run works on its own output, so the object measured restores the packet before every run.
What that and the kernel's own loop cost is measured in the same rounds with a program that does nothing
else, and subtracted.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from p4xdp.device import Device, OutputPacket
from p4xdp.ir import nodes as ir
from p4xdp.runtime import testdevice
from p4xdp.runtime.testdevice import TestDevice, open_device
from p4xdp.targets.xdp import XdpOptions, compile_program
from p4xdp.targets.xdp.options import Patch

_ETHERNET = ((0, 4), (4, 2), (6, 4), (10, 2), (12, 2))
_WORD = 4
_HEADERS = 128
_RESTORE = 16


class BenchError(Exception):
    """A measurement that would not mean anything; says why."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Nanoseconds per packet over the rounds."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.1f} ns ({self.lowest:.1f} to {self.highest:.1f})"


@dataclass(frozen=True, slots=True)
class BenchResult:
    """`net` is the program's own cost: `program` less `base`, which only restores the packet and sends it;
    `empty` does nothing but XDP_TX. `output` is what became of the packet."""

    net: Figure
    program: Figure
    base: Figure
    empty: Figure
    output: tuple[OutputPacket, ...]
    instructions: int
    rounds: int
    repeat: int


def run(
    program: ir.Program,
    setup: Callable[[Device], None],
    packet: bytes,
    port: int,
    *,
    rounds: int = 15,
    repeat: int = 200_000,
) -> BenchResult:
    """Measures `program` on `packet` arriving at `port`, after `setup` has filled its tables.

    Takes about rounds * repeat * 3 packets' time. Raises BenchError, and what compiling and loading raise.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = _once(program, setup, packet, port, folder)
        patches = _patches(packet, output[0].data if output else packet)
        options = XdpOptions(mode="bench", patches=patches, length=len(packet))
        plain = XdpOptions(mode="bench", length=len(packet))
        devices = [
            _open(program, options, folder / "program.o"),
            _open(_nothing(), options, folder / "base.o"),
            _open(_nothing(), plain, folder / "empty.o"),
        ]
        try:
            setup(devices[0])
            return _measure(devices, packet, port, output, rounds, repeat)
        finally:
            for device in devices:
                device.close()


def _once(
    program: ir.Program, setup: Callable[[Device], None], packet: bytes, port: int, folder: Path
) -> tuple[OutputPacket, ...]:
    """What becomes of the packet: where it has to be restored."""
    with _open(program, XdpOptions(mode="bench"), folder / "once.o") as device:
        setup(device)
        device.send(port, packet)
        return tuple(device.send(port, packet))


def _open(program: ir.Program, options: XdpOptions, path: Path) -> TestDevice:
    compile_program(program, path, options=options)
    return open_device(path)


def _nothing() -> ir.Program:
    """Sends every packet out of port 1 as it is."""
    spec, error = (
        ir.Var(f"standard_metadata.{name}", ir.Bits(width))
        for name, width in (("egress_spec", 9), ("parser_error", 32))
    )
    send = ir.Assign(spec, ir.Const(1, spec.type))
    parser = ir.Parser("start", (ir.State("start", (), "accept"),))
    return ir.Program("nothing", (spec, error), (), parser, (), (send,), (), (), (), (), (), (), ("NoError",))


def _patches(before: bytes, after: bytes) -> tuple[Patch, ...]:
    """What to write, in pieces as large as the loads of the usual fields: a load that is wider than the store
    before it waits for the cache, which no packet from a wire makes it do."""
    touched = {place for place in range(min(len(before), len(after))) if before[place] != after[place]}
    if len(before) != len(after):
        touched = set(range(min(len(before), _HEADERS)))
    words = [*_ETHERNET, *((start, _WORD) for start in range(14, len(before) - _WORD + 1, _WORD))]
    tail = words[-1][0] + words[-1][1]
    words += [(place, 1) for place in range(tail, len(before))]
    return tuple(
        Patch(start, before[start : start + size])
        for start, size in words
        if touched.intersection(range(start, start + size))
    )


def _measure(
    devices: list[TestDevice],
    packet: bytes,
    port: int,
    output: tuple[OutputPacket, ...],
    rounds: int,
    repeat: int,
) -> BenchResult:
    for device in devices:
        hook = device.manifest.hook_offset
        device.memory.write(hook + 8, 4, port)
        device.memory.write(hook + _RESTORE, 4, 1)
    program = devices[0]
    if tuple(program.send(port, packet)) != output:
        raise BenchError(
            "the packet is treated differently from run to run: it cannot be measured repeatedly"
        )
    times: list[list[float]] = [[] for _ in devices]
    for _ in range(rounds + 1):
        for device, measured in zip(devices, times, strict=True):
            start = time.thread_time_ns()
            testdevice.run(device.program, packet, repeat)
            measured.append((time.thread_time_ns() - start) / repeat)
    whole, base, empty = (measured[1:] for measured in times)
    net = [a - b for a, b in zip(whole, base, strict=True)]
    return BenchResult(
        _figure(net),
        _figure(whole),
        _figure(base),
        _figure(empty),
        output,
        program.instructions,
        rounds,
        repeat,
    )


def _figure(values: list[float]) -> Figure:
    return Figure(statistics.median(values), min(values), max(values))
