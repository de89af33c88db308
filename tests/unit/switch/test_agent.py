"""The agent around a data plane and a kernel in memory."""

from __future__ import annotations

import asyncio
import dataclasses
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from p4kube.switch import own, tables
from p4kube.switch.agent import Agent
from p4kube.switch.config import Config, Port
from p4kube.switch.errors import SwitchError
from p4kube.switch.forwarding import NextHop
from p4kube.switch.kernel import (
    Hop,
    KernelError,
    Link,
    Neighbour,
    NeighbourKey,
    NeighbourState,
    Part,
    Prefix,
    Route,
    Snapshot,
)
from p4kube.switch.keys import Keys
from p4kube.switch.testing import MemoryKernel, MemoryPlane

CONFIG = Config(
    name="test",
    ports=(Port("p0", 1), Port("p1", 2)),
    update_address=IPv4Address("10.77.0.1"),
    keys_file=Path("unused"),
    pin_path=Path("/unused"),
)
KEYS = Keys({1: "00" * 15 + "01"}, "ab" * 32)
GATEWAY = NeighbourKey(5, 0x0A000002)
NETWORK = Prefix(0x0A010000, 16)
SNAPSHOT = Snapshot(
    (Link(5, "p0", 0xA5, True), Link(6, "p1", 0xA6, True)),
    (Route(NETWORK, hops=(Hop(5, GATEWAY.address),)),),
    (Neighbour(GATEWAY, NeighbourState.FRESH, 0xB5),),
)


def started(plane: MemoryPlane, kernel: MemoryKernel) -> Agent:
    agent = Agent(CONFIG, plane, kernel)
    asyncio.run(agent.start(KEYS))
    return agent


def follow(agent: Agent, kernel: MemoryKernel, snapshot: Snapshot, parts: Part = Part.ALL) -> None:
    """The kernel changed, and the agent is told."""
    kernel.snapshot = snapshot
    agent.changed(parts)
    asyncio.run(agent.step())


def hop_of(plane: MemoryPlane, prefix: Prefix) -> NextHop | None:
    live = tables.read(plane)
    id = live.routes[prefix]
    return None if id is None else live.next_hops[id]


def test_a_fresh_data_plane_is_complete_after_the_start() -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    agent = started(plane, kernel)
    assert plane.ports == {1: 5, 2: 6}
    assert hop_of(plane, NETWORK) == NextHop(1, 0xA5, 0xB5)
    assert plane.defaults["identity"].arguments == (agent.boot_id,)
    assert agent.boot_id != 0
    assert plane.active
    # Whatever arrives through a port finds the secrets in place, and the address of updates last of all.
    assert plane.calls.index("add update_addresses") < plane.calls.index("attach 1")
    assert plane.calls.index("default flow_secret") < plane.calls.index("add update_addresses")


def test_a_restarted_agent_writes_nothing_and_keeps_the_boot_id() -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    first = started(plane, kernel)
    plane.calls.clear()
    second = started(plane, kernel)
    assert plane.calls == []
    assert second.boot_id == first.boot_id


def test_new_keys_stand_before_old_ones_go() -> None:
    plane = MemoryPlane()
    own.install(plane, CONFIG.update_address, KEYS)
    plane.calls.clear()
    own.install(plane, CONFIG.update_address, Keys({2: "02" * 16}, "ab" * 32))
    assert plane.calls == ["add update_keys", "delete update_keys"]
    assert [entry.keys[0].value for entry in plane.table_entries("update_keys")] == [2]


def test_an_interface_that_comes_back_as_another_is_attached_again() -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    agent = started(plane, kernel)
    follow(agent, kernel, Snapshot(SNAPSHOT.links[1:]), Part.ALL)
    assert plane.ports == {2: 6}
    assert plane.calls[-1] == "detach 1"
    assert NETWORK not in tables.read(plane).routes
    back = NeighbourKey(9, GATEWAY.address)
    returned = Snapshot(
        (Link(9, "p0", 0xA9, True), SNAPSHOT.links[1]),
        (Route(NETWORK, hops=(Hop(9, back.address),)),),
        (Neighbour(back, NeighbourState.FRESH, 0xB5),),
    )
    follow(agent, kernel, returned)
    assert plane.ports == {1: 9, 2: 6}
    assert hop_of(plane, NETWORK) == NextHop(1, 0xA9, 0xB5)


