"""Writes p4/tests/*.stf and p4/bench/*. Usage: python -m tests.dataplane.make_stf p4"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from p4kube.model import NodeShare, Protocol, ServicePort
from p4kube.plan import Planner
from p4kube.wire import contract
from p4kube.wire.cells import Frontend, Slot
from p4kube.wire.flow import slot_index
from p4kube.wire.message import Cell, Operation, Register, Status, Write, encode
from tests.dataplane import topology as net
from tests.dataplane.scenario import Scenario

VIP = IPv4Address(net.VIP)
N1, N2, N3, N4 = net.NODES
CLIENT = net.CLIENT


class Services:
    """A planner, and what it says about flows."""

    def __init__(self, scenario: Scenario) -> None:
        self.planner = Planner()
        self.scenario = scenario

    def serve(self, weights: dict[net.Host, int], *, port: int = 80, node_port: int = 30080,
              protocol: Protocol = Protocol.TCP, vip: IPv4Address = VIP) -> None:  # fmt: skip
        """Negative weight: draining."""
        shares = tuple(
            NodeShare(IPv4Address(h.ip), max(w, 0), max(-w, 0))
            for h, w in sorted(weights.items(), key=lambda item: IPv4Address(item[0].ip))
        )
        self.scenario.write(self.planner.serve(ServicePort(vip, port, protocol, node_port, shares)))

    def slot_of(self, client_port: int, port: int = 80, protocol: Protocol = Protocol.TCP) -> Slot:
        entry = self.planner.entries[Frontend(VIP, port, protocol)]
        record = entry.record
        i = slot_index(IPv4Address(CLIENT.ip), client_port, record.service_id, record.log2, net.SECRET)
        return entry.slots[i]

    def host(self, node: int) -> net.Host:
        address = next(a for a, i in self.planner.nodes.items() if i == node)
        return next(h for h in net.NODES if h.ip == str(address))

    def owner_of(self, client_port: int, port: int = 80, protocol: Protocol = Protocol.TCP) -> net.Host:
        return self.host(self.slot_of(client_port, port, protocol).current)


def request(
    s: Scenario, sport: int, node: net.Host, *, flags: str = "A", vport: int = 80, nport: int = 30080
) -> None:
    """A TCP packet from the client to the VIP reaches `node`."""
    s.passes(
        CLIENT, net.tcp(CLIENT.ip, sport, net.VIP, vport, flags=flags),
        node, net.tcp(CLIENT.ip, sport, node.ip, nport, flags=flags, ttl=63),
    )  # fmt: skip


def reply(
    s: Scenario, sport: int, node: net.Host, *, flags: str = "A", vport: int = 80, nport: int = 30080
) -> None:
    """A TCP packet from `node`'s node port reaches the client as the VIP's."""
    s.passes(
        node, net.tcp(node.ip, nport, CLIENT.ip, sport, flags=flags),
        CLIENT, net.tcp(net.VIP, vport, CLIENT.ip, sport, flags=flags, ttl=63),
    )  # fmt: skip


def forwarding() -> Scenario:
    s = Scenario("What is not the load balancer's: forwarded, or left to the kernel.")
    s.comment("IPv4 from host to host: hop taken, TTL and checksum follow.")
    s.passes(CLIENT, net.tcp(CLIENT.ip, 5000, N1.ip, 22), N1, net.tcp(CLIENT.ip, 5000, N1.ip, 22, ttl=63))
    s.passes(N2, net.udp(N2.ip, 53, CLIENT.ip, 6000), CLIENT, net.udp(N2.ip, 53, CLIENT.ip, 6000, ttl=63))
    ping = IP(src=CLIENT.ip, dst=N1.ip, ttl=9, id=7) / ICMP()
    s.passes(CLIENT, ping, N1, IP(src=CLIENT.ip, dst=N1.ip, ttl=8, id=7) / ICMP())
    s.comment("A fragment and a header with options have no ports here; they are routed.")
    fragment = IP(src=CLIENT.ip, dst=N1.ip, id=7, frag=100, proto=17) / Raw(b"x" * 16)
    routed = IP(src=CLIENT.ip, dst=N1.ip, id=7, frag=100, proto=17, ttl=63) / Raw(b"x" * 16)
    s.passes(CLIENT, fragment, N1, routed)
    options = IP(src=CLIENT.ip, dst=N1.ip, id=7, options=[("NOP")] * 4) / TCP(dport=80)
    s.passes(
        CLIENT, options, N1, IP(src=CLIENT.ip, dst=N1.ip, id=7, ttl=63, options=[("NOP")] * 4) / TCP(dport=80)
    )
    s.comment("Left to the kernel: ARP, IPv6, unknown networks, own addresses, expired hops.")
    arp = bytes(Ether(src=CLIENT.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=CLIENT.ip))
    s.packet(CLIENT.port, arp)
    s.expect(net.CPU, arp)
    s.to_kernel(CLIENT, net.tcp(CLIENT.ip, 5000, "8.8.8.8", 53))
    s.to_kernel(CLIENT, net.tcp(CLIENT.ip, 5000, net.SWITCH_IP, 22))
    s.to_kernel(CLIENT, net.tcp(CLIENT.ip, 5000, N1.ip, 22, ttl=1))
    s.to_kernel(CLIENT, net.udp(CLIENT.ip, 5000, net.VIP, 80, ttl=1))
    s.counted(contract.EVENT_TTL_EXPIRED, 2)
    s.comment("A frame for somebody else on the same wire, even if it is for a VIP or an update.")
    for packet in (net.tcp(CLIENT.ip, 5000, N1.ip, 22), net.udp(CLIENT.ip, 1, net.SWITCH_IP, 7777)):
        foreign = bytes(Ether(src=CLIENT.mac, dst="02:00:00:00:ee:01") / packet)
        s.packet(CLIENT.port, foreign)
        s.expect(net.CPU, foreign)
    s.comment("The update port of somebody else's address is an ordinary port.")
    s.passes(CLIENT, net.udp(CLIENT.ip, 1, N1.ip, 7777), N1, net.udp(CLIENT.ip, 1, N1.ip, 7777, ttl=63))
    long = b"P" * 232
    s.passes(
        CLIENT,
        net.udp(CLIENT.ip, 1, N1.ip, 7777, data=long),
        N1,
        net.udp(CLIENT.ip, 1, N1.ip, 7777, ttl=63, data=long),
    )
    s.comment("Cut short in the middle of a header: what is whole is looked at, nothing is lost.")
    short = net.sent(CLIENT, net.tcp(CLIENT.ip, 5000, N1.ip, 22))
    s.packet(CLIENT.port, short[:20])
    s.expect(net.CPU, short[:20])
    return s


def services() -> Scenario:
    s = Scenario("Requests to a VIP reach a node, replies come from the VIP.")
    s.hello()
    all_services = Services(s)
    all_services.serve({N1: 1})
    s.comment("TCP there and back, every flag alike.")
    for flags in ("S", "A", "PA", "FA", "R"):
        request(s, 41000, N1, flags=flags)
    reply(s, 41000, N1, flags="SA")
    reply(s, 41000, N1, flags="FA")
    s.comment("Another port of the VIP is not served; the VIP has no route of its own.")
    s.to_kernel(CLIENT, net.tcp(CLIENT.ip, 41000, net.VIP, 81))
    s.to_kernel(CLIENT, net.udp(CLIENT.ip, 41000, net.VIP, 80))
    s.comment("UDP on the same port is a service of its own. A checksum of zero stays zero.")
    all_services.serve({N2: 1}, protocol=Protocol.UDP, node_port=30053)
    for checksum in (True, False):
        s.passes(
            CLIENT, net.udp(CLIENT.ip, 42000, net.VIP, 80, checksum=checksum),
            N2, net.udp(CLIENT.ip, 42000, N2.ip, 30053, ttl=63, checksum=checksum),
        )  # fmt: skip
        s.passes(
            N2, net.udp(N2.ip, 30053, CLIENT.ip, 42000, checksum=checksum),
            CLIENT, net.udp(net.VIP, 80, CLIENT.ip, 42000, ttl=63, checksum=checksum),
        )  # fmt: skip
    s.comment("A node port's number used by somebody who is not a node is nobody's business.")
    s.passes(
        net.CONTROLLER, net.tcp(net.CONTROLLER.ip, 30080, CLIENT.ip, 1),
        CLIENT, net.tcp(net.CONTROLLER.ip, 30080, CLIENT.ip, 1, ttl=63),
    )  # fmt: skip
    s.comment("Four nodes: each flow goes to its slot's owner.")
    all_services.serve({N1: 4, N2: 2, N3: 1, N4: 0}, port=443, node_port=30443)
    for sport in range(43000, 43024):
        request(s, sport, all_services.owner_of(sport, 443), flags="S", vport=443, nport=30443)
        reply(s, sport, all_services.owner_of(sport, 443), flags="SA", vport=443, nport=30443)
    s.comment("No endpoint left: dropped and counted. Withdrawn: an ordinary address again.")
    all_services.serve({})
    s.dropped(CLIENT, net.tcp(CLIENT.ip, 41000, net.VIP, 80, flags="S"))
    s.counted(contract.EVENT_NO_BACKEND, 1)
    s.write(all_services.planner.withdraw(Frontend(VIP, 80, Protocol.TCP)))
    s.to_kernel(CLIENT, net.tcp(CLIENT.ip, 41000, net.VIP, 80, flags="S"))
    s.passes(
        N1, net.tcp(N1.ip, 30080, CLIENT.ip, 41000), CLIENT, net.tcp(N1.ip, 30080, CLIENT.ip, 41000, ttl=63)
    )
    return s


def direct() -> Scenario:
    s = Scenario("Clients that talk to a node port past the VIP get replies from the node.")
    s.hello()
    all_services = Services(s)
    all_services.serve({N1: 1})
    all_services.serve({N1: 1}, protocol=Protocol.UDP, node_port=30080)
    s.comment("Directly: nothing is rewritten, either way.")
    there, back = (CLIENT.ip, 44000, N1.ip, 30080), (N1.ip, 30080, CLIENT.ip, 44000)
    for make in (net.tcp, net.udp):
        s.passes(CLIENT, make(*there), N1, make(*there, ttl=63))
        s.passes(N1, make(*back), CLIENT, make(*back, ttl=63))
    s.comment("Another client port of the same client went through the VIP.")
    request(s, 44001, N1, flags="S")
    reply(s, 44001, N1, flags="SA")
    s.comment("A new connection through the VIP from the port of an old direct one.")
    request(s, 44000, N1, flags="S")
    reply(s, 44000, N1, flags="SA")
    s.comment("A node whose own connection has a node port's number as its source port (masquerading).")
    own, answer = (N1.ip, 30080, N2.ip, 8080), (N2.ip, 8080, N1.ip, 30080)
    for flags in ("S", "A", "PA"):
        s.passes(N1, net.tcp(*own, flags=flags), N2, net.tcp(*own, flags=flags, ttl=63))
        s.passes(N2, net.tcp(*answer, flags="A"), N1, net.tcp(*answer, flags="A", ttl=63))
    s.passes(N1, net.udp(*own), N2, net.udp(*own, ttl=63))
    s.comment("That was TCP; the UDP conversation is still direct.")
    s.passes(N1, net.udp(*back), CLIENT, net.udp(*back, ttl=63))
    return s


def transitions() -> Scenario:
    s = Scenario("Connections keep their node while slots move; new ones follow the slots.")
    s.hello()
    all_services = Services(s)
    all_services.serve({N1: 1, N2: 1})
    ports = range(45000, 45040)
    home = {p: all_services.owner_of(p) for p in ports}
    s.comment("Connections from before any change: nothing is recorded of them.")
    for p in ports:
        request(s, p, home[p], flags="S")
    s.comment("A third node joins. Old connections stay, silent ones and those that are recorded now.")
    all_services.serve({N1: 1, N2: 1, N3: 1})
    moved = [p for p in ports if all_services.owner_of(p) != home[p]]
    assert 4 <= len(moved) < len(ports)
    for p in ports:
        request(s, p, home[p])
    s.comment("New connections in moved slots go to the new owner, and stay there.")
    fresh = [p for p in range(46000, 46100) if all_services.slot_of(p).previous][:6]
    young = {p: all_services.owner_of(p) for p in fresh}
    for p in fresh:
        request(s, p, young[p], flags="S")
        request(s, p, young[p])
    s.comment("The third node drains: no new connection, the old ones stay with it.")
    all_services.serve({N1: 1, N2: 1, N3: -1})
    for p in fresh:
        request(s, p, young[p])
        reply(s, p, young[p])
    for p in ports:
        request(s, p, home[p])
    late = [p for p in range(47000, 47300) if all_services.slot_of(p).track][:6]
    for p in late:
        request(s, p, all_services.owner_of(p), flags="S")
    s.comment("A new connection from the port of an old one: a SYN is always new.")
    reused = fresh[0]
    assert all_services.owner_of(reused) != young[reused]
    request(s, reused, all_services.owner_of(reused), flags="S")
    request(s, reused, all_services.owner_of(reused))
    s.comment("The third node is gone: what was recorded for it goes to the owner (who refuses it).")
    all_services.serve({N1: 1, N2: 1})
    for p in fresh[1:]:
        request(s, p, all_services.owner_of(p))
    for p in ports:
        request(s, p, home[p])
    s.comment("UDP flows are recorded from their first packet on, and survive a move.")
    all_services.serve({N1: 1}, protocol=Protocol.UDP, node_port=30053)

    def datagram(p: int, node: net.Host) -> None:
        s.passes(
            CLIENT, net.udp(CLIENT.ip, p, net.VIP, 80), node, net.udp(CLIENT.ip, p, node.ip, 30053, ttl=63)
        )

    for p in range(48000, 48008):
        datagram(p, N1)
    all_services.serve({N1: 0, N2: 1, N3: 1, N4: -1}, protocol=Protocol.UDP, node_port=30053)
    for p in range(48000, 48008):
        datagram(p, all_services.owner_of(p, protocol=Protocol.UDP))
    all_services.serve({N2: -1, N3: -1, N4: 1}, protocol=Protocol.UDP, node_port=30053)
    for p in range(48100, 48104):
        datagram(p, N4)
    return s


def settling() -> Scenario:
    s = Scenario("Settled slots: recorded flows stay where they are, all else belongs to the owner.")
    s.hello()
    all_services = Services(s)
    all_services.serve({N1: 1})
    silent, heard = 45000, 45001
    request(s, silent, N1, flags="S")
    request(s, heard, N1, flags="S")
    s.comment("Everything moves to the second node; one connection is heard of in the transition.")
    all_services.serve({N1: -1, N2: 1})
    request(s, heard, N1)
    frontend = Frontend(VIP, 80, Protocol.TCP)
    s.write(all_services.planner.settle(frontend, range(16)))
    request(s, heard, N1)
    request(s, silent, N2)
    s.comment("Back to the first node: the second keeps what it got meanwhile.")
    request(s, 45002, N2, flags="S")
    all_services.serve({N1: 1, N2: -1})
    request(s, 45002, N2)
    request(s, 45003, N1, flags="S")
    request(s, heard, N1)
    return s


def updates() -> Scenario:
    s = Scenario("Updates: taken in order, each once, by one controller, and answered.")
    cell = Cell(Register.NODES, 5)
    other = Cell(Register.MEMBERS, 77)
    s.comment("Before any HELLO the epoch is 0.")
    s.epoch = 0
    s.exchange(
        s.request(Operation.READ, entries=((cell.register, 5, 0),)), Status.OK, ((cell.register, 5, 0),)
    )
    s.exchange(s.request(Operation.WRITE, epoch=1, sequence=1), Status.EPOCH)
    s.hello(3)
    s.comment("WRITE, READ back; unknown registers and cells beyond the end change nothing.")
    s.write([Write(cell, 0xA000102 << 32), Write(other, 0xFFFF_FFFF_FFFF_FFFF)])
    entries = ((Register.SLOTS, 0xFFFFFF, 9), (200, 1, 9), (Register.SERVICE_KEYS, 8192, 9))
    s.sequence += 1
    s.exchange(s.request(Operation.WRITE, sequence=s.sequence, entries=entries), Status.OK, entries)
    s.exchange(
        s.request(
            Operation.READ, entries=((4, 5, 0), (5, 77, 0), (3, 0xFFFFFF, 1), (200, 1, 9), (1, 8192, 1))
        ),
        Status.OK,
        (
            (4, 5, 0xA000102 << 32),
            (5, 77, 0xFFFF_FFFF_FFFF_FFFF),
            (3, 0xFFFFFF, 0),
            (200, 1, 9),
            (1, 8192, 0),
        ),
    )
    s.comment("Each register takes what is written to it, and only it.")
    for number in Register:
        s.write([Write(Cell(number, 9), 0x1000 + number)])
    s.exchange(
        s.request(Operation.READ, entries=tuple((n, 9, 0) for n in Register)),
        Status.OK,
        tuple((n, 9, 0x1000 + n) for n in Register),
    )
    s.comment("Sixteen entries at once; the same message again is answered again and applied once.")
    sixteen = tuple((Register.SLOTS, 100 + i, 0x2000 + i) for i in range(16))
    s.sequence += 1
    message = s.request(Operation.WRITE, sequence=s.sequence, entries=sixteen)
    s.exchange(message, Status.OK, sixteen)
    s.write([Write(Cell(Register.SLOTS, 100), 0x3000)])
    s.exchange(message, Status.OK, sixteen)
    s.exchange(
        s.request(Operation.READ, entries=((3, 100, 0), (3, 115, 0))),
        Status.OK,
        ((3, 100, 0x3000), (3, 115, 0x200F)),
    )
    s.comment("A gap, another boot, an older epoch, an epoch nobody announced: refused.")
    write = ((Register.NODES, 5, 1),)
    s.exchange(s.request(Operation.WRITE, sequence=s.sequence + 2, entries=write), Status.GAP, write)
    s.exchange(
        s.request(Operation.WRITE, sequence=s.sequence + 1, boot_id=1, entries=write), Status.BOOT, write
    )
    s.exchange(s.request(Operation.READ, boot_id=1, entries=write), Status.BOOT, write)
    s.exchange(
        s.request(Operation.WRITE, epoch=2, sequence=s.sequence + 1, entries=write), Status.EPOCH, write
    )
    s.exchange(s.request(Operation.WRITE, epoch=4, sequence=1, entries=write), Status.EPOCH, write)
    s.exchange(s.request(Operation.HELLO, epoch=2), Status.EPOCH)
    s.exchange(s.request(Operation.HELLO), Status.OK)
    s.exchange(s.request(Operation.READ, entries=((4, 5, 0),)), Status.OK, ((4, 5, 0xA000102 << 32),))
    s.comment("A new leader: the sequence begins again, the old leader writes no more.")
    former = s.request(Operation.WRITE, sequence=s.sequence + 1, entries=write)
    s.hello(9)
    s.exchange(former, Status.EPOCH, write)
    s.write([Write(cell, 0)])
    return s


def bad_updates() -> Scenario:
    s = Scenario("Messages that nobody may send: dropped, counted, nothing changed.")
    s.hello()
    s.write([Write(Cell(Register.NODES, 5), 77)])
    good = s.request(Operation.WRITE, sequence=2, entries=((Register.NODES, 5, 1),))
    payload = encode(good, net.KEY)

    def refused(data: bytes) -> None:
        s.packet(net.CONTROLLER.port, net.raw_update(data))

    s.comment("Forged: every part of the message is covered by the MAC.")
    for position in (9, 15, 20, 30, 33, 43, 223, 224, 231):
        refused(payload[:position] + bytes([payload[position] ^ 1]) + payload[position + 1 :])
    refused(encode(good, bytes(16)))
    s.counted(contract.EVENT_UPDATE_FORGED, 10)
    s.comment("An unknown key, version, magic, operation; an answer sent to the switch.")
    refused(encode(s.request(Operation.WRITE, key_id=8, sequence=2), net.KEY))
    s.counted(contract.EVENT_UPDATE_KEY, 1)
    refused(payload[:2] + b"\x02" + payload[3:])
    refused(b"\x50\x35" + payload[2:])
    s.counted(contract.EVENT_UPDATE_VERSION, 2)
    refused(payload[:3] + b"\x07" + payload[4:])
    refused(encode(s.request(Operation.WRITE, sequence=2, answer=True), net.KEY))
    s.counted(contract.EVENT_UPDATE_OPERATION, 2)
    s.comment("Truncated, oversized, empty; shorter than the UDP header says.")
    for data in (payload[:-1], payload + b"\0", payload[:40], b"", payload[:31], payload * 2):
        refused(data)
    whole = net.update(good)
    s.packet(net.CONTROLLER.port, whole[:-1])
    s.packet(net.CONTROLLER.port, whole[:60])
    s.comment("(40 bytes have the length of a HELLO, which this is not.)")
    s.counted(contract.EVENT_UPDATE_MALFORMED, 7)
    s.counted(contract.EVENT_UPDATE_OPERATION, 3)
    s.comment("After all that the cell is as it was, and the next message in order is taken.")
    s.exchange(s.request(Operation.READ, entries=((4, 5, 0),)), Status.OK, ((4, 5, 77),))
    s.sequence = 2
    s.exchange(good, Status.OK, good.entries)
    return s


SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "forwarding": forwarding,
    "services": services,
    "direct": direct,
    "transitions": transitions,
    "settling": settling,
    "updates": updates,
    "bad_updates": bad_updates,
}


def bench_setup() -> Scenario:
    s = Scenario("State for `p4xdp bench`: one Service on four nodes, all its slots stable.")
    s.hello()
    Services(s).serve({N1: 4, N2: 2, N3: 1})
    return s


BENCH_PACKETS = {
    "request": net.sent(CLIENT, net.tcp(CLIENT.ip, 41000, net.VIP, 80, data=b"x" * 100)),
    "reply": net.sent(N1, net.tcp(N1.ip, 30080, CLIENT.ip, 41000, data=b"x" * 100)),
    "forwarded": net.sent(CLIENT, net.tcp(CLIENT.ip, 5000, N1.ip, 22, data=b"x" * 100)),
}


def pcap(frame: bytes) -> bytes:
    """A capture file of one frame, at time 0."""
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return header + struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


def files() -> dict[str, bytes]:
    """Everything that is made from the scenarios, by path below p4/."""
    made = {f"tests/{name}.stf": make().text().encode() for name, make in SCENARIOS.items()}
    made["bench/setup.stf"] = bench_setup().text().encode()
    return made | {f"bench/{name}.pcap": pcap(frame) for name, frame in BENCH_PACKETS.items()}


def main(folder: Path) -> None:
    for name, content in files().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
