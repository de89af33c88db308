"""Kubernetes objects of the workload under measurement, as documents.

One Deployment, spread over the nodes exactly as asked for: each node offers a number of *seats* (an extended
resource) and each pod takes one, so the scheduler has one way to place them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SEAT = "p4kube.dev/seat"
NAME = "web"
LOAD_BALANCER_CLASS = "p4kube.dev/p4kube"
# A pod that is told to end serves on for this long, so that everybody has heard of it first.
FAREWELL_SECONDS = 4
Document = dict[str, Any]


class Server:
    """What the pods run: image, command, and the port and path that answer with the pod's name."""

    def __init__(self, container: Mapping[str, Any], port: int, path: str) -> None:
        self.container, self.port, self.path = dict(container), port, path


def agnhost() -> Server:
    """Kubernetes' own test server."""
    return Server({"image": "agnhost", "args": ["netexec", "--http-port=8080"]}, 8080, "/hostname")


def namespace(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def deployment(server: Server, replicas: int) -> Document:
    probe = {"httpGet": {"path": server.path, "port": server.port}, "periodSeconds": 1}
    container = {
        "name": "server",
        **server.container,
        "ports": [{"containerPort": server.port}],
        "readinessProbe": probe,
        "lifecycle": {"preStop": {"sleep": {"seconds": FAREWELL_SECONDS}}},
        "resources": {"requests": {SEAT: "1"}, "limits": {SEAT: "1"}},
    }
    pod = {
        "terminationGracePeriodSeconds": FAREWELL_SECONDS + 4,
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": NAME}},
            "template": {"metadata": {"labels": {"app": NAME}}, "spec": pod},
        },
    }


def load_balancer(server: Server) -> Document:
    """The Service with a VIP: P4Kube's class, and straight to the nodes that have replicas."""
    spec = {
        "type": "LoadBalancer",
        "loadBalancerClass": LOAD_BALANCER_CLASS,
        "externalTrafficPolicy": "Local",
    }
    return _service(NAME, server, spec)


def node_port(server: Server) -> Document:
    """The same pods as one usually reaches them: any node takes the request, and may pass it on."""
    return _service(f"{NAME}-node-port", server, {"type": "NodePort", "externalTrafficPolicy": "Cluster"})


def _service(name: str, server: Server, spec: Document) -> Document:
    port = {"name": "http", "port": 80, "targetPort": server.port, "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {**spec, "selector": {"app": NAME}, "ports": [port]},
    }


def seats(number: int | None) -> Document:
    """Merge patch of a node's status: how many seats it offers; None takes the resource away."""
    value = None if number is None else str(number)
    return {"status": {"capacity": {SEAT: value}, "allocatable": {SEAT: value}}}
