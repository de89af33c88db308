"""The lab's picture as values: which namespaces exist, which links join them, which addresses they carry.

Everything is a function of the number of nodes; nothing here does I/O. The address plan:

=====================  =============================================================================
10.77.0.1/32           the switch's own address, to which update packets are sent
10.77.1.0/24           client (.2) and the switch's port ``p0`` (.1)
10.77.2.0/24           control plane (.2) and the switch's port ``pcp`` (.1)
10.77.(100+i).0/24     node i (.2) and the switch's port ``pn<i>`` (.1), for i = 1..99
10.77.200.0/24         virtual IPs: answered by the data plane, unreachable in the switch's kernel
10.78.i.0/24           pods of node i, the node address is the next hop
10.79.0.0/16           ClusterIPs: live only in kube-proxy's rules on the nodes
=====================  =============================================================================
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import msgspec

PREFIX = "p4k-"
SWITCH = f"{PREFIX}switch"
CLIENT = f"{PREFIX}client"
CONTROL_PLANE = f"{PREFIX}cp"
POD_PREFIX = f"{PREFIX}pod-"

UPDATE_ADDRESS = IPv4Address("10.77.0.1")
UPDATE_PORT = 7777
VIP_POOL = IPv4Network("10.77.200.0/24")
FABRIC = IPv4Network("10.77.0.0/16")
POD_NETWORK = IPv4Network("10.78.0.0/16")
SERVICE_NETWORK = IPv4Network("10.79.0.0/16")
API_CLUSTER_IP = IPv4Address("10.79.0.1")
API_PORT = 6443
UPLINK = "up0"
MAX_NODES = 99


class Link(msgspec.Struct, frozen=True):
    """One cable: the switch's port at one end, a neighbour's interface `UPLINK` at the other.

    `number` is the port's number in the P4 program; `routes` are the networks behind the neighbour.
    """

    number: int
    port: str
    namespace: str
    subnet: IPv4Network
    routes: tuple[IPv4Network, ...] = ()

    @property
    def switch_address(self) -> IPv4Address:
        return self.subnet[1]

    @property
    def address(self) -> IPv4Address:
        """The neighbour's address on this link."""
        return self.subnet[2]


class Node(msgspec.Struct, frozen=True):
    """One worker node, counted from 1."""

    index: int

    @property
    def name(self) -> str:
        return f"node{self.index}"

    @property
    def namespace(self) -> str:
        return f"{PREFIX}node{self.index}"

    @property
    def address(self) -> IPv4Address:
        return self.link.address

    @property
    def pod_cidr(self) -> IPv4Network:
        return IPv4Network(f"10.78.{self.index}.0/24")

    @property
    def zone(self) -> str:
        """Value of topology.kubernetes.io/zone: nodes alternate between two zones."""
        return "zone-a" if self.index % 2 else "zone-b"

    @property
    def link(self) -> Link:
        return Link(
            number=2 + self.index,
            port=f"pn{self.index}",
            namespace=self.namespace,
            subnet=IPv4Network(f"10.77.{100 + self.index}.0/24"),
            routes=(self.pod_cidr,),
        )


CLIENT_LINK = Link(number=1, port="p0", namespace=CLIENT, subnet=IPv4Network("10.77.1.0/24"))
CONTROL_PLANE_LINK = Link(number=2, port="pcp", namespace=CONTROL_PLANE, subnet=IPv4Network("10.77.2.0/24"))
API_ADDRESS = CONTROL_PLANE_LINK.address


class Layout(msgspec.Struct, frozen=True):
    """The whole picture for a number of nodes."""

    node_count: int

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(index) for index in range(1, self.node_count + 1))

    @property
    def links(self) -> tuple[Link, ...]:
        return (CLIENT_LINK, CONTROL_PLANE_LINK, *(node.link for node in self.nodes))

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (SWITCH, *(link.namespace for link in self.links))


def node_name_to_namespace(where: str) -> str | None:
    """Namespace for a place that a user names: client, switch, cp or node<i>; None for anything else."""
    fixed = {"client": CLIENT, "switch": SWITCH, "cp": CONTROL_PLANE}
    if where in fixed:
        return fixed[where]
    if where.startswith("node") and where[4:].isdigit():
        return PREFIX + where
    return None


def pod_namespace(uid: str) -> str:
    """Network namespace of a pod, from its UID (the first 10 hex digits are enough on one machine)."""
    return POD_PREFIX + uid.replace("-", "")[:10]
