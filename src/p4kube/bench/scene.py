"""A switch in full service for measurements: tables and registers filled, packets that take each path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address

import msgspec

from p4kube.bench import frames
from p4kube.bench.frames import BadFrame, Flow, Station
from p4kube.model import NodeShare, Protocol, ServicePort
from p4kube.plan import Planner
from p4kube.wire.flow import FlowSecret
from p4kube.wire.message import Write
from p4xdp.device import OutputPacket, Tables
from p4xdp.ir.nodes import KeySet

SERVICES = 1000
VIP = IPv4Address("203.0.113.10")
PORT, NODE_PORT = 80, 30080
CLIENT_PORT = 41000
# The same each time, so that the packets go to the same node.
_SECRET = FlowSecret.from_bytes(hashlib.sha256(b"p4kube bench").digest())
_PAYLOAD = b"p" * 100


def _station(address: str, port: int) -> Station:
    return Station(IPv4Address(address), 0x020000000000 + port, 0x02000000FF00 + port, port)


CLIENT = _station("198.51.100.7", 1)
NODES = tuple(_station(f"10.0.{i}.2", 1 + i) for i in range(1, 5))
OTHER = _station("192.0.2.9", 9)


class Case(msgspec.Struct, frozen=True):
    """A packet, and the flow that it must have when it leaves towards `out` (any node if None)."""

    name: str
    sender: Station
    flow: Flow
    expected: Flow
    out: Station | None

    @property
    def frame(self) -> bytes:
        return frames.frame(self.sender, self.flow, _PAYLOAD)


def writes() -> list[Write]:
    """What a controller would have written: `SERVICES` service ports of TCP and one of UDP, all stable."""
    planner = Planner()
    return [write for port in service_ports() for write in planner.serve(port)]


def fill(tables: Tables, writes: Iterable[Write]) -> None:
    """The local tables, and the registers."""
    tables.table_set_default("flow_secret", "set_secret", msgspec.structs.astuple(_SECRET))
    for hop, station in enumerate((CLIENT, OTHER, *NODES), start=1):
        tables.table_add("ports", [KeySet("exact", station.port)], "set_own_mac", (station.switch_mac,))
        ends = (station.port, station.switch_mac, station.mac)
        tables.table_add("next_hops", [KeySet("exact", hop)], "forward", ends)
        tables.table_add("routes", [KeySet("mask", int(station.address), 0xFFFFFFFF)], "via", (hop,))
    for write in writes:
        tables.register_write(write.cell.register.name.lower(), write.cell.index, write.value)


def service_ports() -> Iterator[ServicePort]:
    """The measured service ports first, then many others."""
    shares = tuple(sorted(NodeShare(node.address, 2) for node in NODES))
    yield ServicePort(VIP, PORT, Protocol.TCP, NODE_PORT, shares)
    yield ServicePort(VIP, PORT, Protocol.UDP, NODE_PORT, shares)
    for i in range(1, SERVICES):
        vip = IPv4Address(int(IPv4Address("203.0.114.0")) + i)
        yield ServicePort(vip, PORT, Protocol.TCP, NODE_PORT + i, shares)


def cases() -> list[Case]:
    """The paths of a packet that are measured. `expected` names the first node for requests."""
    node = NODES[0]
    return [
        _request("TCP request", Protocol.TCP),
        Case(
            "TCP reply",
            node,
            Flow(Protocol.TCP, node.address, NODE_PORT, CLIENT.address, CLIENT_PORT),
            Flow(Protocol.TCP, VIP, PORT, CLIENT.address, CLIENT_PORT),
            CLIENT,
        ),
        _request("UDP request", Protocol.UDP),
        _forwarded(),
    ]


def _request(name: str, protocol: Protocol) -> Case:
    flow = Flow(protocol, CLIENT.address, CLIENT_PORT, VIP, PORT)
    expected = Flow(protocol, CLIENT.address, CLIENT_PORT, NODES[0].address, NODE_PORT)
    return Case(name, CLIENT, flow, expected, None)


def _forwarded() -> Case:
    flow = Flow(Protocol.TCP, CLIENT.address, CLIENT_PORT, OTHER.address, 443)
    return Case("forwarded only", CLIENT, flow, flow, OTHER)


def verify(case: Case, output: Sequence[OutputPacket]) -> None:
    """Is this what must come of the packet? So that we know what was measured. Raises BadFrame."""
    if len(output) != 1:
        raise BadFrame(f"{case.name}: {len(output)} packets came out, not 1")
    found = frames.read(output[0].data)
    expected, stations = case.expected, [case.out] if case.out else NODES
    if case.out is None:
        expected = msgspec.structs.replace(expected, destination=found.destination)
    if found != expected or output[0].port not in [station.port for station in stations]:
        raise BadFrame(f"{case.name}: {found} left through port {output[0].port}, not {expected}")
