"""Keys and values of tables as the bytes that maps hold, and back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from p4xdp.device import DeviceError
from p4xdp.ir.nodes import KeySet
from p4xdp.targets.xdp.manifest import ActionLayout, KeyLayout, TableLayout


@dataclass(frozen=True, slots=True)
class TableEntry:
    """An entry, or (without keys) a default action, as the kernel has it."""

    keys: tuple[KeySet, ...]
    action: str
    arguments: tuple[int, ...]


def encode_value(table: TableLayout, action: ActionLayout, arguments: Sequence[int]) -> bytes:
    """An entry's value. Raises DeviceError if the arguments do not fit the action."""
    if len(arguments) != len(action.parameters):
        wanted = ", ".join(f"{p.name}: {p.width} bits" for p in action.parameters) or "none"
        raise DeviceError(f"action {action.name} takes {len(action.parameters)} arguments ({wanted})")
    value = bytearray(table.value_size)
    struct.pack_into("<I", value, 0, action.id)
    for field, argument in zip(action.parameters, arguments, strict=True):
        value[field.offset : field.offset + field.size] = _fitting(
            f"action {action.name}: {field.name}", argument, field.width
        ).to_bytes(field.size, "little")
    return bytes(value)


def _fitting(what: str, value: int, width: int) -> int:
    if not -(1 << width - 1) <= value < 1 << width:
        raise DeviceError(f"{what} has {width} bits: {value} does not fit")
    return value & (1 << width) - 1


def _key_values(table: TableLayout, keys: Sequence[KeySet]) -> list[tuple[KeyLayout, int, int]]:
    """(layout, value, mask) per key. Raises DeviceError for what the table's kind cannot hold."""
    if len(keys) != len(table.keys):
        names = ", ".join(key.name for key in table.keys)
        raise DeviceError(f"table {table.name} has {len(table.keys)} keys ({names}), not {len(keys)}")
    result = []
    for key, layout in zip(keys, table.keys, strict=True):
        full = (1 << layout.width) - 1
        if key.kind == "range":
            raise DeviceError(f"table {table.name}: key {layout.name} is {layout.kind}, not a range")
        mask = {"exact": full, "mask": key.mask & full, "any": 0}[key.kind]
        if layout.kind == "exact" and mask != full:
            raise DeviceError(f"table {table.name}: key {layout.name} is exact: it takes no mask")
        if layout.kind == "lpm" and (~mask & full) & ((~mask & full) + 1):
            raise DeviceError(f"table {table.name}: key {layout.name}: mask {mask:#x} is no prefix")
        result.append((layout, _fitting(f"key {layout.name}", key.value, layout.width) & mask, mask))
    return result


def index_cell(table: TableLayout, keys: Sequence[KeySet]) -> int:
    index = 0
    for layout, value, _ in _key_values(table, keys):
        index = index << layout.width | value
    return table.index_offset + 4 * index


def encode_key(table: TableLayout, keys: Sequence[KeySet]) -> bytes:
    """The key as the table's map has it."""
    data = bytearray(table.key_size)
    base = 4 if table.kind == "lpm" else 0
    length = 0
    for layout, value, mask in _key_values(table, keys):
        start = base + layout.offset
        if table.kind == "lpm":
            last = layout.kind == "lpm"
            shifted = value << 8 * layout.size - layout.width if last else value
            data[start : start + layout.size] = shifted.to_bytes(layout.size, "big")
            length += mask.bit_count() if last else 8 * layout.size
        else:
            data[start : start + layout.size] = value.to_bytes(layout.size, "little")
    if table.kind == "lpm":
        struct.pack_into("<I", data, 0, length)
    return bytes(data)


def prefix_of(table: TableLayout, keys: Sequence[KeySet]) -> tuple[int, int]:
    """Value and length of the one key of a trie."""
    ((_, value, mask),) = _key_values(table, keys)
    return value, mask.bit_count()


def prefix_keys(table: TableLayout, prefix: tuple[int, int]) -> tuple[KeySet, ...]:
    """The inverse of `prefix_of`."""
    value, length = prefix
    width = table.keys[0].width
    return (KeySet("mask", value, ((1 << length) - 1) << width - length),)


def index_keys(table: TableLayout, index: int) -> tuple[KeySet, ...]:
    """The keys of the cell number `index` of an array table."""
    keys = []
    for layout in reversed(table.keys):
        keys.append(KeySet("exact", index & (1 << layout.width) - 1))
        index >>= layout.width
    return tuple(reversed(keys))


def decode_key(table: TableLayout, data: bytes) -> tuple[KeySet, ...]:
    """The inverse of `encode_key`."""
    keys = []
    for layout in table.keys:
        if table.kind == "hash":
            value = int.from_bytes(data[layout.offset : layout.offset + layout.size], "little")
            keys.append(KeySet("exact", value))
            continue
        start = 4 + layout.offset
        value = int.from_bytes(data[start : start + layout.size], "big")
        if layout.kind == "lpm":
            length = struct.unpack_from("<I", data)[0] - 8 * layout.offset
            mask = ((1 << length) - 1) << layout.width - length
            keys.append(KeySet("mask", value >> 8 * layout.size - layout.width, mask))
        else:
            keys.append(KeySet("exact", value))
    return tuple(keys)


def decode_entry(table: TableLayout, keys: tuple[KeySet, ...], value: bytes) -> TableEntry:
    """The entry that `value` holds under `keys`."""
    number = struct.unpack_from("<I", value)[0]
    action = next(action for action in table.actions if action.id == number)
    arguments = tuple(
        int.from_bytes(value[field.offset : field.offset + field.size], "little")
        for field in action.parameters
    )
    return TableEntry(keys, action.name, arguments)
