"""The commands of an STF file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from p4xdp.device import CPU_PORT


@dataclass(frozen=True, slots=True)
class Line:
    """Where a command stands."""

    path: str
    number: int

    def __str__(self) -> str:
        return f"{self.path}:{self.number}"


class StfError(Exception):
    """A line that cannot be read or carried out; says which, and what would do."""

    def __init__(self, line: Line, message: str) -> None:
        super().__init__(f"{line}: error: {message}")


@dataclass(frozen=True, slots=True)
class Match:
    """A key's value as written: with a mask, a prefix length, a range's upper end, or `*` (any)."""

    kind: Literal["value", "mask", "prefix", "range", "any"]
    value: int = 0
    other: int = 0


@dataclass(frozen=True, slots=True)
class Invocation:
    action: str
    arguments: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Add:
    line: Line
    table: str
    priority: int
    matches: tuple[tuple[str, Match], ...]
    call: Invocation


@dataclass(frozen=True, slots=True)
class SetDefault:
    line: Line
    table: str
    call: Invocation


@dataclass(frozen=True, slots=True)
class Remove:
    """`remove all` (table None) or the entry of `table` with these keys."""

    line: Line
    table: str | None
    matches: tuple[tuple[str, Match], ...] = ()


@dataclass(frozen=True, slots=True)
class Packet:
    line: Line
    port: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Expect:
    """`pattern` is lower-case hex with `*`; None: any packet. Not `exact`: more bytes may follow."""

    line: Line
    port: int
    pattern: str | None
    exact: bool


@dataclass(frozen=True, slots=True)
class CheckCounter:
    line: Line
    counter: str
    index: int
    kind: Literal["packets", "bytes"]
    relation: str
    value: int


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    line: Line
    register: str
    index: int
    value: int


@dataclass(frozen=True, slots=True)
class RegisterRead:
    """Only shown, unless `expected` says what it must be."""

    line: Line
    register: str
    index: int
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class SetTime:
    line: Line
    microseconds: int


Command: TypeAlias = (
    Add | SetDefault | Remove | Packet | Expect | CheckCounter | RegisterWrite | RegisterRead | SetTime
)

ACTION = re.compile(r"(?P<name>[\w.$]+)\s*\((?P<arguments>[^()]*)\)\s*(?:=\s*[\w$]+\s*)?$")
COUNTER = re.compile(
    r"(?P<name>[\w.$]+)\s*\(\s*(?P<index>\w+)\s*\)"
    r"(?:\s+(?:(?P<kind>packets|bytes)\s*)?(?P<relation>==|!=|<=|>=|<|>)\s*(?P<value>\w+))?$"
)


def parse(text: str, path: str) -> list[Command]:
    """The commands in `text`, the contents of the file `path`. Raises StfError."""
    return list(_commands(text, path))


def _commands(text: str, path: str) -> Iterator[Command]:
    for number, raw in enumerate(text.splitlines(), start=1):
        content = raw.strip()
        content = content[2:].strip() if content.startswith("#@") else content.split("#", 1)[0].strip()
        if not content:
            continue
        line = Line(path, number)
        word, _, rest = content.partition(" ")
        reader = READERS.get(word.lower())
        if reader is None:
            raise StfError(line, f"{word!r} is not an STF command; known are {', '.join(sorted(READERS))}")
        command = reader(line, rest.strip())
        if command is not None:
            yield command


# --------------------------------------------------------------------------- parts


def number(line: Line, text: str) -> int:
    try:
        return int(text, 0) if not text.isdecimal() else int(text)
    except ValueError:
        raise StfError(line, f"{text!r} is not a number: decimal, 0x… or 0b… is expected") from None


def port(line: Line, text: str) -> int:
    return CPU_PORT if text.lower() == "cpu" else number(line, text)


def match(line: Line, text: str) -> Match:
    """`5`, `0x0a000000/8`, `0x0a**`, `0b1*`, `1 &&& 3`, `1..5`, `1->5`, `*`."""
    if text in ("*", "_"):
        return Match("any")
    for separator, kind in (("&&&", "mask"), ("/", "prefix"), ("..", "range"), ("->", "range")):
        if separator in text:
            value, _, other = text.partition(separator)
            return Match(kind, number(line, value), number(line, other))  # type: ignore[arg-type]
    if "*" in text:
        base, all_ones = (16, "f") if text.lower().startswith("0x") else (2, "1")
        digits = text[2:]
        value_text = digits.replace("*", "0")
        mask_text = "".join("0" if d == "*" else all_ones for d in digits)
        try:
            return Match("mask", int(value_text, base), int(mask_text, base))
        except ValueError:
            raise StfError(line, f"{text!r}: `*` may stand only in 0x… and 0b… numbers") from None
    return Match("value", number(line, text))


def _matches(line: Line, text: str) -> tuple[tuple[str, Match], ...]:
    tight = re.sub(r"\s*(:|/|&&&|\.\.|->)\s*", r"\1", text.strip())
    found = []
    for word in tight.split():
        key, separator, value = word.rpartition(":")
        if not separator:
            raise StfError(line, f"{word!r}: a key is written name:value")
        found.append((key, match(line, value)))
    return tuple(found)


def _invocation(line: Line, text: str) -> tuple[str, Invocation]:
    """What stands before the action, and the action."""
    found = ACTION.search(text)
    if found is None:
        raise StfError(
            line, "an action with its data in parentheses is expected at the end, as in via(port:1)"
        )
    arguments = []
    for argument in filter(None, (a.strip() for a in found["arguments"].split(","))):
        name, separator, value = argument.partition(":")
        if not separator:
            raise StfError(line, f"{argument!r}: action data are written name:value")
        arguments.append((name.strip(), number(line, value.strip())))
    return text[: found.start()].strip(), Invocation(found["name"], tuple(arguments))


def _words(line: Line, text: str, count: int, usage: str) -> list[str]:
    words = text.split()
    if len(words) != count:
        raise StfError(line, f"{usage} is expected")
    return words


# --------------------------------------------------------------------------- commands


def _add(line: Line, text: str) -> Command:
    before, call = _invocation(line, text)
    table, _, rest = before.partition(" ")
    priority = 0
    first, _, after = rest.strip().partition(" ")
    if first and ":" not in first and not after.strip().startswith(":"):
        priority, rest = number(line, first), after
    return Add(line, table, priority, _matches(line, rest), call)


def _set_default(line: Line, text: str) -> Command:
    table, call = _invocation(line, text)
    return SetDefault(line, table, call)


def _remove(line: Line, text: str) -> Command:
    if text.lower() == "all":
        return Remove(line, None)
    table, _, rest = text.partition(" ")
    return Remove(line, table, _matches(line, rest))


def _packet(line: Line, text: str) -> Command:
    where, _, data = text.partition(" ")
    try:
        return Packet(line, port(line, where), bytes.fromhex("".join(data.split())))
    except ValueError:
        raise StfError(line, "the packet must be whole bytes in hex") from None


def _expect(line: Line, text: str) -> Command:
    where, _, data = text.partition(" ")
    pattern = "".join(data.split()).lower()
    exact = pattern.endswith("$")
    pattern = pattern.rstrip("$")
    if re.search(r"[^0-9a-f*]", pattern) or len(pattern) % 2:
        raise StfError(line, "the expected packet must be whole bytes in hex, `*` for any nibble")
    return Expect(line, port(line, where), pattern or None, exact)


def _check_counter(line: Line, text: str) -> Command | None:
    found = COUNTER.match(text)
    if found is None:
        raise StfError(line, "check_counter NAME(INDEX) [packets|bytes] == NUMBER is expected")
    if found["relation"] is None:
        return None
    kind: Literal["packets", "bytes"] = "bytes" if found["kind"] == "bytes" else "packets"
    index, value = number(line, found["index"]), number(line, found["value"])
    return CheckCounter(line, found["name"], index, kind, found["relation"], value)


def _register_write(line: Line, text: str) -> Command:
    name, index, value = _words(line, text, 3, "register_write REGISTER INDEX VALUE")
    return RegisterWrite(line, name, number(line, index), number(line, value))


def _register_read(line: Line, text: str) -> Command:
    name, index = _words(line, text, 2, "register_read REGISTER INDEX")
    return RegisterRead(line, name, number(line, index))


def _expect_register(line: Line, text: str) -> Command:
    name, index, value = _words(line, text, 3, "expect_register REGISTER INDEX VALUE")
    return RegisterRead(line, name, number(line, index), number(line, value))


def _time(line: Line, text: str) -> Command:
    (value,) = _words(line, text, 1, "time MICROSECONDS")
    return SetTime(line, number(line, value))


def _nothing(line: Line, text: str) -> None:
    """wait, no_packet: a device answers at once, and packets not expected are failures anyway."""


READERS: dict[str, Callable[[Line, str], Command | None]] = {
    "add": _add,
    "setdefault": _set_default,
    "remove": _remove,
    "packet": _packet,
    "expect": _expect,
    "check_counter": _check_counter,
    "register_write": _register_write,
    "register_read": _register_read,
    "expect_register": _expect_register,
    "time": _time,
    "wait": _nothing,
    "no_packet": _nothing,
}
