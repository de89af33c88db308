"""The lab's cables: builds namespaces and links from a `Layout`, and builds the switch anew."""

from __future__ import annotations

import subprocess

from p4kube.lab import layout, netns
from p4kube.lab.layout import Layout, Link

# What comes in over a limited link passes this device of the node.
_SHAPER = "ifb0"
_ROUTER = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
}
_NODE = _ROUTER | {"net.ipv4.ip_local_port_range": "32768 60999"}
_CLIENT = {"net.ipv4.ip_local_port_range": "10240 65000", "net.ipv4.tcp_tw_reuse": "1"}


def build(plan: Layout, link_rate: str | None) -> None:
    """Create every namespace and link of the picture. Raises `LabError`; what exists stays for `destroy`."""
    for namespace in plan.namespaces:
        netns.create(namespace)
    netns.sysctl(layout.CLIENT, _CLIENT)
    netns.sysctl(layout.CONTROL_PLANE, _CLIENT)
    for node in plan.nodes:
        netns.sysctl(node.namespace, _NODE)
    _build_switch(plan, link_rate)


def rebuild_switch(plan: Layout, link_rate: str | None) -> None:
    """Destroy the switch's namespace with all its ports, and connect a new one to the same neighbours."""
    netns.destroy(layout.SWITCH)
    # The namespace's links die a moment after its name: take the neighbours' ends away ourselves.
    for link in plan.links:
        for interface in (layout.UPLINK, _SHAPER):
            subprocess.run(
                ["ip", "-n", link.namespace, "link", "del", interface], capture_output=True, check=False
            )
    netns.create(layout.SWITCH)
    _build_switch(plan, link_rate)


def _build_switch(plan: Layout, link_rate: str | None) -> None:
    netns.sysctl(layout.SWITCH, _ROUTER)
    lines = [f"address add {layout.UPDATE_ADDRESS}/32 dev lo", f"route add unreachable {layout.VIP_POOL}"]
    for link in plan.links:
        lines += _switch_end(link)
    netns.ip_batch(layout.SWITCH, lines)
    for link in plan.links:
        _neighbour_end(link)
    if link_rate is not None:
        for node in plan.nodes:
            shape(node.link, link_rate)


def _switch_end(link: Link) -> list[str]:
    """`ip` commands, run in the switch, that lay a cable and route what is behind it."""
    return [
        f"link add {link.port} type veth peer name {layout.UPLINK} netns {link.namespace}",
        f"address add {link.switch_address}/{link.subnet.prefixlen} dev {link.port}",
        f"link set {link.port} up",
        *(f"route add {network} via {link.address} dev {link.port}" for network in link.routes),
    ]


def _neighbour_end(link: Link) -> None:
    netns.ip_batch(
        link.namespace,
        [
            f"address add {link.address}/{link.subnet.prefixlen} dev {layout.UPLINK}",
            f"link set {layout.UPLINK} up",
            f"route add default via {link.switch_address}",
        ],
    )
    as_wire(link.namespace, layout.UPLINK)


def as_wire(namespace: str, interface: str) -> None:
    """Make one end of a veth behave like a wire: finished checksums, frames of at most one MTU, NAPI on.

    XDP at the other end sees what is really sent; without NAPI here a frame that XDP redirects to
    this end's peer would be lost.
    """
    offloads = ["tx", "off", "tso", "off", "gso", "off", "gro", "on"]
    netns.call([*netns.nsenter(namespace), "ethtool", "-K", interface, *offloads])


def shape(link: Link, rate: str) -> None:
    """Limit a node's link to `rate` (tc's notation, e.g. 1gbit) in each direction.

    Both shapers stand at the node's end: a frame that XDP redirects passes no qdisc of the switch's port,
    so what comes in is led through an ifb device first.
    """
    bits = rate_to_bits(rate)
    # 1 ms worth of bytes, and never less than a few frames; a queue of 20 ms as a switch port might have.
    limiter = f"tbf rate {bits} burst {max(bits // 8000, 16_000)} latency 20ms"
    uplink = layout.UPLINK
    netns.ip_batch(link.namespace, [f"link add {_SHAPER} type ifb", f"link set {_SHAPER} up"])
    commands = [
        f"qdisc add dev {uplink} root {limiter}",
        f"qdisc add dev {uplink} ingress",
        f"filter add dev {uplink} parent ffff: u32 match u32 0 0 action mirred egress redirect dev {_SHAPER}",
        f"qdisc add dev {_SHAPER} root {limiter}",
    ]
    netns.call([*netns.nsenter(link.namespace), "tc", "-batch", "-"], stdin="\n".join(commands) + "\n")


_UNITS = {"kbit": 10**3, "mbit": 10**6, "gbit": 10**9, "bit": 1}


def rate_to_bits(rate: str) -> int:
    """Bits per second of a rate such as ``1gbit``, ``2.5gbit`` or ``100mbit``. Raises ValueError."""
    text = rate.strip().lower()
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            bits = int(float(text.removesuffix(unit)) * factor)
            if bits < 64_000:
                break
            return bits
    raise ValueError(f"'{rate}' is not a link rate: write a number and kbit, mbit or gbit, e.g. 1gbit")
