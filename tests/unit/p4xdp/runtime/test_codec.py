"""Keys and values survive the way into map bytes and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dataplane import ir_build as b

from p4xdp.device import DeviceError
from p4xdp.ir import nodes as ir
from p4xdp.ir.nodes import KeySet
from p4xdp.runtime.codec import decode_entry, decode_key, encode_key, encode_value
from p4xdp.targets.xdp import XdpOptions, to_c
from p4xdp.targets.xdp.manifest import TableLayout

ETH = b.header("eth", dst=48, src=48, type=16)


def layout(widths: list[int], parameters: list[int], lpm: bool) -> TableLayout:
    last: ir.MatchKind = "lpm" if lpm else "exact"
    kinds: list[ir.MatchKind] = ["exact"] * (len(widths) - 1) + [last]
    keys = tuple(
        ir.TableKey(f"k{i}", ir.Load(b.var(f"k{i}", w)), kind)
        for i, (w, kind) in enumerate(zip(widths, kinds, strict=True))
    )
    values = tuple(b.var(f"a.p{i}", w) for i, w in enumerate(parameters))
    table = ir.Table("t", keys, (ir.Action("a", values, ()),), ir.ActionCall(0, (0,) * len(values)), True)
    program = b.program([ETH], [ir.State("start", (), "accept")], [ir.ApplyTable(table)], tables=[table])
    return to_c(program, XdpOptions())[1].tables[0]


WIDTHS = st.lists(st.sampled_from([1, 7, 9, 16, 20, 32, 33, 48, 64, 100, 128]), min_size=1, max_size=4)


@given(WIDTHS, WIDTHS, st.booleans(), st.data())
def test_round_trip(widths: list[int], parameters: list[int], lpm: bool, data: st.DataObject) -> None:
    table = layout([*widths, 64], parameters, lpm)
    keys = [KeySet("exact", data.draw(st.integers(0, (1 << w) - 1))) for w in [*widths, 64]]
    if lpm:
        length = data.draw(st.integers(0, 64))
        mask = (1 << length) - 1 << 64 - length
        keys[-1] = KeySet("mask", keys[-1].value & mask, mask)
    arguments = [data.draw(st.integers(0, (1 << w) - 1)) for w in parameters]
    key, value = encode_key(table, keys), encode_value(table, table.actions[0], arguments)
    assert (len(key), len(value)) == (table.key_size, table.value_size)
    assert decode_key(table, key) == tuple(keys)
    entry = decode_entry(table, tuple(keys), value)
    assert (entry.action, entry.arguments) == ("a", tuple(arguments))


@pytest.mark.parametrize(
    "keys, complaint",
    [
        ([KeySet("exact", 1)], r"has 2 keys \(k0, k1\), not 1"),
        ([KeySet("mask", 1, 3), KeySet("any")], "k0 is exact: it takes no mask"),
        ([KeySet("exact", 1 << 40), KeySet("any")], "k0 has 20 bits"),
        ([KeySet("exact", 1), KeySet("mask", 5, 5)], "mask 0x5 is no prefix"),
        ([KeySet("exact", 1), KeySet("range", 1, 2)], "k1 is lpm, not a range"),
    ],
)
def test_keys_that_do_not_fit(keys: list[KeySet], complaint: str) -> None:
    with pytest.raises(DeviceError, match=complaint):
        encode_key(layout([20, 64], [], True), keys)
