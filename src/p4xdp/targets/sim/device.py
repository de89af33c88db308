"""The simulator as a `p4xdp.device.Device`: the reference semantics of v1model, one packet at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from p4xdp.device import DeviceError, OutputPacket
from p4xdp.ir.nodes import KeySet, Program, Register
from p4xdp.names import find
from p4xdp.targets.sim.generate import generate
from p4xdp.targets.sim.tables import CounterCells, TableState

LogSink = Callable[[str], None]


def print_log(message: str) -> None:
    print(message, file=sys.stderr)


class SimDevice:
    """`source` is the Python text that the program became, for the curious.

    `log` receives each log_msg. Raises Unsupported for what the simulator cannot carry out.
    """

    def __init__(self, program: Program, log: LogSink = print_log) -> None:
        self.program = program
        self.source = generate(program)
        self._time = 0
        self._tables = {t.name: TableState(t) for t in program.tables}
        self._registers = {r.name: r for r in program.registers}
        self._cells = {r.name: [r.initial] * r.size for r in program.registers}
        self._counters = {c.name: c for c in program.counters}
        self._counts = {c.name: CounterCells() for c in program.counters}
        externs: dict[str, Any] = {f"table {n}": t.lookup for n, t in self._tables.items()}
        externs |= {f"extern {n}": cells for n, cells in self._cells.items()}
        externs |= {f"extern {n}": counts for n, counts in self._counts.items()}
        scope: dict[str, Any] = {}
        exec(compile(self.source, f"<{program.source}>", "exec"), scope)
        self._process = scope["build"](externs, lambda text, values: log(format_log(text, values)))

    # ------------------------------------------------------------------ packets

    def set_time(self, microseconds: int) -> None:
        self._time = microseconds

    def send(self, port: int, data: bytes) -> list[OutputPacket]:
        result = self._process(data, port, self._time)
        if result is None:
            return []
        egress_port, emitted, emitted_bits, position = result
        return [OutputPacket(egress_port, join(emitted, emitted_bits, data, position))]

    # ------------------------------------------------------------------ control plane

    def table_add(
        self, table: str, keys: Sequence[KeySet], action: str, arguments: Sequence[int], priority: int = 0
    ) -> None:
        find("table", table, self._tables).add(keys, action, arguments, priority)

    def table_delete(self, table: str, keys: Sequence[KeySet]) -> None:
        find("table", table, self._tables).delete(keys)

    def table_set_default(self, table: str, action: str, arguments: Sequence[int]) -> None:
        find("table", table, self._tables).set_default(action, arguments)

    def _cell(self, register: str, index: int) -> tuple[Register, list[int]]:
        declared = find("register", register, self._registers)
        if not 0 <= index < declared.size:
            raise DeviceError(f"register {declared.name} has {declared.size} cells, none at {index}")
        return declared, self._cells[declared.name]

    def register_read(self, register: str, index: int) -> int:
        declared, cells = self._cell(register, index)
        return cells[index] & (1 << declared.type.width) - 1

    def register_write(self, register: str, index: int, value: int) -> None:
        declared, cells = self._cell(register, index)
        width = declared.type.width
        if not 0 <= value < 1 << width:
            raise DeviceError(f"register {declared.name}: {value:#x} does not fit in {width} bits")
        cells[index] = value - (1 << width) if declared.type.signed and value >> width - 1 else value

    def counter_read(self, counter: str, index: int) -> tuple[int, int]:
        declared = find("counter", counter, self._counters)
        if not 0 <= index < declared.size:
            raise DeviceError(f"counter {declared.name} has {declared.size} cells, none at {index}")
        counts = self._counts[declared.name]
        packets = 0 if declared.kind == "bytes" else counts.packets.get(index, 0)
        return packets, 0 if declared.kind == "packets" else counts.bytes.get(index, 0)


def join(emitted: int, emitted_bits: int, data: bytes, position: int) -> bytes:
    """The headers emitted, then what the parser left of the packet; padded to whole bytes."""
    if emitted_bits % 8 == 0 and position % 8 == 0:
        return emitted.to_bytes(emitted_bits // 8, "big") + data[position // 8 :]
    rest = len(data) * 8 - position
    bits = emitted_bits + rest
    value = emitted << rest | int.from_bytes(data, "big") & ((1 << rest) - 1)
    padding = -bits % 8
    return (value << padding).to_bytes((bits + padding) // 8, "big")


def format_log(text: str, values: Sequence[int]) -> str:
    """log_msg's `{}` filled in one after the other."""
    parts = text.split("{}")
    filled = [
        part + (str(int(value)) if value is not None else "")
        for part, value in zip(parts, [*values[: len(parts) - 1], None], strict=False)
    ]
    return "".join(filled) + "{}".join(parts[len(filled) :])
