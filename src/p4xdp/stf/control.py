"""Table commands: names and written values to what a Device takes."""

from __future__ import annotations

from collections.abc import Sequence

from p4xdp.device import DeviceError
from p4xdp.ir.nodes import Action, KeySet, Program, Table, TableKey
from p4xdp.names import find
from p4xdp.stf.syntax import Invocation, Match


def table_named(program: Program, name: str) -> Table:
    return find("table", name, {t.name: t for t in program.tables})


def key_sets(table: Table, matches: Sequence[tuple[str, Match]]) -> list[KeySet]:
    """One KeySet for each key of the table; a key left out matches anything, unless it is exact."""
    given: dict[str, Match] = {}
    for name, value in matches:
        key = _key(table, name)
        if key.name in given:
            raise DeviceError(f"table {table.name}: key {key.name} is given twice")
        given[key.name] = value
    return [_key_set(table, key, given.get(key.name)) for key in table.keys]


def _key(table: Table, name: str) -> TableKey:
    wanted = _plain(name)
    for key in table.keys:
        if _plain(key.name) == wanted:
            return key
    short = [key for key in table.keys if _plain(key.name).endswith("." + wanted)]
    if len(short) == 1:
        return short[0]
    names = ", ".join(k.name for k in table.keys)
    raise DeviceError(f"table {table.name} has no key {name!r}; its keys are {names or 'none'}")


def _plain(name: str) -> str:
    """p4c writes the validity of a header as `hdr.x.$valid$`, P4 as `hdr.x.isValid()`."""
    return name.replace("isValid()", "$valid$").replace(" ", "")


def _key_set(table: Table, key: TableKey, given: Match | None) -> KeySet:
    width = key.expr.type.width
    if given is None:
        if key.kind == "exact":
            raise DeviceError(f"table {table.name}: the exact key {key.name} needs a value")
        return KeySet("any")
    match given.kind:
        case "value":
            return KeySet("exact", given.value)
        case "mask":
            return KeySet("mask", given.value, given.other)
        case "prefix":
            if not 0 <= given.other <= width:
                raise DeviceError(f"table {table.name}: /{given.other} is too long for {width} bits")
            full = (1 << width) - 1
            return KeySet("mask", given.value, full & ~(full >> given.other))
        case "range":
            return KeySet("range", given.value, given.other)
        case "any":
            return KeySet("any")


def action_data(table: Table, call: Invocation) -> list[int]:
    """The values in the order of the action's parameters."""
    action: Action = find("action", call.action, {a.name: a for a in table.actions})
    names = [p.name.rsplit(".", 1)[-1] for p in action.parameters]
    given = dict(call.arguments)
    unknown = [n for n in given if n not in names]
    missing = [n for n in names if n not in given]
    if unknown or missing or len(given) != len(call.arguments):
        raise DeviceError(f"action {action.name} takes ({', '.join(names)}), not ({', '.join(given)})")
    return [given[n] for n in names]
