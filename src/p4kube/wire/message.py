"""Update messages to and from bytes. Layout: docs/protocol.md, "Messages"."""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence

import msgspec

from p4kube.wire import contract, siphash

_HEADER = struct.Struct("!HBBBBHIIQQ")
_ENTRY = struct.Struct("!IQ")
SHORT_BYTES = _HEADER.size + siphash.MAC_BYTES
LONG_BYTES = SHORT_BYTES + contract.UPDATE_ENTRIES * _ENTRY.size
MAX_SEQUENCE = 2**32 - 1


class Operation(enum.IntEnum):
    HELLO = contract.OP_HELLO
    WRITE = contract.OP_WRITE
    READ = contract.OP_READ


class Status(enum.IntEnum):
    """What the switch says of a request; NONE stands in requests."""

    NONE = 0
    OK = contract.STATUS_OK
    EPOCH = contract.STATUS_EPOCH
    GAP = contract.STATUS_GAP
    BOOT = contract.STATUS_BOOT


class Register(enum.IntEnum):
    SERVICE_KEYS = contract.REGISTER_SERVICE_KEYS
    SERVICE_RECORDS = contract.REGISTER_SERVICE_RECORDS
    SLOTS = contract.REGISTER_SLOTS
    NODES = contract.REGISTER_NODES
    MEMBERS = contract.REGISTER_MEMBERS
    NODE_PORTS = contract.REGISTER_NODE_PORTS
    NODE_ADDRESSES = contract.REGISTER_NODE_ADDRESSES


class Cell(msgspec.Struct, frozen=True, order=True):
    """The name of a cell."""

    register: Register
    index: int


class Write(msgspec.Struct, frozen=True):
    """A cell and what goes into it."""

    cell: Cell
    value: int


class Message(msgspec.Struct, frozen=True):
    """A request or an answer; `entries` are (register, index, value), at most 16, none in HELLO."""

    operation: Operation
    key_id: int
    epoch: int
    sequence: int
    boot_id: int
    nonce: int
    entries: tuple[tuple[int, int, int], ...] = ()
    status: Status = Status.NONE
    answer: bool = False


class BadMessage(ValueError):
    """Bytes that are not an authentic message; the text says what is wrong with them."""


def encode(message: Message, key: bytes) -> bytes:
    """The UDP payload. Raises struct.error or ValueError for a value out of range or too many entries."""
    body = _HEADER.pack(
        contract.UPDATE_MAGIC,
        contract.UPDATE_VERSION,
        message.operation | (contract.OP_ANSWER if message.answer else 0),
        message.key_id,
        message.status,
        0,
        message.epoch,
        message.sequence,
        message.boot_id,
        message.nonce,
    )
    if message.operation != Operation.HELLO:
        body += _pack_entries(message.entries)
    elif message.entries:
        raise ValueError("a HELLO carries no entries")
    return body + siphash.mac(key, body)


def _pack_entries(entries: Sequence[tuple[int, int, int]]) -> bytes:
    spare = contract.UPDATE_ENTRIES - len(entries)
    if spare < 0:
        raise ValueError(f"{len(entries)} entries in a message of {contract.UPDATE_ENTRIES}")
    packed = b"".join(_ENTRY.pack(register << 24 | index, value) for register, index, value in entries)
    return packed + bytes(spare * _ENTRY.size)


def decode(data: bytes, key: bytes) -> Message:
    """Raises BadMessage for anything that is not exactly one authentic message under `key`."""
    if len(data) not in (SHORT_BYTES, LONG_BYTES):
        raise BadMessage(f"{len(data)} bytes; a message has {SHORT_BYTES} or {LONG_BYTES}")
    body, tag = data[: -siphash.MAC_BYTES], data[-siphash.MAC_BYTES :]
    if not siphash.verify(key, body, tag):
        raise BadMessage("wrong MAC")
    magic, version, operation, key_id, status, _, epoch, sequence, boot_id, nonce = _HEADER.unpack_from(body)
    if (magic, version) != (contract.UPDATE_MAGIC, contract.UPDATE_VERSION):
        raise BadMessage(f"magic {magic:#06x}, version {version}")
    try:
        kind, state = Operation(operation & ~contract.OP_ANSWER), Status(status)
    except ValueError as error:
        raise BadMessage(str(error)) from None
    entries = tuple(
        (word >> 24, word & 0xFFFFFF, value)
        for word, value in _ENTRY.iter_unpack(body[_HEADER.size :])
        if word >> 24 != contract.REGISTER_NONE
    )
    answer = bool(operation & contract.OP_ANSWER)
    return Message(kind, key_id, epoch, sequence, boot_id, nonce, entries, state, answer)
