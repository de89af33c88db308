"""Ethernet frames with IPv4 and TCP or UDP in them, made and read without a library."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import msgspec

from p4kube.model import Protocol

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")
_UDP = struct.Struct("!HHHH")
_ETHERTYPE_IPV4 = 0x0800
_ACK_PUSH = 0x18


class Station(msgspec.Struct, frozen=True):
    """A host on its own link: its address, its MAC and the switch's on that link, the switch's port."""

    address: IPv4Address
    mac: int
    switch_mac: int
    port: int


class Flow(msgspec.Struct, frozen=True):
    """The five-tuple of a packet."""

    protocol: Protocol
    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int


class BadFrame(ValueError):
    """A frame that is not what was expected; says in which way."""


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071); 0 over data that contains its own."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(padded[i : i + 2], "big") for i in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def frame(sender: Station, flow: Flow, payload: bytes, ttl: int = 64) -> bytes:
    """As `sender` puts it on its link; TCP segments carry ACK and PSH, as in the middle of a connection."""
    pseudo = _pseudo_header(flow, payload)
    if flow.protocol is Protocol.TCP:
        fields = (flow.source_port, flow.destination_port, 1000, 2000, 5 << 4, _ACK_PUSH, 65535)
        transport = _TCP.pack(*fields, checksum(pseudo + _TCP.pack(*fields, 0, 0) + payload), 0)
    else:
        ports = (flow.source_port, flow.destination_port, _UDP.size + len(payload))
        transport = _UDP.pack(*ports, checksum(pseudo + _UDP.pack(*ports, 0) + payload) or 0xFFFF)
    total = _IPV4.size + len(transport) + len(payload)
    ends = (flow.source.packed, flow.destination.packed)
    head = _IPV4.pack(0x45, 0, total, 7, 0, ttl, flow.protocol, 0, *ends)
    head = _IPV4.pack(0x45, 0, total, 7, 0, ttl, flow.protocol, checksum(head), *ends)
    macs = (sender.switch_mac.to_bytes(6, "big"), sender.mac.to_bytes(6, "big"))
    return _ETHERNET.pack(*macs, _ETHERTYPE_IPV4) + head + transport + payload


def read(data: bytes) -> Flow:
    """The flow of a frame without IPv4 options. Raises BadFrame, also for a wrong checksum."""
    if len(data) < 42 or data[12:15] != b"\x08\x00\x45":
        raise BadFrame("not IPv4 without options")
    head = data[14:34]
    _, _, length, _, _, _, number, _, source, destination = _IPV4.unpack(head)
    segment = data[34 : 14 + length]
    ports = struct.unpack_from("!HH", segment)
    flow = Flow(Protocol(number), IPv4Address(source), ports[0], IPv4Address(destination), ports[1])
    if checksum(head):
        raise BadFrame(f"{flow}: wrong IPv4 checksum")
    header = _TCP.size if flow.protocol is Protocol.TCP else _UDP.size
    if checksum(_pseudo_header(flow, segment[header:]) + segment):
        raise BadFrame(f"{flow}: wrong {flow.protocol.name} checksum")
    return flow


def _pseudo_header(flow: Flow, payload: bytes) -> bytes:
    header = _TCP.size if flow.protocol is Protocol.TCP else _UDP.size
    ends = flow.source.packed + flow.destination.packed
    return ends + struct.pack("!BBH", 0, flow.protocol, header + len(payload))
