"""The process kubelet: registers nodes, renews their Leases, and runs their pods as processes.

One process serves every node of the lab, each with its own identity and its own sockets: what a node's
kubelet says crosses that node's link, so a cut link makes the node NotReady as it would in a real cluster.
Its containers outlive it: a kubelet that is started again takes them over.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
from ipaddress import IPv4Address
from pathlib import Path

from p4kube.lab import kubeletserver, layout
from p4kube.lab.api import ApiClient, ApiError, Listing
from p4kube.lab.binaries import KUBERNETES_VERSION
from p4kube.lab.layout import Layout, Node
from p4kube.lab.podnet import Addresses
from p4kube.lab.podspec import Condition, Pod
from p4kube.lab.podstatus import timestamp
from p4kube.lab.podworker import PodWorker, read_record, remove_remains
from p4kube.lab.state import Files

LEASE_SECONDS = 40
_RENEW_SECONDS = 10
_STATUS_SECONDS = 300
# What a node offers is not this machine's share: pods here are small, and the scheduler must place many.
_CAPACITY = {"cpu": "32", "memory": "64Gi", "pods": "250", "ephemeral-storage": "100Gi"}


def node_object(node: Node) -> dict[str, object]:
    """The Node as the kubelet registers it."""
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": node.zone,
        "topology.kubernetes.io/region": "lab",
    }
    cidr = str(node.pod_cidr)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr], "providerID": f"p4kube-lab://{node.name}"},
    }


def node_status(node: Node, now: str) -> dict[str, object]:
    """NodeStatus: addresses, capacity, and the conditions that the scheduler and the controllers look at."""
    fine = {
        "MemoryPressure": "KubeletHasSufficientMemory",
        "DiskPressure": "KubeletHasNoDiskPressure",
        "PIDPressure": "KubeletHasSufficientPID",
    }
    conditions = [
        Condition(kind, "False", last_heartbeat_time=now, last_transition_time=now, reason=reason)
        for kind, reason in fine.items()
    ]
    conditions.append(
        Condition(
            "Ready",
            "True",
            last_heartbeat_time=now,
            last_transition_time=now,
            reason="KubeletReady",
            message="the process kubelet is posting ready status",
        )
    )
    return {
        "addresses": [
            {"type": "InternalIP", "address": str(node.address)},
            {"type": "Hostname", "address": node.name},
        ],
        "capacity": _CAPACITY,
        "allocatable": _CAPACITY,
        "conditions": conditions,
        "daemonEndpoints": {"kubeletEndpoint": {"Port": kubeletserver.PORT}},
        # The API server then passes the WebSockets of exec through to us, and asks for no SPDY.
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        "nodeInfo": {
            "machineID": node.name,
            "systemUUID": node.name,
            "bootID": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            "kernelVersion": platform.release(),
            "osImage": "p4kube lab (network namespaces)",
            "containerRuntimeVersion": "process://1",
            "kubeletVersion": KUBERNETES_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


class NodeAgent:
    """One node's kubelet."""

    def __init__(self, node: Node, api: ApiClient, pods_folder: Path, agnhost: Path) -> None:
        self.node = node
        self._api = api
        self._pods_folder = pods_folder
        self._agnhost = agnhost
        self._addresses = Addresses(node)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        self._keep_known_addresses()
        await self._register()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew_lease())
            group.create_task(self._post_status())
            group.create_task(self._follow_pods())

    def _keep_known_addresses(self) -> None:
        """Addresses of pods that an earlier kubelet started must not go to new pods first."""
        for folder in self._pods_folder.iterdir():
            record = read_record(folder)
            if record is not None and record.node == self.node.name and not record.host_network:
                self._addresses.keep(IPv4Address(record.address))

    async def _register(self) -> None:
        """Create the Node, or leave an existing one, until the API server agrees."""
        while True:
            try:
                await self._api.request("POST", "/api/v1/nodes", node_object(self.node))
                return
            except ApiError as error:
                if error.code == 409:
                    return
                self._say(f"cannot register: {error}")
            await asyncio.sleep(1)

    async def _post_status(self) -> None:
        path = f"/api/v1/nodes/{self.node.name}/status"
        while True:
            try:
                await self._api.patch_strategic(path, {"status": node_status(self.node, timestamp())})
            except ApiError as error:
                self._say(f"node status not accepted: {error}")
                await asyncio.sleep(1)
            else:
                await asyncio.sleep(_STATUS_SECONDS)

    async def _renew_lease(self) -> None:
        """Keep the Lease in kube-node-lease young; when it was lost for long, post the status again."""
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        name = self.node.name
        while True:
            now = timestamp().replace("Z", ".000000Z")
            spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
            try:
                await self._api.request(
                    "PATCH", f"{leases}/{name}", {"spec": spec}, content_type="application/merge-patch+json"
                )
                await asyncio.sleep(_RENEW_SECONDS)
                continue
            except ApiError as error:
                if error.code == 404:
                    await self._create_lease(leases, spec)
                else:
                    self._say(f"lease not renewed: {error}")
            await asyncio.sleep(1)

    async def _create_lease(self, path: str, spec: dict[str, object]) -> None:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.node.name, "namespace": "kube-node-lease"},
            "spec": spec,
        }
        try:
            await self._api.request("POST", path, lease)
        except ApiError as error:
            self._say(f"lease not created: {error}")

    async def _follow_pods(self) -> None:
        selector = f"spec.nodeName={self.node.name}"
        async for news in self._api.follow("/api/v1/pods", Pod, selector):
            if isinstance(news, Listing):
                self._forget_missing({pod.metadata.uid for pod in news.items})
                for pod in news.items:
                    self._accept(pod)
            elif news.type != "DELETED":
                self._accept(news.item)
            elif news.item.metadata.uid in self._workers:
                self._workers[news.item.metadata.uid].delete()

    def _accept(self, pod: Pod) -> None:
        uid = pod.metadata.uid
        if uid in self._workers:
            self._workers[uid].update(pod)
            return
        worker = PodWorker(pod, self.node, self._api, self._addresses, self._pods_folder, self._agnhost)
        self._workers[uid] = worker
        task = asyncio.create_task(worker.run(), name=pod.name)
        task.add_done_callback(lambda done: self._done(uid, done))
        self._tasks[uid] = task

    def _done(self, uid: str, task: asyncio.Task[None]) -> None:
        del self._workers[uid], self._tasks[uid]
        if not task.cancelled() and task.exception() is not None:
            self._say(f"pod {task.get_name()} failed: {task.exception()!r}")

    def _forget_missing(self, listed: set[str]) -> None:
        """End pods, and remove remains of pods, that the API no longer has."""
        for uid, worker in self._workers.items():
            if uid not in listed:
                worker.delete()
        for folder in list(self._pods_folder.iterdir()):
            record = read_record(folder)
            if record is None or record.node != self.node.name:
                continue
            if record.uid not in listed and record.uid not in self._workers:
                remove_remains(folder, record)
                self._addresses.give_back(IPv4Address(record.address))

    def _say(self, text: str) -> None:
        print(f"{timestamp()} {self.node.name}: {text}", flush=True)


async def serve(files: Files, plan: Layout, agnhost: Path) -> None:
    """Run the kubelets of all nodes until SIGTERM or SIGINT; their pods go on without them."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = f"https://{layout.API_ADDRESS}:{layout.API_PORT}"
    agents = []
    for node in plan.nodes:
        await kubeletserver.KubeletServer(node, files.certificates, files.pods).start()
        api = ApiClient(server, files.certificates, f"kubelet-{node.name}", node.namespace)
        agents.append(asyncio.create_task(NodeAgent(node, api, files.pods, agnhost).run()))
    ending = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([ending, *agents], return_when=asyncio.FIRST_COMPLETED)
    for task in done - {ending}:
        task.result()
    # Pods must not be ended by our going: leave without unwinding their tasks.
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description="The lab's process kubelet, for all nodes.")
    parser.add_argument("--state", type=Path, required=True, help="the lab's state folder")
    parser.add_argument("--nodes", type=int, required=True, help="number of nodes")
    parser.add_argument("--agnhost", type=Path, required=True, help="the agnhost program")
    options = parser.parse_args()
    asyncio.run(serve(Files(options.state), Layout(options.nodes), options.agnhost))


if __name__ == "__main__":
    main()
