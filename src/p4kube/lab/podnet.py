"""Pod networking: an address from the node's range, a namespace, and a veth routed by the node."""

from __future__ import annotations

from ipaddress import IPv4Address

from p4kube.lab import layout, netns
from p4kube.lab.layout import Node


class AddressesExhausted(Exception):
    """The node's pod range has no free address."""


class Addresses:
    """The pod addresses of one node: host numbers 2 to 254, taken in turn so that none is reused at once."""

    def __init__(self, node: Node) -> None:
        self._range = node.pod_cidr
        self._taken: set[IPv4Address] = set()
        self._next = 2

    def take(self) -> IPv4Address:
        for _ in range(253):
            candidate = self._range[self._next]
            self._next = 2 if self._next == 254 else self._next + 1
            if candidate not in self._taken:
                self._taken.add(candidate)
                return candidate
        raise AddressesExhausted(f"all 253 pod addresses of {self._range} are in use")

    def keep(self, address: IPv4Address) -> None:
        """Mark an address as taken by a pod that ran before."""
        self._taken.add(address)

    def give_back(self, address: IPv4Address) -> None:
        self._taken.discard(address)


def connect(node: Node, namespace: str, address: IPv4Address) -> None:
    """Create a pod's namespace with its interface eth0, and the node's route to it.

    The gateway is the node's own address, which every pod's veth carries at the node's end: a pod needs no
    subnet, and the node keeps its address and these routes while its uplink is being replaced. Raises
    `LabError`; what was made stays for `disconnect`.
    """
    outside = "v" + namespace.removeprefix(layout.POD_PREFIX)
    netns.destroy(namespace)
    netns.call(["ip", "netns", "add", namespace])
    netns.ip_batch(
        node.namespace,
        [
            f"link add {outside} type veth peer name eth0 netns {namespace}",
            f"address add {node.address}/32 dev {outside}",
            f"link set {outside} up",
            f"route add {address}/32 dev {outside}",
        ],
    )
    netns.ip_batch(
        namespace,
        [
            "link set lo up",
            f"address add {address}/32 dev eth0",
            "link set eth0 up",
            f"route add {node.address}/32 dev eth0 scope link",
            f"route add default via {node.address} dev eth0 src {address}",
        ],
    )


def disconnect(namespace: str) -> None:
    """Remove a pod's namespace and, with it, its veth. Whoever still runs inside is killed by the caller."""
    netns.destroy(namespace)
