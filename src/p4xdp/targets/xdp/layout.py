"""The layout of keys, values and the state memory, decided once for the C text and the manifest."""

from __future__ import annotations

from dataclasses import dataclass

from p4xdp.ir import nodes as ir
from p4xdp.source import Unsupported
from p4xdp.targets.xdp import manifest
from p4xdp.targets.xdp.options import XdpOptions
from p4xdp.targets.xdp.words import c_name, check_width

PORTS = 512
INTERFACES = 1 << 16
ARRAY_KEY_BITS = 16
TRIE_KEY_BITS = 32
NODE_BITS, NODE_CELLS = 4, 16
_SPARE_SLOTS = 64
_MOST_NODES = 1 << 17
_CACHE_LINE = 64


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the state memory: C declaration, offset and size in bytes."""

    declaration: str
    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class TableForm:
    """`name` is the C stem: struct <name>_key, struct <name>_value, map <name>, state.<name>_pool …"""

    table: ir.Table
    name: str
    layout: manifest.TableLayout

    @property
    def default_const(self) -> bool:
        return not self.layout.default_offset


@dataclass(frozen=True, slots=True)
class Layout:
    """`members` in order of offset; a table's form by its control-plane name."""

    members: tuple[Member, ...]
    tables: dict[str, TableForm]
    manifest: manifest.Manifest


def register_name(program: ir.Program, register: ir.Register) -> str:
    return c_name("r", program.registers.index(register), register.name)


def counter_name(program: ir.Program, counter: ir.Counter) -> str:
    return c_name("c", program.counters.index(counter), counter.name)


def cell_bytes(register: ir.Register, exchanged: frozenset[str]) -> int:
    """Bytes of a cell; compare-and-exchange works on 8 bytes."""
    width = register.type.width
    if width > 128:
        raise Unsupported(register.span, f"register {register.name}: XDP has cells of at most 128 bits")
    sizes = (8,) if register.name in exchanged else (1, 2, 4, 8, 16)
    return next(size for size in sizes if 8 * size >= width)


