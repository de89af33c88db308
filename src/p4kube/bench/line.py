"""Client, switch and node in a line, in network namespaces of their own; twice, to compare two switches.

Links are veth pairs with frames of at most one MTU and finished checksums on both hosts, like wires.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import IPv4Address

import msgspec

from p4kube.lab import fabric, netns, process

PREFIX = "p4kb-"
UPDATE_ADDRESS = IPv4Address("10.88.0.1")
VIP = IPv4Address("10.88.3.1")
_UPLINK = "up0"
_FORWARDS = {"net.ipv4.ip_forward": "1"}


class Host(msgspec.Struct, frozen=True):
    """One end of a link: its namespace, its address, and the switch's port towards it."""

    namespace: str
    address: IPv4Address
    port: str
    switch_address: IPv4Address


class Line(msgspec.Struct, frozen=True):
    """One line, told from others by its name."""

    name: str

    @property
    def switch(self) -> str:
        return f"{PREFIX}{self.name}-switch"

    @property
    def client(self) -> Host:
        return self._host("client", 1)

    @property
    def node(self) -> Host:
        return self._host("node", 2)

    def _host(self, role: str, number: int) -> Host:
        network = int(IPv4Address("10.88.0.0")) + 256 * number
        ends = (IPv4Address(network + 2), IPv4Address(network + 1))
        return Host(f"{PREFIX}{self.name}-{role}", ends[0], f"p{number}", ends[1])


@contextlib.contextmanager
def standing(line: Line) -> Iterator[None]:
    """The line exists while the block runs; what a crash left of it is removed first. Raises LabError."""
    _remove(line)
    try:
        _build(line)
        yield
    finally:
        _remove(line)


def _build(line: Line) -> None:
    hosts = (line.client, line.node)
    for namespace in (line.switch, *(host.namespace for host in hosts)):
        netns.create(namespace)
    netns.sysctl(line.switch, _FORWARDS)
    commands = [f"address add {UPDATE_ADDRESS}/32 dev lo", f"route add unreachable {VIP}/32"]
    for host in hosts:
        commands += [
            f"link add {host.port} type veth peer name {_UPLINK} netns {host.namespace}",
            f"address add {host.switch_address}/24 dev {host.port}",
            f"link set {host.port} up",
        ]
    netns.ip_batch(line.switch, commands)
    for host in hosts:
        netns.ip_batch(
            host.namespace,
            [
                f"address add {host.address}/24 dev {_UPLINK}",
                f"link set {_UPLINK} up",
                f"route add default via {host.switch_address}",
            ],
        )
        fabric.as_wire(host.namespace, _UPLINK)


def _remove(line: Line) -> None:
    namespaces = [line.client.namespace, line.node.namespace, line.switch]
    process.kill_inhabitants([name for name in namespaces if netns.exists(name)])
    for namespace in namespaces:
        netns.destroy(namespace)
