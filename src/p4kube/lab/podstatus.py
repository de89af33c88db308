"""A pod's status as a function of what its containers do. Pure: the kubelet sends what stands here."""

from __future__ import annotations

import datetime
from ipaddress import IPv4Address

import msgspec

from p4kube.lab.podspec import Condition, Pod


def timestamp() -> str:
    """Now, in RFC 3339 to the second, as the API server writes times."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Waiting(msgspec.Struct, frozen=True, omit_defaults=True):
    reason: str
    message: str = ""


class Running(msgspec.Struct, rename="camel", frozen=True):
    started_at: str


class Terminated(msgspec.Struct, frozen=True):
    exit_code: int = msgspec.field(name="exitCode")
    reason: str
    started_at: str | None = msgspec.field(name="startedAt")
    finished_at: str = msgspec.field(name="finishedAt")
    container_id: str = msgspec.field(name="containerID", default="")


class ContainerState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Exactly one of the three is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(msgspec.Struct, frozen=True):
    name: str
    image: str
    state: ContainerState
    last_state: ContainerState = msgspec.field(name="lastState", default=ContainerState())
    ready: bool = False
    started: bool = False
    restart_count: int = msgspec.field(name="restartCount", default=0)
    image_id: str = msgspec.field(name="imageID", default="")
    container_id: str = msgspec.field(name="containerID", default="")


class Address(msgspec.Struct, frozen=True):
    ip: str


class PodStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    phase: str
    conditions: list[Condition]
    container_statuses: list[ContainerStatus] = msgspec.field(name="containerStatuses")
    init_container_statuses: list[ContainerStatus] = msgspec.field(name="initContainerStatuses")
    start_time: str = msgspec.field(name="startTime")
    host_ip: str = msgspec.field(name="hostIP")
    host_ips: list[Address] = msgspec.field(name="hostIPs")
    pod_ip: str | None = msgspec.field(name="podIP", default=None)
    pod_ips: list[Address] | None = msgspec.field(name="podIPs", default=None)
    observed_generation: int = msgspec.field(name="observedGeneration", default=0)
    reason: str | None = None
    message: str | None = None


class Observation(msgspec.Struct, frozen=True):
    """What the kubelet knows of a pod at one moment. `initialized`: all init containers are through."""

    init: list[ContainerStatus]
    main: list[ContainerStatus]
    initialized: bool
    start_time: str
    host: IPv4Address
    address: IPv4Address | None
    failure: Waiting | None = None


def phase_of(pod: Pod, seen: Observation) -> str:
    """PodPhase, by the rules of core/v1 PodStatus.phase."""
    if seen.failure is not None:
        return "Failed"
    broken = any(status.state.terminated and status.state.terminated.exit_code for status in seen.init)
    if broken and pod.spec.restart_policy == "Never" and not seen.initialized:
        return "Failed"
    ended = [status.state.terminated for status in seen.main]
    codes = [state.exit_code for state in ended if state is not None]
    if seen.initialized and len(codes) == len(ended):
        over = pod.metadata.deletion_timestamp is not None or pod.spec.restart_policy == "Never"
        if over or (pod.spec.restart_policy == "OnFailure" and not any(codes)):
            return "Failed" if any(codes) else "Succeeded"
        return "Running"
    begun = any(each.state.running or each.state.terminated or each.restart_count for each in seen.main)
    return "Running" if begun else "Pending"


def compute(pod: Pod, seen: Observation, now: str, sent: PodStatus | None = None) -> PodStatus:
    """The status to publish. Conditions keep their transition time where they did not change.

    `sent` is the status published last. Its times count before those in `pod`, which may be older than it:
    else two versions on their way would make each other look like changes for ever.
    """
    phase = phase_of(pod, seen)
    unready = [status.name for status in seen.main if not status.ready]
    over = phase in ("Succeeded", "Failed")
    containers_ready = seen.initialized and not unready and not over
    held = {condition.type: condition.status for condition in pod.status.conditions}
    gates = [gate.condition_type for gate in pod.spec.readiness_gates]
    gates_closed = [gate for gate in gates if held.get(gate) != "True"]

    reason, message = "", ""
    if over:
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
    elif not containers_ready:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    conditions = [
        _condition("PodReadyToStartContainers", seen.address is not None and not over),
        _condition("Initialized", seen.initialized, "" if seen.initialized else "ContainersNotInitialized"),
        _condition("ContainersReady", containers_ready, reason, message),
    ]
    if containers_ready and gates_closed:
        reason = "ReadinessGatesNotReady"
        message = f"conditions that are not True: [{' '.join(gates_closed)}]"
    conditions.append(_condition("Ready", containers_ready and not gates_closed, reason, message))
    known = sent.conditions if sent is not None else pod.status.conditions
    addresses = None if seen.address is None else [Address(str(seen.address))]
    return PodStatus(
        phase=phase,
        conditions=[_dated(condition, known, now) for condition in conditions],
        container_statuses=seen.main,
        init_container_statuses=seen.init,
        start_time=seen.start_time,
        host_ip=str(seen.host),
        host_ips=[Address(str(seen.host))],
        pod_ip=None if seen.address is None else str(seen.address),
        pod_ips=addresses,
        observed_generation=pod.metadata.generation,
        reason=seen.failure.reason if seen.failure else None,
        message=seen.failure.message if seen.failure else None,
    )


def overruled(pod: Pod, sent: PodStatus, version: str) -> bool:
    """Whether somebody has since set a condition of ours otherwise than we `sent` it (as `version`).

    The node controller makes pods unready when their node has not been heard of; once it is back, only the
    kubelet can say that they are ready.
    """
    if not version or int(pod.metadata.resource_version or 0) <= int(version):
        return False
    held = {condition.type: condition.status for condition in pod.status.conditions}
    return any(
        held.get(condition.type, condition.status) != condition.status for condition in sent.conditions
    )


def _condition(kind: str, holds: bool, reason: str = "", message: str = "") -> Condition:
    return Condition(kind, "True" if holds else "False", reason=reason, message=message)


def _dated(condition: Condition, known: list[Condition], now: str) -> Condition:
    """Take over the known transition time if the status is the same, else set it to now."""
    since = now
    for each in known:
        if each.type == condition.type and each.status == condition.status and each.last_transition_time:
            since = each.last_transition_time
    return msgspec.structs.replace(condition, last_transition_time=since)
