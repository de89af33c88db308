"""Reading and running STF files, on a device that only records."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from p4xdp.device import CPU_PORT, OutputPacket
from p4xdp.ir import nodes as ir
from p4xdp.ir.nodes import KeySet
from p4xdp.stf import StfError, parse, run
from p4xdp.stf.syntax import Add, Expect, Match, Packet, SetTime

B16 = ir.Bits(16)
KEYS = tuple(
    ir.TableKey(name, ir.Load(ir.Var(name, B16)), kind)  # type: ignore[arg-type]
    for name, kind in (("hdr.a", "exact"), ("hdr.b", "ternary"), ("hdr.c.isValid()", "optional"))
)
SET = ir.Action("I.set", (ir.Var("I.t.set.port", ir.Bits(9)), ir.Var("I.t.set.tag", B16)), ())
TABLE = ir.Table("I.t", KEYS, (SET,), ir.ActionCall(0, (0, 0)))
PROGRAM = ir.Program(
    "t.p4", (), (), ir.Parser("P", ()), (), (), (), (), (), (TABLE,), (), (), ("NoError",)
)  # fmt: skip


class Recorder:
    """Answers every packet from the next port, with one byte more."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def table_add(
        self, table: str, keys: Sequence[KeySet], action: str, arguments: Sequence[int], priority: int = 0
    ) -> None:
        self.calls.append((table, list(keys), action, list(arguments), priority))

    def table_delete(self, table: str, keys: Sequence[KeySet]) -> None:
        self.calls.append(("delete", table, list(keys)))

    def table_set_default(self, table: str, action: str, arguments: Sequence[int]) -> None:
        self.calls.append(("default", table, action, list(arguments)))

    def register_read(self, register: str, index: int) -> int:
        return index + 1

    def register_write(self, register: str, index: int, value: int) -> None:
        self.calls.append((register, index, value))

    def counter_read(self, counter: str, index: int) -> tuple[int, int]:
        return 2, 100

    def set_time(self, microseconds: int) -> None:
        self.calls.append(microseconds)

    def send(self, port: int, data: bytes) -> list[OutputPacket]:
        return [] if data == b"\0" else [OutputPacket(port + 1, data + b"\xee")]


def failures(text: str) -> list[str]:
    return [str(f) for f in run(parse(text, "t.stf"), Recorder(), PROGRAM)]


def calls(text: str) -> list[object]:
    device = Recorder()
    run(parse(text, "t.stf"), device, PROGRAM)
    return device.calls


def test_commands_are_read() -> None:
    text = """
        # a comment
        PACKET 1 0a0B 0c
        expect cpu 0a** $   # trailing
        add t 5 hdr.a:0x1 hdr.b : 0x12** set(port:1, tag:2) = $A
        #@ time 77
        wait
    """
    packet, expect, add, time = parse(text, "t.stf")
    assert isinstance(packet, Packet) and packet.data == b"\x0a\x0b\x0c" and packet.line.number == 3
    assert isinstance(expect, Expect) and (expect.port, expect.pattern, expect.exact) == (
        CPU_PORT,
        "0a**",
        True,
    )
    assert isinstance(add, Add) and add.priority == 5
    assert add.matches == (("hdr.a", Match("value", 1)), ("hdr.b", Match("mask", 0x1200, 0xFF00)))
    assert isinstance(time, SetTime) and time.microseconds == 77


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("frobnicate 1", "not an STF command"),
        ("packet 1 0a0", "whole bytes"),
        ("packet x 0a", "not a number"),
        ("expect 1 0g", "whole bytes in hex"),
        ("add t hdr.a:1", "an action"),
        ("add t hdr.a set(port:1, tag:2)", "not a number"),
        ("add t hdr.a:zz set(port:1, tag:2)", "not a number"),
        ("check_counter c 1", "check_counter NAME"),
        ("register_write r 1", "register_write REGISTER INDEX VALUE"),
    ],
)
def test_lines_that_cannot_be_read(line: str, why: str) -> None:
    with pytest.raises(StfError, match=f"t.stf:2: error: .*{why}"):
        parse(f"\n{line}\n", "t.stf")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("add u hdr.a:1 set(port:1, tag:2)", "no table named 'u'; the program has I.t"),
        ("add t hdr.z:1 set(port:1, tag:2)", "no key 'hdr.z'; its keys are hdr.a"),
        ("add t hdr.b:1 set(port:1, tag:2)", "exact key hdr.a needs a value"),
        ("add t hdr.a:1 set(port:1)", r"takes \(port, tag\), not \(port\)"),
        ("add t hdr.a:1 hdr.a:2 set(port:1, tag:2)", "given twice"),
        ("setdefault t go()", "no action named 'go'"),
    ],
)
def test_commands_that_the_program_does_not_allow(line: str, why: str) -> None:
    with pytest.raises(StfError, match=f"t.stf:1: error: .*{why}"):
        run(parse(line, "t.stf"), Recorder(), PROGRAM)


def test_keys_and_data_in_the_program_s_order() -> None:
    text = "add t 3 b:0xa**0 hdr.c.$valid$:1 a:7 set(tag:2, port:1)\nremove all\n"
    keys = [KeySet("exact", 7), KeySet("mask", 0xA000, 0xF00F), KeySet("exact", 1)]
    assert calls(text) == [("I.t", keys, "set", [1, 2], 3), ("delete", "I.t", keys)]
    assert calls("add t a:1 set(port:1, tag:2)") == [
        ("I.t", [KeySet("exact", 1), KeySet("any"), KeySet("any")], "set", [1, 2], 0)
    ]
    assert calls("register_write r 1 0x10\n#@ time 5\nsetdefault t set(port:1, tag:2)") == [
        ("r", 1, 16), 5, ("default", "I.t", "set", [1, 2]),
    ]  # fmt: skip


def test_packets_are_compared_per_port_in_order() -> None:
    assert not failures("packet 0 01\npacket 3 02\nexpect 4 02ee $\nexpect 1\n")
    assert not failures("packet 0 01\nexpect 1 01\n"), "without $ more may follow"
    assert not failures("packet 0 00\n"), "dropped"


def test_what_differs_is_shown_where() -> None:
    (shorter,) = failures("packet 0 01\nexpect 1 01 $\n")
    assert shorter.startswith("t.stf:2: packet from port 1 (sent in line 1) differs") and "bytes 1" in shorter
    (wrong,) = failures("packet 0 0102\nexpect 1 *1 03 ee $\n")
    assert "bytes 1" in wrong and wrong.endswith(" " * 20 + "^")
    (longer,) = failures("packet 0 01\nexpect 1 01 ee 00\n")
    assert "bytes 2" in longer


def test_missing_and_unexpected_packets() -> None:
    assert failures("packet 0 01\n") == ["t.stf:1: a packet came from port 1 that was not expected:\n  01ee"]
    assert failures("packet 0 00\nexpect 1\nexpect cpu\n") == [
        "t.stf:2: no packet came from port 1",
        "t.stf:3: no packet came from port cpu",
    ]


def test_registers_and_counters() -> None:
    assert not failures(
        "#@ expect_register r 4 5\ncheck_counter c(1) packets == 2\ncheck_counter c(1) bytes > 99"
    )
    assert failures("#@ expect_register r 4 6\ncheck_counter c(1) == 3") == [
        "t.stf:1: r[4] is 0x5, expected 0x6",
        "t.stf:2: counter c(1) has 2 packets, expected packets == 3",
    ]
    shown: list[str] = []
    run(parse("register_read r 9", "t.stf"), Recorder(), PROGRAM, shown.append)
    assert shown == ["t.stf:1: r[9] = 0xa"]
