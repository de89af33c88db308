"""The workload under measurement in a lab: pods at chosen nodes, a Service with a VIP and one without."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from p4kube.bench import manifests
from p4kube.bench.http import Target, request_bytes
from p4kube.bench.manifests import NAME, Server
from p4kube.lab import Lab, LabError, layout, netns
from p4kube.lab.admin import AdminApi

_MERGE = "application/merge-patch+json"
_T = TypeVar("_T")


class Pod(msgspec.Struct, frozen=True):
    """A running pod, as far as measurements care."""

    name: str
    node: str
    address: str
    ready: bool
    leaving: bool


class Workload:
    """In a namespace of its own. Methods raise LabError with what was waited for and how far it came."""

    def __init__(self, lab: Lab, namespace: str, server: Server) -> None:
        self._lab, self._api, self.server = lab, lab.api, server
        self.namespace = namespace
        self._seated: set[str] = set()

    # Making and removing

    def create(self, spread: Mapping[str, int]) -> None:
        """The Deployment with `spread` (replicas by node) and both Services; returns when pods are ready."""
        self.remove()
        self._post("/api/v1/namespaces", manifests.namespace(self.namespace))
        account = f"{self._core}/serviceaccounts/default"
        wait(lambda: exists(self._api, account), f"{self.namespace}: the default service account", 30)
        self.offer(spread)
        self._post(f"{self._core}/services", manifests.load_balancer(self.server))
        self._post(f"{self._core}/services", manifests.node_port(self.server))
        self._post(f"{self._apps}/deployments", manifests.deployment(self.server, sum(spread.values())))
        self.settled(sum(spread.values()))

    def offer(self, spread: Mapping[str, int]) -> None:
        """Sets how many replicas each node may have."""
        for node, seats in spread.items():
            self._seated.add(node)
            self._patch(f"/api/v1/nodes/{node}/status", manifests.seats(seats or None))

    def scale(self, replicas: int) -> None:
        """Returns when the API has accepted it."""
        self._patch(f"{self._apps}/deployments/{NAME}/scale", {"spec": {"replicas": replicas}})

    def settled(self, replicas: int, seconds: float = 60) -> list[Pod]:
        """The pods, once exactly `replicas` of them are there and ready."""

        def complete() -> list[Pod] | None:
            pods = self.pods()
            done = len(pods) == replicas and all(pod.ready and not pod.leaving for pod in pods)
            return pods if done else None

        return wait(complete, f"{replicas} ready pods of deployment {self.namespace}/{NAME}", seconds)

    def remove(self, *, wait_seconds: float = 60) -> None:
        """Nothing of it is left afterwards; it need not exist."""
        path = f"/api/v1/namespaces/{self.namespace}"
        for node in self._seated:
            self._patch(f"/api/v1/nodes/{node}/status", manifests.seats(None))
        self._seated.clear()
        if exists(self._api, path):
            self._api.text("DELETE", path)
            wait(lambda: not exists(self._api, path), f"namespace {self.namespace} to go", wait_seconds)

    # Looking

    def pods(self) -> list[Pod]:
        items = self._api.get(f"{self._core}/pods?labelSelector=app%3D{NAME}")["items"]
        return sorted((_pod(item) for item in items), key=lambda pod: (pod.node, pod.name))

    def vip(self, seconds: float = 30) -> Target:
        """Where the Service is reached, once its status says that the switch serves it."""

        def programmed() -> Target | None:
            service = self._api.get(f"{self._core}/services/{NAME}")
            return vip_of(service)

        what = f"service {self.namespace}/{NAME} to be p4kube.dev/Programmed"
        try:
            return wait(programmed, what, seconds)
        except LabError as error:
            raise LabError(f"{error}\n{self._why_not_programmed()}") from error

    def node_port(self) -> int:
        service = self._api.get(f"{self._core}/services/{NAME}-node-port")
        return int(service["spec"]["ports"][0]["nodePort"])

    def _why_not_programmed(self) -> str:
        """What the Service says, and the last words of who should have programmed it: the lab may go now."""
        status = self._api.get(f"{self._core}/services/{NAME}").get("status", {})
        lines = [f"{c['type']}={c['status']}: {c.get('message', '')}" for c in status.get("conditions") or ()]
        for component in ("controller", "switch-agent"):
            log = self._lab.log_of(component)
            lines.append(f"the end of {log}:")
            lines += log.read_text(errors="replace").splitlines()[-8:] if log.exists() else ["(no log)"]
        return "\n".join(lines)

    def proxies_settled(self, spread: Mapping[str, int], seconds: float = 30) -> None:
        """Returns once every node's kube-proxy knows its own `spread` of the Service's pods.

        The nodes follow the API by themselves, and later than the switch.
        """
        service = self._api.get(f"{self._core}/services/{NAME}")
        port = int(service["spec"]["healthCheckNodePort"])
        for node in self._lab.layout.nodes:
            target, count = Target(str(node.address), port), spread.get(node.name, 0)
            what = f"kube-proxy of {node.name} to know its {count} pods of {self.namespace}/{NAME}"
            wait(lambda target=target, count=count: local_endpoints(target) == count, what, seconds)  # type: ignore[misc]

    # Requests

    @property
    def _core(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}"

    @property
    def _apps(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}"

    def _post(self, path: str, document: dict[str, Any]) -> None:
        self._api.text("POST", path, document)

    def _patch(self, path: str, change: dict[str, Any]) -> None:
        self._api.text("PATCH", path, change, _MERGE)


def vip_of(service: dict[str, Any]) -> Target | None:
    """Address and port of a Service whose status shows a VIP and says that it is programmed."""
    status = service.get("status", {})
    ingress = status.get("loadBalancer", {}).get("ingress") or ()
    addresses = [each["ip"] for each in ingress if each.get("ip")]
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    if not addresses or conditions.get("p4kube.dev/Programmed") != "True":
        return None
    return Target(addresses[0], int(service["spec"]["ports"][0]["port"]))


def by_node(pods: Iterable[Pod], nodes: Iterable[str]) -> dict[str, int]:
    """How many of the pods run at each of the nodes."""
    counts = dict.fromkeys(nodes, 0)
    for pod in pods:
        counts[pod.node] = counts.get(pod.node, 0) + 1
    return counts


def _pod(item: dict[str, Any]) -> Pod:
    status = item["status"]
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    return Pod(
        name=item["metadata"]["name"],
        node=item["spec"].get("nodeName", ""),
        address=status.get("podIP", ""),
        ready=ready,
        leaving="deletionTimestamp" in item["metadata"],
    )


def local_endpoints(target: Target) -> int | None:
    """What a kube-proxy says at a Service's healthCheckNodePort; None if it does not answer."""
    try:
        with netns.open_socket(layout.CLIENT, socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.settimeout(2)
            sock.connect(target)
            sock.sendall(request_bytes(target, "/healthz", keep=False))
            answer = b"".join(iter(lambda: sock.recv(4096), b""))
    except OSError:
        return None
    found = re.search(rb'"localEndpoints":\s*(\d+)', answer)
    return int(found[1]) if found else None


def exists(api: AdminApi, path: str) -> bool:
    try:
        api.get(path)
    except LabError as error:
        if ": 404 " in str(error):
            return False
        raise
    return True


def wait(look: Callable[[], _T | None], what: str, seconds: float) -> _T:
    """The first true result of `look`. Raises LabError when `seconds` have passed without one."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)