class _State:
    """Hands out offsets in the state memory. The first bytes stay unused: offset 0 means none."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.end = _CACHE_LINE

    def add(self, type_: str, name: str, count: int, size: int) -> int:
        offset = -(-self.end // _CACHE_LINE) * _CACHE_LINE
        bracket = f"[{count}]" if count else ""
        self.members.append(Member(f"{type_} {name}{bracket}", name, offset, max(count, 1) * size))
        self.end = offset + max(count, 1) * size
        return offset


def make_layout(
    program: ir.Program, options: XdpOptions, exchanged: frozenset[str], locks: int = 0
) -> Layout:
    """Raises Unsupported for tables and registers that no map carries."""
    state = _State()
    hook = state.add("struct hook", "hook", 0, 24)
    ports = state.add("u16", "ports", INTERFACES, 2) if options.mode == "switch" else 0
    registers = []
    for register in program.registers:
        size = cell_bytes(register, exchanged)
        name = register_name(program, register)
        offset = state.add(f"u{8 * size}", name, register.size, size)
        registers.append(
            manifest.RegisterLayout(
                register.name, register.type.width, register.type.signed, register.size, size, offset,
                str(register.initial),
            )
        )  # fmt: skip
    tables = {table.name: _table(index, table, state) for index, table in enumerate(program.tables)}
    counters = tuple(
        manifest.CounterLayout(c.name, counter_name(program, c), c.size, c.kind) for c in program.counters
    )
    parts = manifest.Manifest(
        manifest.FORMAT, program.source, program.digest, "", options.mode,
        -(-state.end // _CACHE_LINE) * _CACHE_LINE, PORTS, INTERFACES, ports, hook, locks,
        tuple(form.layout for form in tables.values()), tuple(registers), counters,
    )  # fmt: skip
    return Layout(tuple(state.members), tables, manifest.with_layout(parts))


def _table(index: int, table: ir.Table, state: _State) -> TableForm:
    name = c_name("t", index, table.name)
    kind = _kind(table)
    keys, key_size = _keys(table, kind)
    actions, value_size = _actions(table)
    bits = sum(key.width for key in keys)
    in_state = kind in ("array", "trie")
    default_offset = index_offset = pool_offset = pool_slots = 0
    if in_state or not table.default_const:
        wanted = (min(table.size, 1 << bits) if in_state else 0) + 1
        pool_slots = _power_of_two(wanted + (_SPARE_SLOTS if in_state else 7))
        if not table.default_const:
            default_offset = state.add("u32", f"{name}_default", 0, 4)
        if in_state:
            cells = 1 << min(bits, ARRAY_KEY_BITS)
            index_offset = state.add("u32", f"{name}_index", cells, 4)
        pool_offset = state.add(f"struct {name}_value", f"{name}_pool", pool_slots, value_size)
    nodes = nodes_offset = prefixes_offset = 0
    if kind == "trie":
        nodes = _power_of_two(trie_levels(bits) * table.size + _SPARE_SLOTS)
        nodes_offset = state.add("u32", f"{name}_nodes", nodes * NODE_CELLS, 4)
        prefixes_offset = state.add("u64", f"{name}_prefixes", pool_slots, 8)
    layout = manifest.TableLayout(
        table.name, kind, name if kind in ("hash", "lpm") else "", key_size, value_size, table.size, keys,
        actions, _call(table.default), default_offset, index_offset, pool_offset, pool_slots,
        nodes_offset, nodes, prefixes_offset,
        () if kind == "const" else tuple(_entry(entry, table) for entry in table.entries),
    )  # fmt: skip
    return TableForm(table, name, layout)


def trie_levels(width: int) -> int:
    """Levels of nodes below the index of a trie."""
    return max(0, -(-(width - ARRAY_KEY_BITS) // NODE_BITS))


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()


def _kind(table: ir.Table) -> manifest.TableKind:
    kinds = [key.kind for key in table.keys]
    if not kinds:
        return "none"
    if table.entries and all(entry.const for entry in table.entries):
        return "const"
    for key in table.keys:
        if key.kind not in ("exact", "lpm"):
            raise Unsupported(
                key.expr.span if key.expr.span.length else table.span,
                f"table {table.name}: XDP has no map for {key.kind} keys (exact, lpm, constant entries)",
            )
        check_width(key.expr.type.width, key.expr.span, f"key {key.name}")
    if kinds.count("lpm") > 1 or "lpm" in kinds[:-1]:
        raise Unsupported(table.span, f"table {table.name}: XDP takes one lpm key, and that as the last key")
    if kinds[-1] == "lpm":
        width = table.keys[0].expr.type.width
        small = len(kinds) == 1 and width <= TRIE_KEY_BITS
        return "trie" if small and trie_levels(width) * table.size <= _MOST_NODES else "lpm"
    return "array" if sum(key.expr.type.width for key in table.keys) <= ARRAY_KEY_BITS else "hash"


def _keys(table: ir.Table, kind: manifest.TableKind) -> tuple[tuple[manifest.KeyLayout, ...], int]:
    """Keys with their places, and the size of the map's key."""
    layouts = []
    end = 0
    for key in table.keys:
        width = key.expr.type.width
        size = -(-width // 8) if kind == "lpm" else _field_bytes(width)
        if kind == "hash":
            end = _aligned(end, min(size, 8))
        layouts.append(manifest.KeyLayout(key.name, key.kind, width, end, size))
        end += size
    if kind == "lpm":
        return tuple(layouts), 4 + end
    return tuple(layouts), _aligned(end, 8 if end > 4 else 4) if kind == "hash" else 0


def _actions(table: ir.Table) -> tuple[tuple[manifest.ActionLayout, ...], int]:
    """Actions with their parameters' places, and the size of a value that holds any of them."""
    layouts = []
    size = 4
    for number, action in enumerate(table.actions):
        end = 4
        fields = []
        for parameter in action.parameters:
            width = parameter.type.width
            check_width(width, parameter.span, f"parameter {parameter.name}")
            bytes_ = _field_bytes(width)
            end = _aligned(end, min(bytes_, 8))
            fields.append(manifest.Field(parameter.name.rpartition(".")[2], width, end, bytes_))
            end += bytes_
        layouts.append(manifest.ActionLayout(number + 1, action.name, tuple(fields)))
        size = max(size, end)
    return tuple(layouts), _aligned(size, 8)


def _field_bytes(width: int) -> int:
    return next(size for size in (1, 2, 4, 8, 16) if 8 * size >= width)


def _aligned(offset: int, to: int) -> int:
    return -(-offset // to) * to


def _call(call: ir.ActionCall) -> manifest.Call:
    return manifest.Call(call.action, tuple(str(argument) for argument in call.arguments))


def _entry(entry: ir.Entry, table: ir.Table) -> manifest.InitialEntry:
    keys = []
    for keyset, key in zip(entry.keysets, table.keys, strict=True):
        full = (1 << key.expr.type.width) - 1
        if keyset.kind == "range" or (keyset.kind == "any" and key.kind == "exact"):
            raise Unsupported(
                entry.span, f"table {table.name}: an entry of an {key.kind} key must be a value"
            )
        mask = {"exact": full, "mask": keyset.mask, "any": 0}[keyset.kind]
        keys.append((str(keyset.value), str(mask)))
    return manifest.InitialEntry(tuple(keys), _call(entry.call))
