"""The workload's objects, and what is read from the API about them."""

from __future__ import annotations

from typing import Any

import pytest

from p4kube.bench import manifests, workload
from p4kube.bench.http import Target
from p4kube.bench.manifests import SEAT
from p4kube.bench.workload import Pod, by_node
from p4kube.lab import LabError


def service(condition: str | None, ip: str | None) -> dict[str, Any]:
    conditions = [] if condition is None else [{"type": "p4kube.dev/Programmed", "status": condition}]
    ingress = [] if ip is None else [{"ip": ip, "ipMode": "Proxy"}]
    status = {"loadBalancer": {"ingress": ingress}, "conditions": conditions}
    return {"spec": {"ports": [{"port": 80}]}, "status": status}


def test_a_vip_counts_once_it_is_programmed() -> None:
    assert workload.vip_of(service("True", "10.77.200.1")) == Target("10.77.200.1", 80)
    assert workload.vip_of(service("False", "10.77.200.1")) is None
    assert workload.vip_of(service("True", None)) is None
    assert workload.vip_of({"spec": {"ports": [{"port": 80}]}}) is None


def test_every_pod_takes_one_seat_and_listens_where_the_services_send() -> None:
    server = manifests.agnhost()
    pod = manifests.deployment(server, 7)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["resources"]["limits"] == {SEAT: "1"}
    assert container["readinessProbe"]["httpGet"]["port"] == server.port
    assert pod["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"]
    for made in (manifests.load_balancer(server), manifests.node_port(server)):
        assert made["spec"]["ports"][0]["targetPort"] == server.port


def test_seats_come_and_go() -> None:
    assert manifests.seats(4)["status"]["allocatable"] == {SEAT: "4"}
    assert manifests.seats(None)["status"]["capacity"] == {SEAT: None}


def test_pods_are_counted_at_every_node() -> None:
    pods = [Pod(f"web-{i}", "node1", "", True, False) for i in range(2)]
    assert by_node(pods, ["node1", "node2"]) == {"node1": 2, "node2": 0}


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(LabError, match="waited 0 s in vain for the thing"):
        workload.wait(lambda: None, "the thing", 0)
