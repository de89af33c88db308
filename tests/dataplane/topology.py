"""The little network that every data plane scenario plays in, and packets of its hosts.

Packets are made by scapy with checksums computed from scratch, so what the data plane computes
incrementally is compared with something else than itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from p4kube.wire.flow import FlowSecret
from p4kube.wire.message import Message, encode

CPU = 510


@dataclass(frozen=True)
class Host:
    """`port` is the switch's port towards it, `switch_mac` the switch's own address there."""

    ip: str
    mac: str
    port: int

    @property
    def switch_mac(self) -> str:
        return f"02:00:00:00:ff:{self.port:02x}"


CLIENT = Host("198.51.100.7", "02:00:00:00:00:01", 1)
CONTROLLER = Host("192.0.2.9", "02:00:00:00:00:02", 2)
NODES = [Host(f"10.0.{i}.2", f"02:00:00:00:00:{i + 16:02x}", 2 + i) for i in range(1, 5)]
VIP = "203.0.113.10"
SWITCH_IP = "192.0.2.1"
KEY_ID = 7
KEY = bytes(range(16))
BOOT_ID = 0x1122334455667788
SECRET = FlowSecret(0x123456789ABCDE, 0xFEDCBA987654321, 0x0F1E2D3C4B5A697, 0x314159265358979)


def setup_lines() -> list[str]:
    """The local tables, as the agent would fill them."""
    lines = [
        f"setdefault identity set_boot_id(id:{BOOT_ID:#x})",
        f"add update_addresses hdr.ipv4.destination:{_number(SWITCH_IP):#010x} NoAction()",
    ]
    k0, k1 = (int.from_bytes(KEY[i : i + 8], "little") for i in (0, 8))
    lines.append(f"add update_keys hdr.update.key_id:{KEY_ID:#04x} set_key(k0:{k0:#x}, k1:{k1:#x})")
    s = SECRET
    lines.append(
        f"setdefault flow_secret set_secret(addend0:{s.addend0:#x}, multiplier0:{s.multiplier0:#x}, "
        f"addend1:{s.addend1:#x}, multiplier1:{s.multiplier1:#x})"
    )
    lines.append(f"add routes hdr.ipv4.destination:{_number(SWITCH_IP):#010x}/32 to_cpu()")
    for i, host in enumerate([CLIENT, CONTROLLER, *NODES], start=1):
        own_mac = f"0x{host.switch_mac.replace(':', '')}"
        lines.append(f"add ports sm.ingress_port:{host.port:#05x} set_own_mac(address:{own_mac})")
        lines.append(f"add routes hdr.ipv4.destination:{_number(host.ip):#010x}/32 via(next_hop:{i})")
        lines.append(
            f"add next_hops meta.next_hop:{i:#06x} forward(port:{host.port}, "
            f"source:{own_mac}, destination:0x{host.mac.replace(':', '')})"
        )
    return lines


def _number(address: str) -> int:
    return int(IPv4Address(address))


def mac_number(mac: str) -> int:
    return int(mac.replace(":", ""), 16)


def sent(host: Host, packet: Packet) -> bytes:
    """As `host` puts it on its link to the switch."""
    return bytes(Ether(src=host.mac, dst=host.switch_mac) / packet)


def delivered(host: Host, packet: Packet) -> bytes:
    """As the switch puts it on its link to `host`."""
    return bytes(Ether(src=host.switch_mac, dst=host.mac) / packet)


def tcp(
    source: str, sport: int, target: str, dport: int, *, flags: str = "A", ttl: int = 64, data: bytes = b"hi"
) -> Packet:
    packet = IP(src=source, dst=target, ttl=ttl, id=7) / TCP(sport=sport, dport=dport, flags=flags, seq=1000)
    return packet / Raw(data) if data else packet


def udp(
    source: str,
    sport: int,
    target: str,
    dport: int,
    *,
    ttl: int = 64,
    data: bytes = b"hi",
    checksum: bool = True,
) -> Packet:
    header = UDP(sport=sport, dport=dport) if checksum else UDP(sport=sport, dport=dport, chksum=0)
    return IP(src=source, dst=target, ttl=ttl, id=7) / header / Raw(data)


def update(message: Message, *, key: bytes = KEY) -> bytes:
    """A request as the controller's host sends it."""
    return raw_update(encode(message, key))


def raw_update(payload: bytes) -> bytes:
    return sent(CONTROLLER, udp(CONTROLLER.ip, 40000, SWITCH_IP, 7777, data=payload))


def answer(message: Message, *, key: bytes = KEY) -> bytes:
    """The switch's answer as it leaves through the controller's port."""
    return delivered(
        CONTROLLER, udp(SWITCH_IP, 7777, CONTROLLER.ip, 40000, data=encode(message, key), checksum=False)
    )
