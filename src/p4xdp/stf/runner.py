"""Runs STF commands on a device and says what came out wrong."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from p4xdp.device import CPU_PORT, Device, DeviceError
from p4xdp.ir.nodes import KeySet, Program
from p4xdp.stf.control import action_data, key_sets, table_named
from p4xdp.stf.syntax import (
    Add,
    CheckCounter,
    Command,
    Expect,
    Line,
    Packet,
    RegisterRead,
    RegisterWrite,
    Remove,
    SetDefault,
    SetTime,
    StfError,
)

RELATIONS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Failure:
    line: Line
    message: str

    def __str__(self) -> str:
        return f"{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Output:
    """A packet that came out, and the line of the packet that caused it."""

    line: Line
    data: bytes


@dataclass(slots=True)
class _Run:
    device: Device
    program: Program
    show: Callable[[str], None]
    outputs: dict[int, list[Output]] = field(default_factory=dict)
    expected: dict[int, list[Expect]] = field(default_factory=dict)
    added: list[tuple[str, list[KeySet]]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def run(
    commands: Iterable[Command],
    device: Device,
    program: Program,
    show: Callable[[str], None] = lambda text: None,
) -> list[Failure]:
    """Carries out the commands in order; packets are compared per port, in the order they came.

    `show` gets what register_read reads. Raises StfError for a command that the program does not allow.
    """
    state = _Run(device, program, show)
    for command in commands:
        try:
            _execute(state, command)
        except DeviceError as error:
            raise StfError(command.line, str(error)) from error
    for port in sorted(state.outputs.keys() | state.expected.keys()):
        state.failures += compare(port, state.expected.get(port, []), state.outputs.get(port, []))
    return sorted(state.failures, key=lambda f: (f.line.path, f.line.number))


def _execute(state: _Run, command: Command) -> None:
    device = state.device
    match command:
        case Packet():
            for packet in device.send(command.port, command.data):
                state.outputs.setdefault(packet.port, []).append(Output(command.line, packet.data))
        case Expect():
            state.expected.setdefault(command.port, []).append(command)
        case Add():
            table = table_named(state.program, command.table)
            keys = key_sets(table, command.matches)
            data = action_data(table, command.call)
            device.table_add(table.name, keys, command.call.action, data, command.priority)
            if (table.name, keys) not in state.added:
                state.added.append((table.name, keys))
        case SetDefault():
            table = table_named(state.program, command.table)
            data = action_data(table, command.call)
            device.table_set_default(table.name, command.call.action, data)
        case Remove():
            _remove(state, command)
        case RegisterWrite():
            device.register_write(command.register, command.index, command.value)
        case SetTime():
            device.set_time(command.microseconds)
        case RegisterRead() | CheckCounter():
            _check(state, command)


def _remove(state: _Run, command: Remove) -> None:
    if command.table is None:
        for name, keys in state.added:
            state.device.table_delete(name, keys)
        state.added.clear()
        return
    table = table_named(state.program, command.table)
    keys = key_sets(table, command.matches)
    state.device.table_delete(table.name, keys)
    state.added = [(n, k) for n, k in state.added if (n, k) != (table.name, keys)]


def _check(state: _Run, command: RegisterRead | CheckCounter) -> None:
    if isinstance(command, RegisterRead):
        value = state.device.register_read(command.register, command.index)
        cell = f"{command.register}[{command.index}]"
        if command.expected is None:
            state.show(f"{command.line}: {cell} = {value:#x}")
        elif value != command.expected:
            state.failures.append(
                Failure(command.line, f"{cell} is {value:#x}, expected {command.expected:#x}")
            )
        return
    packets, octets = state.device.counter_read(command.counter, command.index)
    value = packets if command.kind == "packets" else octets
    if not RELATIONS[command.relation](value, command.value):
        wanted = f"{command.kind} {command.relation} {command.value}"
        message = f"counter {command.counter}({command.index}) has {value} {command.kind}, expected {wanted}"
        state.failures.append(Failure(command.line, message))


# --------------------------------------------------------------------------- comparing packets


def port_name(port: int) -> str:
    return "port cpu" if port == CPU_PORT else f"port {port}"


def compare(port: int, expected: list[Expect], outputs: list[Output]) -> list[Failure]:
    """What differs between the packets expected from a port and those that came."""
    failures = []
    for expect, output in zip(expected, outputs, strict=False):
        difference = differs(expect, output.data)
        if difference is not None:
            text = f"packet from {port_name(port)} (sent in line {output.line.number}) differs:\n{difference}"
            failures.append(Failure(expect.line, text))
    for expect in expected[len(outputs) :]:
        failures.append(Failure(expect.line, f"no packet came from {port_name(port)}"))
    for output in outputs[len(expected) :]:
        text = f"a packet came from {port_name(port)} that was not expected:\n  {output.data.hex()}"
        failures.append(Failure(output.line, text))
    return failures


def differs(expect: Expect, data: bytes) -> str | None:
    """None if `data` is as expected, else both in hex, the differing nibbles marked below."""
    if expect.pattern is None:
        return None
    pattern, actual = expect.pattern, data.hex()
    marks = [
        i for i, wanted in enumerate(pattern) if i >= len(actual) or (wanted != "*" and wanted != actual[i])
    ]
    if expect.exact:
        marks += range(len(pattern), len(actual))
    if not marks:
        return None
    marked = set(marks)
    places = ", ".join(str(b) for b in sorted({m // 2 for m in marks})[:8])
    lines = [f"  bytes {places}{' …' if len({m // 2 for m in marks}) > 8 else ''}"]
    for start in range(0, max(len(pattern), len(actual)), 64):
        here = range(start, start + 64)
        if marked.intersection(here):
            lines.append(f"  {start // 2:4}: expected {pattern[start : start + 64]}")
            lines.append(f"        got      {actual[start : start + 64]}")
            lines.append(f"                 {''.join('^' if i in marked else ' ' for i in here).rstrip()}")
    return "\n".join(lines)
