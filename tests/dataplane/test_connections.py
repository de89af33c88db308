"""Whatever scales, drains and comes back: a connection keeps its node while the node serves it.

The P4 program itself is played through (on the simulator), with the planner's writes between the packets.
"""

from __future__ import annotations

import random
from ipaddress import IPv4Address

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from p4kube.model import NodeShare, Protocol, ServicePort
from p4kube.plan import Planner
from p4kube.wire import contract
from p4kube.wire.cells import Frontend
from p4kube.wire.flow import FlowSecret, slot_index
from p4xdp.device import KeySet
from p4xdp.ir.nodes import Program
from p4xdp.targets.sim import SimDevice
from tests.dataplane import topology as net

TICK = 1 << contract.FLOW_TICK.low
VIP = IPv4Address(net.VIP)


class Traffic:
    """A client with many connections to one service port, and the switch between it and the nodes."""

    def __init__(self, program: Program, protocol: Protocol, seed: int) -> None:
        self.draw = random.Random(seed)
        self.device = SimDevice(program)
        self.planner = Planner()
        self.protocol = protocol
        self.connections: dict[int, str] = {}
        self.next_port = 1024
        self.microseconds = 0
        own = net.mac_number(net.CLIENT.switch_mac)
        self.device.table_add("ports", [KeySet("exact", net.CLIENT.port)], "set_own_mac", [own])
        for i, host in enumerate(net.NODES, start=1):
            address = KeySet("mask", int(IPv4Address(host.ip)), 0xFFFFFFFF)
            self.device.table_add("routes", [address], "via", [i])
            self.device.table_add("next_hops", [KeySet("exact", i)], "forward", [host.port, 1, 2])
        self.secret = FlowSecret(*(self.draw.getrandbits(60) for _ in range(4)))
        words = [getattr(self.secret, name) for name in FlowSecret.__struct_fields__]
        self.device.table_set_default("flow_secret", "set_secret", words)

    def send(self, port: int, flags: str) -> str | None:
        make = net.tcp if self.protocol is Protocol.TCP else net.udp
        options = {"flags": flags} if self.protocol is Protocol.TCP else {}
        packet = net.sent(net.CLIENT, make(net.CLIENT.ip, port, net.VIP, 80, **options))  # type: ignore[operator]
        outputs = self.device.send(net.CLIENT.port, packet)
        if not outputs:
            return None
        ip = Ether(outputs[0].data)[IP]
        assert ip[TCP if self.protocol is Protocol.TCP else UDP].dport == 30080
        return str(ip.dst)

    def scale(self, weights: dict[str, int]) -> None:
        """Nodes that lose all their ready endpoints drain for as long as a connection is open to them."""
        used = set(self.connections.values())
        shares = [NodeShare(IPv4Address(a), w, int(a in used and not w)) for a, w in weights.items()]
        port = ServicePort(VIP, 80, self.protocol, 30080, tuple(sorted(shares)))
        for write in self.planner.serve(port):
            self.device.register_write(write.cell.register.name.lower(), write.cell.index, write.value)

    def owner(self, port: int) -> str:
        """Whom the flow's slot belongs to now."""
        entry = self.planner.entries[Frontend(VIP, 80, self.protocol)]
        record = entry.record
        i = slot_index(IPv4Address(net.CLIENT.ip), port, record.service_id, record.log2, self.secret)
        return next(str(a) for a, node in self.planner.nodes.items() if node == entry.slots[i].current)

    def settle(self) -> None:
        frontend = Frontend(VIP, 80, self.protocol)
        size = len(self.planner.entries[frontend].slots)
        for write in self.planner.settle(frontend, range(size)):
            self.device.register_write(write.cell.register.name.lower(), write.cell.index, write.value)

    def open(self, weights: dict[str, int]) -> None:
        self.next_port += 1
        node = self.send(self.next_port, "S")
        assert node is not None and weights[node] > 0, "a new connection went to a node that takes none"
        self.connections[self.next_port] = node

    def use(self, port: int) -> None:
        assert self.send(port, "A") == self.connections[port], (
            f"the connection of port {port} changed its node"
        )

    def close(self, port: int) -> None:
        self.send(port, "FA")
        del self.connections[port]

    def wait(self, ticks: int) -> None:
        self.microseconds += ticks * TICK
        self.device.set_time(self.microseconds)


def some_weights(draw: random.Random) -> dict[str, int]:
    weights = {host.ip: draw.choice([0, 0, 1, 1, 2, 4]) for host in net.NODES}
    return weights if any(weights.values()) else some_weights(draw)


@pytest.mark.parametrize("protocol", list(Protocol), ids=lambda p: p.name)
@pytest.mark.parametrize("seed", range(6))
def test_connections_keep_their_node(p4kube_program: Program, protocol: Protocol, seed: int) -> None:
    traffic = Traffic(p4kube_program, protocol, seed)
    weights = some_weights(traffic.draw)
    traffic.scale(weights)
    for _ in range(60):
        for _ in range(traffic.draw.randrange(8)):
            traffic.open(weights)
        for port in traffic.draw.sample(sorted(traffic.connections), min(10, len(traffic.connections))):
            traffic.use(port)
        for port in traffic.draw.sample(sorted(traffic.connections), min(2, len(traffic.connections))):
            traffic.close(port)
        kind = traffic.draw.random()
        if kind < 0.5:
            weights = some_weights(traffic.draw)
            traffic.scale(weights)
        elif kind < 0.6:
            # A transition ends only after every connection has been heard of.
            for port in sorted(traffic.connections):
                traffic.use(port)
            traffic.settle()
        elif kind < 0.8:
            for port in sorted(traffic.connections):
                traffic.use(port)
            traffic.wait(contract.FLOW_UDP_TICKS - 1)
    assert len(traffic.connections) > 20


def test_a_full_flow_table_breaks_no_connection(p4kube_program: Program) -> None:
    traffic = Traffic(p4kube_program, Protocol.TCP, 1)
    first, second = net.NODES[0].ip, net.NODES[1].ip
    traffic.scale({first: 1, second: 0})
    for _ in range(50):
        traffic.open({first: 1})
    # Every cell of the flow table is taken by flows that are alive.
    live = 1 << 10 | contract.FLOW_TCP_TICKS
    for cell in range(contract.FLOW_CELLS):
        traffic.device.register_write("flows0", cell, live)
        traffic.device.register_write("flows1", cell, live)
    traffic.scale({first: 0, second: 1})
    for port in list(traffic.connections):
        traffic.use(port)
    # New connections cannot be recorded: they go where unknown flows go, and stay there.
    for port in range(40000, 40020):
        assert traffic.send(port, "S") == first
        assert traffic.send(port, "A") == first
    assert traffic.device.counter_read("events", contract.EVENT_FLOW_TABLE_FULL)[0] > 0


def test_a_udp_flow_is_new_again_once_it_was_idle(p4kube_program: Program) -> None:
    traffic = Traffic(p4kube_program, Protocol.UDP, 1)
    first, second = net.NODES[0].ip, net.NODES[1].ip
    traffic.scale({first: 1, second: 0})
    for _ in range(40):
        traffic.open({first: 1})
    traffic.scale({first: 1, second: 1})
    for port in traffic.connections:
        traffic.use(port)
    assert {traffic.owner(port) for port in traffic.connections} == {first, second}
    traffic.wait(contract.FLOW_UDP_TICKS + 1)
    for port in traffic.connections:
        assert traffic.send(port, "") == traffic.owner(port)