def test_a_stale_neighbour_in_use_is_confirmed_and_forwarded_to_meanwhile() -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    agent = started(plane, kernel)
    assert kernel.resolved == []
    stale = dataclasses.replace(SNAPSHOT, neighbours=(Neighbour(GATEWAY, NeighbourState.STALE, 0xB5),))
    plane.calls.clear()
    follow(agent, kernel, stale, Part.NEIGHBOURS)
    assert kernel.resolved == [GATEWAY]
    assert plane.calls == []
    asyncio.run(agent.step())
    assert kernel.resolved == [GATEWAY], "not again at once"


def test_an_unresolved_gateway_is_asked_for_and_used_once_known() -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(dataclasses.replace(SNAPSHOT, neighbours=()))
    agent = started(plane, kernel)
    assert hop_of(plane, NETWORK) is None
    assert kernel.resolved == [GATEWAY]
    follow(agent, kernel, SNAPSHOT, Part.NEIGHBOURS)
    assert hop_of(plane, NETWORK) == NextHop(1, 0xA5, 0xB5)


def test_a_failed_round_is_repeated_from_what_the_tables_hold() -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(Snapshot(SNAPSHOT.links))
    agent = started(plane, kernel)
    kernel.fail = KernelError("cannot read routes from the kernel")
    follow(agent, kernel, SNAPSHOT, Part.ROUTES)
    assert agent.statistics.failures == 1
    asyncio.run(agent.step())
    assert hop_of(plane, NETWORK) == NextHop(1, 0xA5, 0xB5)


def test_more_routes_than_the_table_holds_are_left_to_the_kernel() -> None:
    plane = MemoryPlane()
    plane.sizes["routes"] = 8
    many = tuple(
        Route(Prefix(0x0A010000 | low << 8, 24), hops=(Hop(5, GATEWAY.address),)) for low in range(20)
    )
    agent = started(plane, MemoryKernel(dataclasses.replace(SNAPSHOT, routes=many)))
    assert len(plane.tables["routes"]) == 8
    assert agent.statistics.left_to_kernel > 0


def test_one_port_that_fails_does_not_keep_the_others_from_working(caplog: pytest.LogCaptureFixture) -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    plane.refuse[6] = "its driver has no native XDP"
    started(plane, kernel)
    assert plane.ports == {1: 5}
    assert "p1: port 2: its driver has no native XDP" in caplog.text


def test_no_port_at_all_is_an_error_that_says_why() -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    plane.refuse = {5: "no native XDP", 6: "no native XDP"}
    with pytest.raises(SwitchError, match="p0: port 1: no native XDP"):
        started(plane, kernel)


@pytest.mark.parametrize(("running_as", "calls"), [(True, ["detach 1", "attach 1"]), (False, []), (None, [])])
def test_a_port_attached_in_the_other_mode_is_attached_anew(
    running_as: bool | None, calls: list[str]
) -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    started(plane, kernel)
    plane.calls.clear()
    link = dataclasses.replace(SNAPSHOT.links[0], generic=running_as)
    kernel.snapshot = dataclasses.replace(SNAPSHOT, links=(link, SNAPSHOT.links[1]))
    started(plane, kernel)
    assert plane.calls == calls


def test_ports_of_different_mtu_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    jumbo = dataclasses.replace(SNAPSHOT.links[0], mtu=9000)
    kernel = MemoryKernel(dataclasses.replace(SNAPSHOT, links=(jumbo, SNAPSHOT.links[1])))
    follow(started(MemoryPlane(), kernel), kernel, kernel.snapshot)
    assert caplog.text.count("p0 9000, p1 1500") == 1


def test_foreign_policy_rules_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    plane, kernel = MemoryPlane(), MemoryKernel(SNAPSHOT)
    kernel.rules = ("priority 100 (table 7)",)
    agent = started(plane, kernel)
    follow(agent, kernel, SNAPSHOT, Part.ROUTES)
    assert caplog.text.count("priority 100 (table 7)") == 1
