"""What stands in the cells, to and from numbers; and where it may stand.

Layout: docs/protocol.md, "Registers"; the bit ranges come from the P4 source (`p4kube.wire.contract`).
"""

from __future__ import annotations

from ipaddress import IPv4Address

import msgspec

from p4kube.model import Protocol
from p4kube.wire import contract as c
from p4kube.wire.message import Cell, Register

_WORD = (1 << 64) - 1
NO_NODE = 0


class Frontend(msgspec.Struct, frozen=True, order=True):
    """What a request is addressed to."""

    vip: IPv4Address
    port: int
    protocol: Protocol

    def __str__(self) -> str:
        return f"{self.vip}:{self.port}/{self.protocol.name}"


class ServiceRecord(msgspec.Struct, frozen=True):
    """`base` and `log2` name the slot region, `service_id` the counters and the membership row."""

    base: int
    log2: int
    service_id: int
    node_port: int


class Slot(msgspec.Struct, frozen=True):
    """Owners are node ids. `track`: the data plane looks flows up."""

    current: int
    previous: int = NO_NODE
    track: bool = False


class NodePort(msgspec.Struct, frozen=True):
    """What a reply from a node port is rewritten to."""

    vip: IPv4Address
    port: int
    service_id: int


def encode_frontend(frontend: Frontend) -> int:
    return (
        c.SERVICE_KEY_VIP.put(int(frontend.vip))
        | c.SERVICE_KEY_PORT.put(frontend.port)
        | c.SERVICE_KEY_PROTOCOL.put(frontend.protocol)
    )


def decode_frontend(cell: int) -> Frontend | None:
    """None for an empty cell. Raises ValueError if no controller of this version wrote it."""
    if not cell:
        return None
    protocol = Protocol(c.SERVICE_KEY_PROTOCOL.get(cell))
    return Frontend(IPv4Address(c.SERVICE_KEY_VIP.get(cell)), c.SERVICE_KEY_PORT.get(cell), protocol)


def _frontend_hash(frontend: Frontend) -> int:
    return encode_frontend(frontend) * c.SERVICE_HASH & _WORD


def frontend_cells(frontend: Frontend) -> tuple[int, int]:
    """The two cells of service_keys (and service_records) where the frontend may stand."""
    digest = _frontend_hash(frontend)
    half = c.SERVICE_CELLS // 2
    return c.SERVICE_WAY0.get(digest), half + c.SERVICE_WAY1.get(digest)


def encode_record(record: ServiceRecord, frontend: Frontend) -> int:
    """The record of `frontend`: it holds a part of the key's hash, as a check."""
    return (
        c.SERVICE_RECORD_BASE.put(record.base)
        | c.SERVICE_RECORD_LOG2.put(record.log2)
        | c.SERVICE_RECORD_ID.put(record.service_id)
        | c.SERVICE_RECORD_NODE_PORT.put(record.node_port)
        | c.SERVICE_RECORD_CHECK.put(c.SERVICE_CHECK.get(_frontend_hash(frontend)))
    )


def decode_record(cell: int) -> ServiceRecord:
    return ServiceRecord(
        c.SERVICE_RECORD_BASE.get(cell),
        c.SERVICE_RECORD_LOG2.get(cell),
        c.SERVICE_RECORD_ID.get(cell),
        c.SERVICE_RECORD_NODE_PORT.get(cell),
    )


def encode_slot(slot: Slot) -> int:
    return (
        c.SLOT_CURRENT.put(slot.current) | c.SLOT_PREVIOUS.put(slot.previous) | c.SLOT_TRACK.put(slot.track)
    )


def decode_slot(cell: int) -> Slot:
    return Slot(c.SLOT_CURRENT.get(cell), c.SLOT_PREVIOUS.get(cell), bool(c.SLOT_TRACK.get(cell)))


def encode_node(address: IPv4Address) -> int:
    return c.NODE_ADDRESS.put(int(address))


def decode_node(cell: int) -> IPv4Address | None:
    return IPv4Address(c.NODE_ADDRESS.get(cell)) if cell else None


def node_address_cells(address: IPv4Address) -> tuple[int, int]:
    """The two cells of node_addresses where the address may stand."""
    digest = int(address) * c.NODE_ADDRESS_HASH & _WORD
    half = c.NODE_ADDRESS_CELLS // 2
    return c.NODE_ADDRESS_WAY0.get(digest), half + c.NODE_ADDRESS_WAY1.get(digest)


def encode_node_port(target: NodePort) -> int:
    return (
        c.NODE_PORT_VIP.put(int(target.vip))
        | c.NODE_PORT_PORT.put(target.port)
        | c.NODE_PORT_ID.put(target.service_id)
        | c.NODE_PORT_VALID.put(1)
    )


def decode_node_port(cell: int) -> NodePort | None:
    if not c.NODE_PORT_VALID.get(cell):
        return None
    return NodePort(
        IPv4Address(c.NODE_PORT_VIP.get(cell)), c.NODE_PORT_PORT.get(cell), c.NODE_PORT_ID.get(cell)
    )


def node_port_cell(protocol: Protocol, port: int) -> Cell:
    return Cell(Register.NODE_PORTS, port + (65536 if protocol is Protocol.UDP else 0))


def member_cell(service_id: int, node_id: int) -> tuple[Cell, int]:
    """The word of the membership table and the bit (0..63) of this node in it."""
    word = service_id << c.MEMBER_CELL_NODE.width | c.MEMBER_CELL_NODE.get(node_id)
    return Cell(Register.MEMBERS, word), c.MEMBER_BIT_NODE.get(node_id)
