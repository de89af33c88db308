"""What an object holds, for whoever loads it: tables, registers, counters and how their bytes are laid out.

`compile_program` puts the manifest as JSON into the object's section `.p4xdp`, so that it cannot be lost or
belong to another object. Sizes and offsets are in bytes, widths in bits. Keys and values are native-endian
structures, except the prefix of an LPM trie, which is in network order.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

SECTION = ".p4xdp"
FORMAT = 1

FAULTS = ("no map memory", "no such egress port", "no headroom", "contention in @atomic", "packet too short")
"""Why the program itself drops a packet (XDP_ABORTED); the index is the cell of map `faults`."""

TableKind = Literal["array", "trie", "hash", "lpm", "none", "const"]
"""lpm: the kernel's trie; none: no keys, only a default; const: all entries are compiled in."""

CHILD = 1 << 31
"""Set in a cell of a trie that names a node, not a slot."""


class Field(msgspec.Struct, frozen=True):
    """A member of a map's value: `offset` bytes from its start, `size` bytes, `width` bits of them used."""

    name: str
    width: int
    offset: int
    size: int


class ActionLayout(msgspec.Struct, frozen=True):
    """An action as an entry of the table holds it; `id` is what the value's first four bytes say."""

    id: int
    name: str
    parameters: tuple[Field, ...]


class KeyLayout(msgspec.Struct, frozen=True):
    """`kind` is v1model's match kind. In an LPM trie `offset` counts from the first byte of the data."""

    name: str
    kind: str
    width: int
    offset: int
    size: int


class Call(msgspec.Struct, frozen=True):
    """An action (index into `TableLayout.actions`) with its arguments, as decimal strings of any size."""

    action: int
    arguments: tuple[str, ...] = ()


class InitialEntry(msgspec.Struct, frozen=True):
    """An entry of the source that a control plane may change: per key value and mask (decimal strings)."""

    keys: tuple[tuple[str, str], ...]
    call: Call


class TableLayout(msgspec.Struct, frozen=True):
    """`map` is the hash map or LPM trie of the entries ("" for other kinds).

    `pool` is an array of `pool_slots` values in the state memory, of which slot 0 stays unused. A u32 at
    `default_offset` says which slot holds the default action (offset 0: the default is constant). In an
    "array" table the key, its fields concatenated, is the index into an array of u32 at `index_offset`, whose
    cells say which slot holds the entry (0: none). A slot is written before a cell names it and is not
    written again while a packet may still be reading it, so that readers see whole entries only.

    In a "trie" (one lpm key of up to 32 bits) the first 16 bits of the key are that index. A cell names a
    slot, or with CHILD set one of `nodes` nodes of 16 cells at `nodes_offset` (node 0 stays unused), where
    the next four bits of the key are the index, and so on; a key is padded with zeros to whole nodes. A u64
    for each slot at `prefixes_offset` holds value << 8 | prefix length + 1 of the entry there (0: none).
    """

    name: str
    kind: TableKind
    map: str
    key_size: int
    value_size: int
    size: int
    keys: tuple[KeyLayout, ...]
    actions: tuple[ActionLayout, ...]
    default: Call
    default_offset: int = 0
    index_offset: int = 0
    pool_offset: int = 0
    pool_slots: int = 0
    nodes_offset: int = 0
    nodes: int = 0
    prefixes_offset: int = 0
    entries: tuple[InitialEntry, ...] = ()


class RegisterLayout(msgspec.Struct, frozen=True):
    """An array of `size` cells of `cell` bytes each, `offset` bytes into the state memory."""

    name: str
    width: int
    signed: bool
    size: int
    cell: int
    offset: int
    initial: str = "0"


class CounterLayout(msgspec.Struct, frozen=True):
    """A per-CPU array; a value is u64 packets, u64 bytes or both in that order."""

    name: str
    map: str
    size: int
    kind: Literal["packets", "bytes", "packets_and_bytes"]


class Manifest(msgspec.Struct, frozen=True):
    """`digest` identifies the P4 source, `layout` (hex SHA-256) what is kept in maps: programs of equal
    layout can take over each other's maps. `port_offset` and `hook_offset` are in the state memory; maps
    `locks0`, `locks1`, … hold one lock each.
    """

    format: int
    source: str
    digest: str
    layout: str
    mode: str
    state_size: int
    ports: int
    interfaces: int
    port_offset: int
    hook_offset: int
    locks: int
    tables: tuple[TableLayout, ...]
    registers: tuple[RegisterLayout, ...]
    counters: tuple[CounterLayout, ...]


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.encode(manifest)


def with_layout(manifest: Manifest) -> Manifest:
    """Fills `layout`: a digest of all that decides whether maps can be taken over."""
    kept = (
        manifest.format, manifest.mode, manifest.state_size, manifest.port_offset, manifest.locks,
        manifest.tables, manifest.registers, manifest.counters,
    )  # fmt: skip
    return msgspec.structs.replace(manifest, layout=hashlib.sha256(msgspec.json.encode(kept)).hexdigest())


def decode(data: bytes) -> Manifest:
    """Raises msgspec.DecodeError if `data` is no manifest of this format."""
    return msgspec.json.decode(data, type=Manifest)
