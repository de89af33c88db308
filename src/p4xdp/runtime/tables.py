"""The tables, registers and counters of a program in the kernel (the protocol `p4xdp.device.Tables`)."""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from p4xdp.device import DeviceError
from p4xdp.ir.nodes import KeySet
from p4xdp.runtime import libbpf
from p4xdp.runtime.codec import (
    TableEntry,
    decode_entry,
    decode_key,
    encode_key,
    encode_value,
    index_cell,
    index_keys,
    prefix_keys,
    prefix_of,
)
from p4xdp.runtime.libbpf import KernelError
from p4xdp.runtime.loading import STATE_MAP, Loaded
from p4xdp.runtime.memory import StateMemory
from p4xdp.runtime.prefixes import PrefixTrie, TrieFull, stored_prefixes
from p4xdp.runtime.slots import Places
from p4xdp.targets.xdp.manifest import (
    FAULTS,
    ActionLayout,
    CounterLayout,
    RegisterLayout,
    TableLayout,
)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def find_named(what: str, name: str, items: Iterable[_N]) -> _N:
    """The item with control-plane name `name`, or the only one that ends in `.name`. Raises DeviceError."""
    known = list(items)
    found = [item for item in known if item.name == name]
    found = found or [item for item in known if item.name.endswith("." + name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(item.name for item in found or known) or "none"
    problem = "is ambiguous" if found else "does not exist"
    raise DeviceError(f"{what} {name} {problem}: the program has {names}")


class KernelTables:
    """Access to a loaded program's state. `fresh`: nothing has been there before, initial values are set.

    One process at a time may change tables; any number may read.
    """

    def __init__(self, loaded: Loaded, *, fresh: bool = True) -> None:
        self.manifest = loaded.manifest
        self._maps = loaded.maps
        self.memory = StateMemory(loaded.maps[STATE_MAP], loaded.manifest.state_size)
        self._cpus = libbpf.possible_cpus()
        self._pools: dict[str, Places] = {}
        self._tries: dict[str, PrefixTrie] = {}
        if fresh:
            self._initialise()

    def close(self) -> None:
        self.memory.close()

    def _pool(self, table: TableLayout) -> Places:
        """The table's values, with what is named left as it is. Made for the first change."""
        if table.name not in self._pools:
            cells = [table.default_offset] if table.default_offset else []
            used: set[int] = set()
            if table.kind == "array":
                count = 1 << sum(key.width for key in table.keys)
                cells += range(table.index_offset, table.index_offset + 4 * count, 4)
            elif table.kind == "trie":
                used.update(slot for _, slot in stored_prefixes(self.memory, table))
            used.update(self.memory.read(cell, 4) for cell in cells)
            self._pools[table.name] = Places(
                self.memory, table.pool_offset, table.pool_slots, table.value_size, used
            )
        return self._pools[table.name]

    def _trie(self, table: TableLayout) -> PrefixTrie:
        if table.name not in self._tries:
            self._tries[table.name] = PrefixTrie(self.memory, table, self._pool(table))
        return self._tries[table.name]

    def _initialise(self) -> None:
        for register in self.manifest.registers:
            initial = int(register.initial) & (1 << register.width) - 1
            if initial:
                self.memory.fill(register.offset, initial.to_bytes(register.cell, "little"), register.size)
        for table in self.manifest.tables:
            if table.default_offset:
                arguments = [int(argument) for argument in table.default.arguments]
                value = encode_value(table, table.actions[table.default.action], arguments)
                self._pool(table).replace(table.default_offset, value)
            for entry in table.entries:
                keys = [KeySet("mask", int(value), int(mask)) for value, mask in entry.keys]
                arguments = [int(argument) for argument in entry.call.arguments]
                self._put(table, keys, table.actions[entry.call.action], arguments)

    # ------------------------------------------------------------------ tables

    def table_add(
        self, table: str, keys: Sequence[KeySet], action: str, arguments: Sequence[int], priority: int = 0
    ) -> None:
        found = find_named("table", table, self.manifest.tables)
        self._put(found, keys, find_named(f"{found.name}: action", action, found.actions), arguments)

    def _put(
        self, table: TableLayout, keys: Sequence[KeySet], action: ActionLayout, arguments: Sequence[int]
    ) -> None:
        value = encode_value(table, action, arguments)
        try:
            if table.kind == "array":
                self._pool(table).replace(index_cell(table, keys), value)
                return
            if table.kind == "trie":
                self._trie(table).put(prefix_of(table, keys), value)
                return
        except (IndexError, TrieFull):
            raise DeviceError(f"table {table.name} is full ({table.size} entries)") from None
        try:
            libbpf.call(
                "bpf_map_update_elem", self._map(table), encode_key(table, keys), value, libbpf.BPF_ANY
            )
        except KernelError as error:
            if error.errno in (errno.E2BIG, errno.ENOSPC):
                raise DeviceError(f"table {table.name} is full ({table.size} entries)") from error
            raise DeviceError(f"table {table.name}: {error}") from error

    def table_delete(self, table: str, keys: Sequence[KeySet]) -> None:
        found = find_named("table", table, self.manifest.tables)
        missing = f"table {found.name} has no entry with these keys"
        if found.kind == "trie":
            if not self._trie(found).delete(prefix_of(found, keys)):
                raise DeviceError(missing)
            return
        if found.kind == "array":
            cell = index_cell(found, keys)
            if not self.memory.read(cell, 4):
                raise DeviceError(missing)
            self._pool(found).replace(cell, None)
            return
        try:
            libbpf.call("bpf_map_delete_elem", self._map(found), encode_key(found, keys))
        except KernelError as error:
            raise DeviceError(missing if error.errno == errno.ENOENT else f"{found.name}: {error}") from error

    def table_set_default(self, table: str, action: str, arguments: Sequence[int]) -> None:
        found = find_named("table", table, self.manifest.tables)
        if not found.default_offset:
            raise DeviceError(f"table {found.name} has a constant default action")
        chosen = find_named(f"{found.name}: action", action, found.actions)
        self._pool(found).replace(found.default_offset, encode_value(found, chosen, arguments))

    def _map(self, table: TableLayout) -> int:
        if not table.map:
            why = "has constant entries" if table.kind == "const" else "has no keys"
            raise DeviceError(f"table {table.name} {why}: nothing can be added or deleted")
        return self._maps[table.map]

    def table_entries(self, table: str) -> list[TableEntry]:
        """All entries of a table that is not constant, in no particular order."""
        found = find_named("table", table, self.manifest.tables)
        if found.kind == "array":
            return list(self._indexed(found))
        if found.kind == "trie":
            return [
                decode_entry(found, prefix_keys(found, prefix), self._slot(found, slot))
                for prefix, slot in stored_prefixes(self.memory, found)
            ]
        return list(self._mapped(found))

    def _indexed(self, table: TableLayout) -> Iterator[TableEntry]:
        for index in range(1 << sum(key.width for key in table.keys)):
            slot = self.memory.read(table.index_offset + 4 * index, 4)
            if slot:
                yield decode_entry(table, index_keys(table, index), self._slot(table, slot))

    def _mapped(self, table: TableLayout) -> Iterator[TableEntry]:
        fd = self._map(table)
        key = ctypes.create_string_buffer(table.key_size)
        value = ctypes.create_string_buffer(table.value_size)
        previous: ctypes.Array[ctypes.c_char] | None = None
        while True:
            try:
                libbpf.call("bpf_map_get_next_key", fd, previous, key)
                libbpf.call("bpf_map_lookup_elem", fd, key, value)
            except KernelError as error:
                if error.errno == errno.ENOENT:
                    return
                raise
            yield decode_entry(table, decode_key(table, key.raw), value.raw)
            previous = ctypes.create_string_buffer(key.raw, table.key_size)

    def _slot(self, table: TableLayout, slot: int) -> bytes:
        return self.memory.get(table.pool_offset + slot * table.value_size, table.value_size)

    def table_default(self, table: str) -> TableEntry:
        """The default action, also one that is constant."""
        found = find_named("table", table, self.manifest.tables)
        if found.default_offset:
            return decode_entry(found, (), self._slot(found, self.memory.read(found.default_offset, 4)))
        name = found.actions[found.default.action].name
        return TableEntry((), name, tuple(int(argument) for argument in found.default.arguments))

    def table_size(self, table: str) -> int:
        """How many entries the table holds at most."""
        return find_named("table", table, self.manifest.tables).size

    # ------------------------------------------------------------------ registers and counters

    def register_read(self, register: str, index: int) -> int:
        found, offset = self._cell(register, index)
        return self.memory.read(offset, found.cell) & (1 << found.width) - 1

    def register_write(self, register: str, index: int, value: int) -> None:
        found, offset = self._cell(register, index)
        if not -(1 << found.width - 1) <= value < 1 << found.width:
            raise DeviceError(f"register {found.name} has {found.width} bits: {value} does not fit")
        self.memory.write(offset, found.cell, value & (1 << found.width) - 1)

    def _cell(self, register: str, index: int) -> tuple[RegisterLayout, int]:
        found = find_named("register", register, self.manifest.registers)
        if not 0 <= index < found.size:
            raise DeviceError(f"register {found.name} has {found.size} cells: there is no {index}")
        return found, found.offset + index * found.cell

    def counter_read(self, counter: str, index: int) -> tuple[int, int]:
        found = find_named("counter", counter, self.manifest.counters)
        if not 0 <= index < found.size:
            raise DeviceError(f"counter {found.name} has {found.size} cells: there is no {index}")
        return self._count(found, index)

    def _count(self, counter: CounterLayout, index: int) -> tuple[int, int]:
        words = 2 if counter.kind == "packets_and_bytes" else 1
        values = self._per_cpu(counter.map, index, words)
        if counter.kind == "packets_and_bytes":
            return sum(values[0::2]), sum(values[1::2])
        total = sum(values)
        return (total, 0) if counter.kind == "packets" else (0, total)

    def _per_cpu(self, name: str, index: int, words: int) -> tuple[int, ...]:
        buffer = ctypes.create_string_buffer(8 * words * self._cpus)
        libbpf.call("bpf_map_lookup_elem", self._maps[name], struct.pack("<I", index), buffer)
        return struct.unpack(f"<{words * self._cpus}Q", buffer.raw)

    def counter_dump(self, counter: str) -> list[tuple[int, int]]:
        """Packets and bytes of every cell, summed over processors."""
        found = find_named("counter", counter, self.manifest.counters)
        return [self._count(found, index) for index in range(found.size)]

    def faults(self) -> dict[str, int]:
        """Packets that the program's own machinery dropped, by reason (see manifest.FAULTS)."""
        return {reason: sum(self._per_cpu("faults", i, 1)) for i, reason in enumerate(FAULTS)}
