"""Tables, counters and their control-plane names at run time, as the simulator keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from p4xdp.device import DeviceError
from p4xdp.ir.nodes import KeySet, Table, TableKey
from p4xdp.names import find

Row: TypeAlias = tuple[bool, int, tuple[int, ...]]  # hit, index of the action, its data
Lookup: TypeAlias = Callable[[tuple[int, ...]], Row]


@dataclass
class CounterCells:
    packets: dict[int, int] = field(default_factory=dict)
    bytes: dict[int, int] = field(default_factory=dict)

    def count(self, index: int, length: int) -> None:
        self.packets[index] = self.packets.get(index, 0) + 1
        self.bytes[index] = self.bytes.get(index, 0) + length


@dataclass
class Rule:
    keysets: tuple[KeySet, ...]
    action: int
    data: tuple[int, ...]
    priority: int  # smaller wins
    const: bool


class TableState:
    """The entries of one table. `lookup` is rebuilt after every change, for the kind of match it needs."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.rules: list[Rule] = [
            Rule(e.keysets, e.call.action, e.call.arguments, e.priority, e.const) for e in table.entries
        ]
        self.default: tuple[int, tuple[int, ...]] = (table.default.action, table.default.arguments)
        self._lookup: Lookup | None = None

    def lookup(self, keys: tuple[int, ...]) -> Row:
        if self._lookup is None:
            self._lookup = self._build()
        return self._lookup(keys)

    # ------------------------------------------------------------------ control plane

    def add(self, keys: Sequence[KeySet], action: str, data: Sequence[int], priority: int) -> None:
        keysets = self.check_keys(keys)
        index, values = self.check_action(action, data)
        old = next((r for r in self.rules if r.keysets == keysets and r.priority == priority), None)
        if old is None and not self.prioritised:
            old = next((r for r in self.rules if r.keysets == keysets), None)
        if old is not None:
            if old.const:
                raise DeviceError(f"table {self.table.name}: this entry is const in the program")
            old.action, old.data, old.priority = index, values, priority
        elif len(self.rules) >= self.table.size:
            raise DeviceError(f"table {self.table.name} is full: its size is {self.table.size}")
        else:
            self.rules.append(Rule(keysets, index, values, priority, const=False))
        self._lookup = None

    def delete(self, keys: Sequence[KeySet]) -> None:
        keysets = self.check_keys(keys)
        kept = [r for r in self.rules if r.keysets != keysets or r.const]
        if len(kept) == len(self.rules):
            raise DeviceError(f"table {self.table.name} has no such entry to remove")
        self.rules = kept
        self._lookup = None

    def set_default(self, action: str, data: Sequence[int]) -> None:
        if self.table.default_const:
            raise DeviceError(f"table {self.table.name}: its default action is const in the program")
        self.default = self.check_action(action, data)
        self._lookup = None

    def check_keys(self, keys: Sequence[KeySet]) -> tuple[KeySet, ...]:
        """The keys normalised: masked bits cleared, full masks as exact. Raises DeviceError."""
        if len(keys) != len(self.table.keys):
            names = ", ".join(k.name for k in self.table.keys)
            raise DeviceError(f"table {self.table.name} takes {len(self.table.keys)} keys ({names})")
        return tuple(self._check_key(k, t) for k, t in zip(keys, self.table.keys, strict=True))

    def _check_key(self, given: KeySet, key: TableKey) -> KeySet:
        width = key.expr.type.width
        full = (1 << width) - 1
        where = f"table {self.table.name}, key {key.name}"
        if max(given.value, given.mask) > full or min(given.value, given.mask) < 0:
            raise DeviceError(f"{where}: {given.value:#x} does not fit in {width} bits")
        allowed = {
            "exact": ("exact",),
            "lpm": ("exact", "mask", "any"),
            "ternary": ("exact", "mask", "any"),
            "range": ("exact", "range", "any"),
            "optional": ("exact", "any"),
        }.get(key.kind, ())
        if given.kind == "mask" and given.mask == full:
            given = KeySet("exact", given.value)
        elif given.kind == "mask" and given.mask == 0:
            given = KeySet("any")
        elif given.kind == "mask":
            given = KeySet("mask", given.value & given.mask, given.mask)
        if given.kind not in allowed:
            raise DeviceError(f"{where}: the table matches {key.kind} here, the entry gives {given.kind}")
        if key.kind == "lpm" and given.kind == "mask" and (~given.mask & full) & ((~given.mask & full) + 1):
            raise DeviceError(f"{where}: {given.mask:#x} is no prefix")
        return given

    def check_action(self, action: str, data: Sequence[int]) -> tuple[int, tuple[int, ...]]:
        index = find("action", action, {a.name: i for i, a in enumerate(self.table.actions)})
        parameters = self.table.actions[index].parameters
        if len(data) != len(parameters):
            names = ", ".join(p.name.rsplit(".", 1)[-1] for p in parameters)
            raise DeviceError(f"action {action} takes {len(parameters)} values ({names}), not {len(data)}")
        for value, parameter in zip(data, parameters, strict=True):
            if not 0 <= value < 1 << parameter.type.width:
                raise DeviceError(f"action {action}: {value:#x} does not fit in {parameter.type.width} bits")
        signed = (p.type.signed and v >> p.type.width - 1 for v, p in zip(data, parameters, strict=True))
        return index, tuple(
            v - (1 << p.type.width) if s else v for v, p, s in zip(data, parameters, signed, strict=True)
        )

    # ------------------------------------------------------------------ lookup

    @property
    def prioritised(self) -> bool:
        """Whether entries can overlap other than by their prefix."""
        return any(k.kind in ("ternary", "range", "optional") for k in self.table.keys)

    def _build(self) -> Lookup:
        """Raw unsigned keys in, the row out."""
        miss: Row = (False, *self.default)
        kinds = [k.kind for k in self.table.keys]
        if not kinds:
            return lambda keys: miss
        if all(r.keysets[i].kind == "exact" for r in self.rules for i in range(len(kinds))):
            return self._exact(miss)
        if not self.prioritised and kinds.count("lpm") == 1:
            return self._longest_prefix(kinds.index("lpm"), miss)
        return self._first_match(miss)

    def _by_priority(self) -> Iterable[Rule]:
        return sorted(self.rules, key=lambda r: r.priority)

    def _exact(self, miss: Row) -> Lookup:
        rows: dict[tuple[int, ...], Row] = {}
        for r in self._by_priority():
            rows.setdefault(tuple(k.value for k in r.keysets), (True, r.action, r.data))
        return lambda keys: rows.get(keys, miss)

    def _longest_prefix(self, position: int, miss: Row) -> Lookup:
        full = (1 << self.table.keys[position].expr.type.width) - 1
        by_mask: dict[int, dict[tuple[int, ...], Row]] = {}
        for r in self.rules:
            k = r.keysets[position]
            prefix = {"exact": full, "any": 0}.get(k.kind, k.mask)
            by_mask.setdefault(prefix, {})[tuple(k.value for k in r.keysets)] = (True, r.action, r.data)
        ordered = sorted(by_mask.items(), reverse=True)

        def lookup(keys: tuple[int, ...]) -> Row:
            before, value, after = keys[:position], keys[position], keys[position + 1 :]
            for prefix, rows in ordered:
                row = rows.get((*before, value & prefix, *after))
                if row is not None:
                    return row
            return miss

        return lookup

    def _first_match(self, miss: Row) -> Lookup:
        rules = [(r.keysets, (True, r.action, r.data)) for r in self._by_priority()]

        def lookup(keys: tuple[int, ...]) -> Row:
            for keysets, row in rules:
                if all(holds(keyset, key) for keyset, key in zip(keysets, keys, strict=True)):
                    return row
            return miss

        return lookup


def holds(keyset: KeySet, value: int) -> bool:
    """Whether `value` (unsigned) is in `keyset`."""
    match keyset.kind:
        case "exact":
            return value == keyset.value
        case "mask":
            return (value ^ keyset.value) & keyset.mask == 0
        case "range":
            return keyset.value <= value <= keyset.mask
        case "any":
            return True
