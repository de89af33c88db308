"""The agent's view of a real kernel: a namespace of its own, and a data plane in memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from p4kube.lab import netns
from p4kube.switch import tables
from p4kube.switch.agent import Agent
from p4kube.switch.config import Config, Port
from p4kube.switch.forwarding import NextHop
from p4kube.switch.kernel import Part, Prefix
from p4kube.switch.keys import Keys
from p4kube.switch.monitor import Monitor
from p4kube.switch.netlink import Netlink
from p4kube.switch.testing import MemoryPlane

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

KEYS = Keys({1: "01" * 16}, "ab" * 32)
CONFIG = Config(
    name="test",
    ports=(Port("p0", 1), Port("p1", 2)),
    update_address=IPv4Address("10.88.0.1"),
    keys_file=Path("unused"),
    pin_path=Path("/unused"),
)
MAC0, MAC1, THERE = 0x0200000000A0, 0x0200000000A1, 0x0200000000B0


def mac(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")


def prefix(text: str) -> Prefix:
    network = IPv4Network(text)
    return Prefix(int(network.network_address), network.prefixlen)


class Rig:
    """A switch namespace with port p0, whose other end is in a namespace `host`."""

    def __init__(self) -> None:
        self.switch, self.host = f"p4ka-{os.getpid()}-s", f"p4ka-{os.getpid()}-h"

    def build(self) -> None:
        netns.create(self.switch)
        netns.create(self.host)
        self.ip("address add 10.88.0.1/32 dev lo", *self.cable(MAC0))
        self.at_host("address add 10.88.1.2/24 dev h0", "link set h0 up")

    def cable(self, here: int) -> tuple[str, str, str]:
        """Commands that make p0 with this MAC."""
        far = f"peer name h0 address {mac(THERE)} netns {self.host}"
        return (
            f"link add p0 address {mac(here)} type veth {far}",
            "address add 10.88.1.1/24 dev p0",
            "link set p0 up",
        )

    def ip(self, *lines: str) -> None:
        netns.ip_batch(self.switch, lines)

    def at_host(self, *lines: str) -> None:
        netns.ip_batch(self.host, lines)

    def remove(self) -> None:
        netns.destroy(self.switch)
        netns.destroy(self.host)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    try:
        rig.build()
        yield rig
    finally:
        rig.remove()


class Running:
    """An agent that follows the kernel, and what it wrote."""

    def __init__(self, agent: Agent, plane: MemoryPlane) -> None:
        self.agent, self.plane = agent, plane

    def target(self, text: str) -> NextHop | str | None:
        live = tables.read(self.plane)
        id = live.routes.get(prefix(text), -1)
        return "absent" if id == -1 else None if id is None else live.next_hops[id]

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(plane: MemoryPlane) -> AsyncIterator[Running]:
    stop = asyncio.Event()
    async with Netlink() as kernel:
        agent = Agent(CONFIG, plane, kernel)
        monitor = Monitor(agent.changed, agent.lost)
        try:
            await agent.start(KEYS)
            follower = asyncio.create_task(agent.run(stop))
            yield Running(agent, plane)
            stop.set()
            await follower
        finally:
            monitor.close()


def test_own_addresses_networks_and_refused_routes_are_the_kernels(rig: Rig) -> None:
    rig.ip("route add unreachable 10.88.200.0/24", "route add blackhole 10.88.201.0/24")

    async def scenario() -> None:
        async with running(MemoryPlane()) as it:
            for text in ("10.88.0.1/32", "10.88.1.1/32", "10.88.1.0/24", "10.88.200.0/24", "10.88.201.0/24"):
                assert it.target(text) is None, text
            assert it.plane.ports.keys() == {1}

    with netns.entered(rig.switch):
        asyncio.run(scenario())


def test_a_gateway_is_resolved_without_any_traffic(rig: Rig) -> None:
    rig.ip("route add 10.99.0.0/16 via 10.88.1.2")

    async def scenario() -> None:
        async with running(MemoryPlane()) as it:
            hop = NextHop(1, MAC0, THERE)
            await it.until(lambda: it.target("10.99.0.0/16") == hop)
            await it.until(lambda: it.target("10.88.1.2/32") == hop)
            rig.ip("route change 10.99.0.0/16 via 10.88.1.9")
            await it.until(lambda: it.target("10.99.0.0/16") is None)
            rig.ip("route replace 10.99.0.0/16 via 10.88.1.2", "route add 10.99.1.0/24 via 10.88.1.2")
            await it.until(lambda: it.target("10.99.1.0/24") == hop)
            rig.ip("route del 10.99.0.0/16")
            await it.until(lambda: it.target("10.99.0.0/16") == "absent")

    with netns.entered(rig.switch):
        asyncio.run(scenario())


def test_a_stale_neighbour_in_use_is_kept_alive_and_its_new_mac_followed(rig: Rig) -> None:
    rig.ip("route add 10.99.0.0/16 via 10.88.1.2")
    quick = {"delay_first_probe_time": "1", "retrans_time_ms": "100"}
    netns.sysctl(rig.switch, {f"net.ipv4.neigh.p0.{name}": value for name, value in quick.items()})

    async def scenario() -> None:
        async with running(MemoryPlane()) as it:
            await it.until(lambda: it.target("10.99.0.0/16") == NextHop(1, MAC0, THERE))
            moved = THERE + 1
            rig.at_host(f"link set h0 address {mac(moved)}")
            # The kernel would leave it there; in use, it is probed by unicast to the old MAC, fails, and is
            # then asked for anew.
            rig.ip(f"neigh replace 10.88.1.2 lladdr {mac(THERE)} dev p0 nud stale")
            await it.until(lambda: it.target("10.99.0.0/16") == NextHop(1, MAC0, moved), seconds=20)

    with netns.entered(rig.switch):
        asyncio.run(scenario())


def test_links_go_down_vanish_and_come_back(rig: Rig) -> None:
    rig.ip("route add 10.99.0.0/16 via 10.88.1.2")

    async def scenario() -> None:
        async with running(MemoryPlane()) as it:
            await it.until(lambda: it.target("10.99.0.0/16") == NextHop(1, MAC0, THERE))
            first = it.plane.ports[1]
            # The kernel drops routes with a link that goes down, and does not announce them.
            rig.ip("link set p0 down")
            await it.until(lambda: it.target("10.99.0.0/16") == "absent")
            rig.ip("link del p0")
            await it.until(lambda: 1 not in it.plane.ports)
            rig.ip(*rig.cable(MAC1))
            rig.at_host("address add 10.88.1.2/24 dev h0", "link set h0 up")
            await it.until(lambda: it.plane.ports.get(1, first) != first)
            rig.ip("route add 10.99.0.0/16 via 10.88.1.2")
            await it.until(lambda: it.target("10.99.0.0/16") == NextHop(1, MAC1, THERE))

    with netns.entered(rig.switch):
        asyncio.run(scenario())


def test_of_several_next_hops_the_first_that_answers_is_taken(rig: Rig) -> None:
    rig.ip("route add 10.99.0.0/16 nexthop via 10.88.1.9 nexthop via 10.88.1.2")

    async def scenario() -> None:
        async with running(MemoryPlane()) as it:
            await it.until(lambda: it.target("10.99.0.0/16") == NextHop(1, MAC0, THERE))

    with netns.entered(rig.switch):
        asyncio.run(scenario())


def test_next_hop_objects_are_followed(rig: Rig) -> None:
    rig.ip("nexthop add id 7 via 10.88.1.9 dev p0", "route add 10.99.0.0/16 nhid 7")

    async def scenario() -> None:
        async with running(MemoryPlane()) as it:
            assert it.target("10.99.0.0/16") is None
            rig.ip("nexthop replace id 7 via 10.88.1.2 dev p0")
            await it.until(lambda: it.target("10.99.0.0/16") == NextHop(1, MAC0, THERE))

    with netns.entered(rig.switch):
        asyncio.run(scenario())


def test_lost_events_lead_to_a_resync(rig: Rig) -> None:
    """More events than the socket holds, while nobody reads."""

    async def scenario() -> None:
        lost: list[bool] = []
        changed: list[Part] = []
        monitor = Monitor(changed.append, lambda: lost.append(True))
        try:
            lines = [
                f"route add 10.{100 + high}.{low}.0/24 via 10.88.1.2"
                for high in range(40)
                for low in range(250)
            ]
            subprocess.run(
                ["ip", "-n", rig.switch, "-batch", "-"], input="\n".join(lines).encode(), check=True
            )
            async with asyncio.timeout(10):
                while not lost:
                    await asyncio.sleep(0.01)
            assert Part.ALL in changed
        finally:
            monitor.close()

    with netns.entered(rig.switch):
        asyncio.run(scenario())


def test_policy_rules_are_seen(rig: Rig) -> None:
    async def scenario() -> tuple[str, ...]:
        async with Netlink() as kernel:
            assert await kernel.foreign_rules() == ()
            rig.ip("rule add from 10.5.0.0/16 table 77 priority 100")
            return await kernel.foreign_rules()

    with netns.entered(rig.switch):
        assert asyncio.run(scenario()) == ("priority 100 (table 77)",)
