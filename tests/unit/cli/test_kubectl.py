"""`kubectl p4kube`: what it makes of a snapshot of the cluster."""

from __future__ import annotations

from pathlib import Path

import msgspec
from click.testing import CliRunner

from p4kube.cli.kubectl import Snapshot, main, view_service
from p4kube.controller.endpoints import view_node
from p4kube.kube.objects import EndpointSlice, Node, Service
from p4kube.kube.testing import things

NODES = {
    name: view_node(
        msgspec.convert(
            {
                "metadata": {"name": name},
                "status": {"addresses": [{"type": "InternalIP", "address": address}]},
            },
            Node,
        )
    )
    for name, address in (("n1", "10.0.0.1"), ("n2", "10.0.0.2"))
}


def service(**status: object) -> Service:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30080}]}
    metadata = {"name": "web", "namespace": "default"}
    return msgspec.convert({"metadata": metadata, "spec": spec, "status": status}, Service)


def snapshot(*endpoints: object) -> Snapshot:
    part = msgspec.convert(things.endpoint_slice("web-1", "web", *endpoints), EndpointSlice)
    nodes = {name: node for name, node in NODES.items() if node is not None}
    return Snapshot([], [part], nodes, [])


def test_shares_follow_the_ready_endpoints() -> None:
    given = snapshot(
        things.endpoint("10.1.0.1", "n1"),
        things.endpoint("10.1.0.2", "n1"),
        things.endpoint("10.1.0.3", "n2"),
        things.endpoint("10.1.0.4", "n2", ready=False, serving=True, terminating=True),
    )
    condition = {"type": "p4kube.dev/Programmed", "status": "True", "reason": "Programmed", "message": "ok"}
    ingress = [{"ip": "203.0.113.1", "ports": [{"port": 80, "protocol": "TCP"}]}]
    view = view_service(service(loadBalancer={"ingress": ingress}, conditions=[condition]), given)
    assert (view.address, view.programmed) == ("203.0.113.1", "True")
    (port,) = view.ports
    assert [(n.node, n.ready, n.draining, round(n.share, 2)) for n in port.nodes] == [
        ("n1", 2, 0, 0.67),
        ("n2", 1, 1, 0.33),
    ]


def test_a_refused_port_shows_why() -> None:
    ingress = [{"ports": [{"port": 80, "protocol": "TCP", "error": "PortClash"}]}]
    view = view_service(service(loadBalancer={"ingress": ingress}), snapshot())
    assert (view.address, view.programmed, view.ports[0].error) == ("", "Unknown", "PortClash")
    assert view.ports[0].nodes == []


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["services", "--kubeconfig", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "none: cannot read the kubeconfig" in result.output
