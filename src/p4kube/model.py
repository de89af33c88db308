"""What the load balancer serves, as plain values: the language between Kubernetes and the data plane.

Nothing here does I/O. `p4kube.controller` derives these values from the Kubernetes API;
`p4kube.plan` turns them into register writes for one switch.
"""

from __future__ import annotations

import enum
from ipaddress import IPv4Address

import msgspec


class Protocol(enum.IntEnum):
    """Transport protocols that the data plane balances, by IANA protocol number."""

    TCP = 6
    UDP = 17


class ServiceKey(msgspec.Struct, frozen=True, order=True):
    """Namespace and name of a Kubernetes Service."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class NodeShare(msgspec.Struct, frozen=True, order=True):
    """One worker node's part in a service port.

    `ready` is the number of ready endpoints on the node: its weight for new connections.
    `draining` is the number of endpoints there that still serve but terminate: with `ready == 0` the
    node gets no new connection and keeps the old ones.
    """

    address: IPv4Address
    ready: int
    draining: int = 0


class ServicePort(msgspec.Struct, frozen=True):
    """One (VIP, port, protocol) that the switch serves, and the nodes behind it.

    In node mode a request goes to `node_port` on the chosen node; `shares` holds every node that has a
    ready or a terminating endpoint for this port, sorted by address, each node once.
    """

    vip: IPv4Address
    port: int
    protocol: Protocol
    node_port: int
    shares: tuple[NodeShare, ...]
