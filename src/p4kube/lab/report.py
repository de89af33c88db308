"""What `p4kube lab status` shows: components with pid and memory, nodes, pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from p4kube.lab import process
from p4kube.lab.errors import LabError
from p4kube.lab.lab import Lab
from p4kube.lab.state import LabConfig


class ComponentReport(msgspec.Struct, frozen=True, rename="camel"):
    """`uptime` in seconds, `memory` (resident) in bytes; both 0 for a dead component."""

    name: str
    pid: int
    running: bool
    uptime: float
    memory: int
    log: str


class NodeReport(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    address: str
    ready: bool


class PodReport(msgspec.Struct, frozen=True, rename="camel"):
    namespace: str
    name: str
    node: str
    address: str
    phase: str
    ready: bool


class LabReport(msgspec.Struct, frozen=True, rename="camel"):
    """`api` says whether the API server answers; without it there are no nodes and pods to show."""

    ready: bool
    api: bool
    config: LabConfig
    kubeconfig: str
    components: list[ComponentReport]
    nodes: list[NodeReport]
    pods: list[PodReport]


def collect(lab: Lab) -> LabReport:
    """The lab's state now. Raises `LabError` if there is no lab."""
    record = lab.record
    try:
        nodes = [_node(item) for item in lab.api.get("/api/v1/nodes")["items"]]
        pods = [_pod(item) for item in lab.api.get("/api/v1/pods")["items"]]
        answers = True
    except (LabError, OSError):
        nodes, pods, answers = [], [], False
    return LabReport(
        ready=record.ready,
        api=answers,
        config=record.config,
        kubeconfig=str(lab.files.kubeconfig),
        components=[_component(lab, each) for each in lab.components()],
        nodes=nodes,
        pods=pods,
    )


def _component(lab: Lab, recorded: process.Process) -> ComponentReport:
    running = process.alive(recorded)
    return ComponentReport(
        name=recorded.name,
        pid=recorded.pid,
        running=running,
        uptime=round(process.uptime(recorded), 1) if running else 0.0,
        memory=_resident(recorded.pid) if running else 0,
        log=str(lab.log_of(recorded.name)),
    )


def _resident(pid: int) -> int:
    """Resident memory of a process in bytes, 0 if it ended meanwhile."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) * 1024 if found else 0


def _is_ready(item: dict[str, Any]) -> bool:
    conditions = item["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _node(item: dict[str, Any]) -> NodeReport:
    addresses = item["status"].get("addresses", ())
    internal = [each["address"] for each in addresses if each["type"] == "InternalIP"]
    return NodeReport(item["metadata"]["name"], internal[0] if internal else "", _is_ready(item))


def _pod(item: dict[str, Any]) -> PodReport:
    status = item["status"]
    return PodReport(
        namespace=item["metadata"]["namespace"],
        name=item["metadata"]["name"],
        node=item["spec"].get("nodeName", ""),
        address=status.get("podIP", ""),
        phase="Terminating" if "deletionTimestamp" in item["metadata"] else status.get("phase", ""),
        ready=_is_ready(item),
    )
