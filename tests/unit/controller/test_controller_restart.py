"""What survives a restart, a change of leader, an API server that is away."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from p4kube.controller.standing import FINALIZER, OWNER_ANNOTATION
from p4kube.kube.testing import things
from p4kube.kube.testing.api import Broken
from p4kube.model import ServiceKey

WEB = ServiceKey("default", "web")
LATE = ServiceKey("default", "late")


def status_with(address: str) -> dict[str, object]:
    return {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "Proxy"}]}}


async def test_addresses_survive_a_restart_before_any_is_handed_out(rig):
    rig.api.put("services", things.service("a-new", "80:30081"))
    rig.web(status=status_with("192.0.2.1"))
    async with rig.running(lease_namespace=None):
        assert rig.plane.wanted[WEB][0].vip == IPv4Address("192.0.2.1")
        assert rig.ingress("a-new")[0]["ip"] == "192.0.2.2"


async def test_an_address_whose_pool_has_gone_is_kept(rig):
    rig.web(status=status_with("203.0.113.7"))
    async with rig.running(lease_namespace=None):
        assert rig.plane.wanted[WEB][0].vip == IPv4Address("203.0.113.7")


async def test_of_two_services_with_one_address_and_port_the_older_keeps_it(rig):
    young, old = things.service("a"), things.service("b")
    for thing, born in ((young, "2026-01-02T00:00:00Z"), (old, "2026-01-01T00:00:00Z")):
        thing["metadata"]["creationTimestamp"] = born
        thing["status"] = status_with("192.0.2.4")
        rig.api.put("services", thing)
    async with rig.running(lease_namespace=None):
        assert rig.plane.wanted[ServiceKey("default", "b")][0].port == 80
        assert rig.condition("a")["reason"] == "PortClash"


async def test_a_port_that_had_lost_a_clash_does_not_win_it_by_a_restart(rig):
    thief, owner = things.service("a", "80:30080", "81:30081"), things.service("b", "80:30082")
    for thing in (thief, owner):
        thing["status"] = status_with("192.0.2.4")
    clash = {"port": 80, "protocol": "TCP", "error": "p4kube.dev/PortClash"}
    thief["status"]["loadBalancer"]["ingress"][0]["ports"] = [{"port": 81, "protocol": "TCP"}, clash]
    rig.api.put("services", thief)
    rig.api.put("services", owner)
    async with rig.running(lease_namespace=None):
        assert [port.port for port in rig.plane.wanted[ServiceKey("default", "a")]] == [81]
        assert [port.port for port in rig.plane.wanted[ServiceKey("default", "b")]] == [80]


async def test_everything_is_submitted_once_before_complete(rig):
    for name in ("a", "b", "c"):
        rig.api.put("services", things.service(name))
    async with rig.running(lease_namespace=None):
        pass
    rig.plane.history.clear()
    seen = []
    complete = rig.plane.complete
    rig.plane.complete = lambda services: (seen.append(list(rig.plane.history)), complete(services))
    async with rig.running(lease_namespace=None):
        assert [key.name for key, _ in seen[0]] == ["a", "b", "c"]
        assert rig.plane.completed == {ServiceKey("default", name) for name in "abc"}
        assert len(rig.plane.history) == 3


@pytest.mark.parametrize("lease_namespace", [None, "kube-system"])
@pytest.mark.parametrize("missing", ["services", "endpointslices", "nodes", "vippools"])
async def test_nothing_is_completed_before_all_is_listed(rig, missing, lease_namespace):
    rig.web(status=status_with("192.0.2.1"))
    rig.api.refuse("GET", missing, Broken(), times=1)
    async with rig.running(lease_namespace=lease_namespace):
        assert rig.plane.epochs == [] and rig.plane.completed is None
        await rig.clock.advance(1)
        assert rig.plane.completed == {WEB}


async def test_a_service_deleted_while_nobody_ran_is_cleaned_up(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        pass
    rig.api.delete("services", "default", "web")
    async with rig.running(lease_namespace=None):
        assert rig.plane.wanted == {WEB: ()} and rig.plane.completed == frozenset()
        assert rig.api.all("services") == []


async def test_a_service_that_changed_type_while_nobody_ran_is_cleaned_up(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        pass
    rig.api.change("services", "default", "web", spec={"type": "ClusterIP", "loadBalancerClass": None})
    async with rig.running(lease_namespace=None):
        assert not rig.read()["metadata"]["finalizers"] and rig.condition() is None


async def test_a_removed_finalizer_does_not_interrupt_what_is_served(rig):
    rig.web(status=status_with("192.0.2.1"))
    async with rig.running(lease_namespace=None):
        assert rig.plane.completed == {WEB}
        assert FINALIZER in rig.read()["metadata"]["finalizers"]
        assert rig.read()["metadata"]["annotations"][OWNER_ANNOTATION] == things.CLASS


async def test_a_service_made_again_under_its_name_is_a_new_service(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.api.change("services", "default", "web", metadata={"finalizers": None})
        rig.api.delete("services", "default", "web")
        rig.web("81:30081")
        await rig.settle()
        assert [port.port for port in rig.plane.wanted[WEB]] == [81]
        assert FINALIZER in rig.read()["metadata"]["finalizers"] and rig.ingress()


async def test_an_outage_changes_nothing_and_is_caught_up_with(rig):
    rig.web()
    rig.api.put("services", things.service("late", "81:30081"))
    async with rig.running(lease_namespace=None):
        before = len(rig.plane.history)
        rig.api.outage()
        await rig.clock.advance(120)
        assert len(rig.plane.history) == before and rig.plane.running
        rig.api.change("services", "default", "late", metadata={"finalizers": None})
        rig.api.delete("services", "default", "late")
        grown = [things.endpoint("10.1.0.2", "n2")]
        rig.api.put("endpointslices", things.endpoint_slice("web-a", "web", *grown))
        rig.api.compact()
        rig.api.heal()
        await rig.clock.advance(60)
        assert rig.plane.wanted[LATE] == () and rig.shares() == {"10.0.0.2": (1, 0)}


async def test_leadership_lost_in_an_outage_stops_programming_and_comes_back_higher(rig):
    rig.web()
    async with rig.running():
        (first,) = rig.plane.epochs
        assert rig.metrics.registry.get_sample_value("p4kube_controller_leader") == 1
        rig.api.outage()
        await rig.clock.advance(15)
        assert not rig.plane.running
        assert rig.metrics.registry.get_sample_value("p4kube_controller_leader") == 0
        rig.api.heal()
        await rig.clock.advance(60)
        assert rig.plane.running and rig.plane.epochs[-1] > first
        assert rig.plane.completed == {WEB}


async def test_only_the_leader_programs_and_a_clean_exit_hands_over(rig):
    rig.web()
    async with rig.running():
        first, rig.plane = rig.plane, type(rig.plane)()
        async with rig.running():
            await rig.clock.advance(60)
            assert rig.plane.epochs == []
            standby, rig.plane = rig.plane, first
        rig.plane = standby
    assert rig.api.read("leases", "kube-system", "p4kube-controller")["spec"]["holderIdentity"] == ""
    assert first.wanted[WEB] != ()
    async with rig.running():
        assert rig.plane.epochs == [2]


async def test_an_epoch_below_the_switches_is_raised_above_it(rig):
    rig.web()
    rig.plane.lowest_epoch = 40
    async with rig.running():
        await rig.clock.advance(10)
        assert rig.plane.epochs == [1, 41] and rig.plane.completed == {WEB}
        lease = rig.api.read("leases", "kube-system", "p4kube-controller")
        assert lease["spec"]["leaseTransitions"] == 41
