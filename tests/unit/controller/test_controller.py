"""The controller as a whole, between a fake API server and a fake data plane."""

from __future__ import annotations

from ipaddress import IPv4Address

from p4kube.controller.dataplane import ProgramResult
from p4kube.controller.standing import FINALIZER, OWNER_ANNOTATION
from p4kube.kube.testing import things
from p4kube.kube.testing.api import Failure
from p4kube.model import NodeShare, Protocol, ServiceKey, ServicePort

WEB = ServiceKey("default", "web")
VIP = IPv4Address("192.0.2.1")


async def test_a_service_gets_an_address_is_programmed_and_says_so(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        assert rig.plane.wanted == {
            WEB: (ServicePort(VIP, 80, Protocol.TCP, 30080, (NodeShare(IPv4Address("10.0.0.1"), 1),)),)
        }
        assert rig.ingress() == [
            {"ip": "192.0.2.1", "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}
        ]
        condition = rig.condition()
        assert (condition["status"], condition["reason"]) == ("True", "Programmed")
        assert rig.read()["metadata"]["finalizers"] == [FINALIZER]
        assert len(rig.events("AddressAssigned")) == len(rig.events("Programmed")) == 1
        assert rig.events("Programmed")[0]["regarding"]["uid"] == rig.read()["metadata"]["uid"]


async def test_nothing_is_programmed_before_the_finalizer_is_there(rig):
    rig.web()
    rig.api.refuse("PATCH", "services", Failure(500, "InternalError"), times=1)
    async with rig.running(lease_namespace=None):
        assert rig.plane.history == []
        await rig.clock.advance(1)
        assert WEB in rig.plane.wanted


async def test_the_address_is_shown_only_once_the_switches_serve_it(rig):
    rig.plane.automatic = False
    rig.web()
    async with rig.running(lease_namespace=None):
        assert rig.ingress() == [] and rig.condition() is None
        await rig.clock.advance(3)
        assert rig.condition()["reason"] == "WaitingForSwitch" and rig.ingress() == []
        rig.plane.settle(WEB)
        await rig.settle()
        assert rig.ingress()[0]["ip"] == "192.0.2.1" and rig.condition()["status"] == "True"


async def test_services_of_others_are_left_alone(rig):
    rig.api.put("services", things.service("a", loadBalancerClass="example.com/other"))
    rig.api.put("services", things.service("b", loadBalancerClass=None))
    rig.api.put("services", things.service("c", type="NodePort", loadBalancerClass=None))
    rig.api.put("services", things.service("d", loadBalancerClass="example.com/x", finalizers=[FINALIZER]))
    rig.api.delete("services", "default", "d")
    async with rig.running(lease_namespace=None):
        assert rig.plane.history == []
        assert not [write for write in rig.writes() if "services" in write]
        assert rig.plane.completed == frozenset()


async def test_scaling_follows_at_once_and_writes_nothing_to_the_api(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        before = len(rig.writes())
        grown = [
            things.endpoint("10.1.0.1", "n1"),
            things.endpoint("10.1.0.2", "n2"),
            things.endpoint("10.1.0.3", "n2"),
        ]
        rig.api.put("endpointslices", things.endpoint_slice("web-a", "web", *grown))
        await rig.settle()
        assert rig.shares() == {"10.0.0.1": (1, 0), "10.0.0.2": (2, 0)}
        assert len(rig.writes()) == before


async def test_a_burst_of_changes_is_one_submission(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        before = len(rig.plane.history)
        for n in range(2, 50):
            grown = [things.endpoint(f"10.1.0.{m}", "n2") for m in range(1, n)]
            rig.api.put("endpointslices", things.endpoint_slice("web-a", "web", *grown))
        await rig.settle()
        assert rig.shares() == {"10.0.0.2": (48, 0)}
        assert len(rig.plane.history) - before < 48


async def test_a_change_without_consequence_is_not_submitted(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        before = len(rig.plane.history)
        rig.api.change("services", "default", "web", metadata={"labels": {"a": "b"}})
        rig.api.change("nodes", "", "n1", metadata={"labels": {"a": "b"}})
        await rig.settle()
        assert len(rig.plane.history) == before


async def test_deletion_waits_for_the_data_plane(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.plane.automatic = False
        rig.api.delete("services", "default", "web")
        await rig.clock.advance(10)
        assert rig.plane.wanted[WEB] == ()
        assert rig.read()["metadata"]["finalizers"] == [FINALIZER]
        rig.plane.settle(WEB)
        await rig.settle()
        assert rig.api.all("services") == []


async def test_an_address_is_free_again_only_after_the_switches_gave_it_up(rig):
    rig.api.put("vippools", things.pool("main", "192.0.2.1/32"))
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.plane.automatic = False
        rig.api.put("services", things.service("other", "80:30081"))
        rig.api.delete("services", "default", "web")
        await rig.settle()
        assert rig.condition("other")["reason"] == "NoAddressLeft"
        rig.plane.settle(WEB)
        await rig.settle()
        assert rig.plane.wanted[ServiceKey("default", "other")][0].vip == VIP


async def test_a_change_of_type_takes_everything_back(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.api.change("services", "default", "web", spec={"type": "ClusterIP", "loadBalancerClass": None})
        await rig.settle()
        service = rig.read()
        assert rig.plane.wanted[WEB] == ()
        assert not service["metadata"]["finalizers"]
        assert OWNER_ANNOTATION not in service["metadata"]["annotations"]
        assert rig.ingress() == [] and rig.condition() is None
        assert len(rig.events("Withdrawn")) == 1


async def test_a_service_that_comes_back_is_served_again(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.api.change("services", "default", "web", spec={"type": "ClusterIP", "loadBalancerClass": None})
        await rig.settle()
        rig.api.change(
            "services", "default", "web", spec={"type": "LoadBalancer", "loadBalancerClass": things.CLASS}
        )
        await rig.settle()
        assert rig.plane.wanted[WEB] and rig.ingress()[0]["ip"] == "192.0.2.1"


async def test_a_service_deleted_by_force_is_withdrawn(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.api.change("services", "default", "web", metadata={"finalizers": None})
        rig.api.delete("services", "default", "web")
        await rig.settle()
        assert rig.plane.wanted[WEB] == ()


async def test_foreign_finalizers_survive(rig):
    rig.web(finalizers=["example.com/keep"])
    async with rig.running(lease_namespace=None):
        assert rig.read()["metadata"]["finalizers"] == ["example.com/keep", FINALIZER]
        rig.api.delete("services", "default", "web")
        await rig.settle()
        assert rig.read()["metadata"]["finalizers"] == ["example.com/keep"]


async def test_conditions_of_others_survive(rig):
    other = {"type": "example.com/Thing", "status": "True", "reason": "R", "message": "m"}
    rig.web(status={"conditions": [other]})
    async with rig.running(lease_namespace=None):
        assert [c["type"] for c in rig.read()["status"]["conditions"]] == [
            "example.com/Thing",
            "p4kube.dev/Programmed",
        ]
        rig.api.change("services", "default", "web", spec={"type": "ClusterIP", "loadBalancerClass": None})
        await rig.settle()
        assert rig.read()["status"]["conditions"] == [other]


async def test_what_others_write_at_the_same_time_is_not_overwritten(rig):
    async with rig.running(lease_namespace=None):
        rig.transport.block()
        rig.web()
        await rig.settle()
        rig.api.change("services", "default", "web", metadata={"finalizers": ["example.com/keep"]})
        rig.transport.unblock()
        await rig.clock.advance(1)
        assert rig.read()["metadata"]["finalizers"] == ["example.com/keep", FINALIZER]
        assert rig.condition()["status"] == "True"
        (stream,) = rig.api.streams("services")
        stream.hang()
        other = {"type": "example.com/Thing", "status": "True", "reason": "R", "message": "m"}
        conditions = [*rig.read()["status"]["conditions"], other]
        rig.api.change("services", "default", "web", status={"conditions": conditions})
        rig.api.delete("endpointslices", "default", "web-a")
        await rig.clock.advance(200)
        assert rig.read()["status"]["conditions"][1] == other
        assert "no ready endpoint" in rig.condition()["message"]


async def test_our_own_writes_are_known_without_the_watch(rig):
    rig.web()
    rig.api.refuse("WATCH", "services", Failure(500, "InternalError"), times=10**6)
    async with rig.running(lease_namespace=None):
        assert rig.condition()["status"] == "True" and rig.ingress()


async def test_a_write_conflict_is_tried_again(rig):
    rig.web()
    rig.api.refuse("PATCH", "services", Failure(409, "Conflict", "modified"), times=3)
    async with rig.running(lease_namespace=None):
        await rig.clock.advance(2)
        assert rig.condition()["status"] == "True"


async def test_sctp_is_refused_and_the_other_port_served(rig):
    rig.web("80:30080/TCP", "90:30090/SCTP")
    async with rig.running(lease_namespace=None):
        assert [port.port for port in rig.plane.wanted[WEB]] == [80]
        assert rig.ingress()[0]["ports"] == [
            {"port": 80, "protocol": "TCP"},
            {"port": 90, "protocol": "SCTP", "error": "p4kube.dev/ProtocolNotSupported"},
        ]
        assert rig.condition()["reason"] == "PortsRefused" and "90/SCTP" in rig.condition()["message"]
        assert len(rig.events("ProtocolNotSupported")) == 1


async def test_a_service_that_is_wholly_refused_disturbs_no_other(rig):
    rig.web()
    rig.api.put("services", things.service("six", "80:30081", ipFamilies=["IPv6"]))
    rig.api.put("services", things.service("bare", "80"))
    rig.api.put("services", things.service("sctp", "80:30082/SCTP"))
    async with rig.running(lease_namespace=None):
        assert set(rig.plane.wanted) == {WEB}
        for name, reason in (
            ("six", "AddressFamilyNotSupported"),
            ("bare", "NodePortRequired"),
            ("sctp", "ProtocolNotSupported"),
        ):
            assert rig.condition(name)["status"] == "False" and rig.condition(name)["reason"] == reason
            (ingress,) = rig.ingress(name)
            assert "ip" not in ingress and ingress["ports"][0]["error"] == f"p4kube.dev/{reason}"
            assert len(rig.events(reason)) == 1 and rig.events(reason)[0]["type"] == "Warning"
            assert "finalizers" not in rig.read(name)["metadata"]


async def test_source_ranges_close_what_they_would_have_closed(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.api.change("services", "default", "web", spec={"loadBalancerSourceRanges": ["198.51.100.0/24"]})
        await rig.settle()
        assert rig.plane.wanted[WEB] == ()
        assert rig.condition()["reason"] == "SourceRangesNotSupported" and "ip" not in rig.ingress()[0]
        rig.api.change("services", "default", "web", spec={"loadBalancerSourceRanges": None})
        await rig.settle()
        assert rig.plane.wanted[WEB] and rig.ingress()[0]["ip"] == "192.0.2.1"


async def test_a_requested_address_that_cannot_be_had_leaves_the_old_one_working(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.api.change(
            "services", "default", "web", metadata={"annotations": {"p4kube.dev/addresses": "203.0.113.9"}}
        )
        await rig.settle()
        assert rig.plane.wanted[WEB][0].vip == VIP and rig.ingress()[0]["ip"] == str(VIP)
        assert rig.condition()["status"] == "False" and rig.condition()["reason"] == "AddressNotInPool"
        rig.api.put("vippools", things.pool("more", "203.0.113.0/24", auto=False))
        await rig.settle()
        assert str(rig.plane.wanted[WEB][0].vip) == rig.ingress()[0]["ip"] == "203.0.113.9"
        assert rig.condition()["status"] == "True"


async def test_a_port_clash_names_the_other_service_and_ends_with_it(rig):
    rig.web(annotations={"p4kube.dev/addresses": "192.0.2.3"})
    async with rig.running(lease_namespace=None):
        late = things.service("late", "80:30081", annotations={"p4kube.dev/addresses": "192.0.2.3"})
        rig.api.put("services", late)
        await rig.settle()
        assert "default/web" in rig.condition("late")["message"]
        assert rig.condition("late")["reason"] == "PortClash"
        rig.api.delete("services", "default", "web")
        await rig.settle()
        assert rig.ingress("late")[0]["ip"] == "192.0.2.3"


async def test_a_port_given_up_on_a_shared_address_goes_to_who_waits_for_it(rig):
    rig.web("80:30080", "81:30081", annotations={"p4kube.dev/addresses": "192.0.2.3"})
    late = things.service("late", "80:30082", "90:30090", annotations={"p4kube.dev/addresses": "192.0.2.3"})
    async with rig.running(lease_namespace=None):
        rig.api.put("services", late)
        await rig.settle()
        key = ServiceKey("default", "late")
        assert [port.port for port in rig.plane.wanted[key]] == [90]
        rig.api.change("services", "default", "web", spec={"ports": [{"port": 81, "nodePort": 30081}]})
        await rig.settle()
        assert [port.port for port in rig.plane.wanted[key]] == [80, 90]
        assert rig.condition("late")["status"] == "True"


async def test_two_services_share_an_address_by_port(rig):
    rig.web("80:30080", annotations={"p4kube.dev/addresses": "192.0.2.3"})
    rig.api.put("services", things.service("dns", "53:30053/UDP", loadBalancerIP="192.0.2.3"))
    async with rig.running(lease_namespace=None):
        assert rig.ingress()[0]["ip"] == rig.ingress("dns")[0]["ip"] == "192.0.2.3"


async def test_a_refusal_of_the_data_plane_is_told_and_tried_again_when_there_is_room(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.plane.automatic = False
        rig.api.put("services", things.service("big", "80:30081"))
        await rig.settle()
        big = ServiceKey("default", "big")
        rig.plane.settle(big, result=ProgramResult(False, "TableFull", "no room for more services"))
        await rig.settle()
        assert rig.condition("big")["reason"] == "TableFull" and len(rig.events("TableFull")) == 1
        assert rig.ingress("big")[0]["ports"][0]["error"] == "p4kube.dev/TableFull"
        submissions = len(rig.plane.history)
        rig.api.delete("services", "default", "web")
        await rig.settle()
        rig.plane.settle(WEB)
        await rig.settle()
        assert [key for key, _ in rig.plane.history[submissions:]] == [WEB, big]
        rig.plane.settle(big)
        await rig.settle()
        assert rig.ingress("big")[0]["ip"]


async def test_latency_is_measured_from_the_watch_event(rig, caplog):
    caplog.set_level("INFO", logger="p4kube.controller")
    rig.web()
    async with rig.running(lease_namespace=None):
        rig.plane.automatic = False
        grown = [things.endpoint("10.1.0.1", "n1"), things.endpoint("10.1.0.2", "n2")]
        rig.api.put("endpointslices", things.endpoint_slice("web-a", "web", *grown))
        await rig.settle()
        await rig.clock.advance(0.004)
        count = _sample(rig, "_count")
        total = _sample(rig, "_sum")
        rig.plane.settle(WEB)
        assert _sample(rig, "_count") == count + 1
        assert abs(_sample(rig, "_sum") - total - 0.004) < 1e-9
        assert '"duration_ms":4.0' in caplog.messages[-1] and '"service":"default/web"' in caplog.messages[-1]


def _sample(rig, suffix):
    return rig.metrics.registry.get_sample_value("p4kube_controller_program_seconds" + suffix)


async def test_an_excluded_node_gets_no_new_connection_and_keeps_the_old_ones(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        label = {"node.kubernetes.io/exclude-from-external-load-balancers": ""}
        rig.api.change("nodes", "", "n1", metadata={"labels": label})
        await rig.settle()
        assert rig.shares() == {"10.0.0.1": (0, 1)}


async def test_cluster_policy_falls_back_to_any_ready_node(rig):
    rig.web(externalTrafficPolicy="Cluster")
    label = {"node.kubernetes.io/exclude-from-external-load-balancers": "true"}
    rig.api.put("nodes", things.node("n1", "10.0.0.1", **label))
    async with rig.running(lease_namespace=None):
        assert rig.shares() == {"10.0.0.1": (0, 1), "10.0.0.2": (1, 0)}
        rig.api.put("nodes", things.node("n3", "10.0.0.3"))
        await rig.settle()
        assert rig.shares() == {"10.0.0.1": (0, 1), "10.0.0.2": (1, 0), "10.0.0.3": (1, 0)}


async def test_a_node_that_appears_after_its_endpoints(rig):
    rig.api.put("endpointslices", things.endpoint_slice("web-b", "web", things.endpoint("10.1.0.9", "n9")))
    rig.web()
    async with rig.running(lease_namespace=None):
        assert rig.shares() == {"10.0.0.1": (1, 0)}
        rig.api.put("nodes", things.node("n9", "10.0.0.9"))
        await rig.settle()
        assert rig.shares() == {"10.0.0.1": (1, 0), "10.0.0.9": (1, 0)}


async def test_pool_status_counts(rig):
    rig.web()
    async with rig.running(lease_namespace=None):
        await rig.clock.advance(1)
        assert rig.api.read("vippools", "", "main")["status"] == {"total": 7, "allocated": 1}
        rig.api.delete("services", "default", "web")
        await rig.clock.advance(1)
        assert rig.api.read("vippools", "", "main")["status"] == {"total": 7, "allocated": 0}


async def test_a_bad_pool_entry_is_told_and_the_rest_used(rig):
    rig.api.put("vippools", things.pool("main", "192.0.2.9-192.0.2.2", "192.0.2.40/30"))
    rig.web()
    async with rig.running(lease_namespace=None):
        assert rig.ingress()[0]["ip"] == "192.0.2.40"
        assert "ends before it begins" in rig.events("InvalidAddresses")[0]["note"]
