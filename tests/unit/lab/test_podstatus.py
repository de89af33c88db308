"""A pod's phase and conditions from what its containers do."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import msgspec
import pytest

from p4kube.lab.podspec import Pod
from p4kube.lab.podstatus import (
    ContainerState,
    ContainerStatus,
    Observation,
    Running,
    Terminated,
    Waiting,
    compute,
    overruled,
)

NOW, EARLIER = "2026-01-01T00:00:10Z", "2026-01-01T00:00:00Z"
CREATING = ContainerState(waiting=Waiting("ContainerCreating"))
RUNNING = ContainerState(running=Running(EARLIER))
GOOD, BAD = (
    ContainerState(terminated=Terminated(exit_code=code, reason="", started_at=EARLIER, finished_at=NOW))
    for code in (0, 1)
)


def a_pod(restart: str = "Always", **more: Any) -> Pod:
    document: dict[str, Any] = {
        "metadata": {"name": "p", "namespace": "n", "uid": "u", "generation": 3},
        "spec": {"containers": [{"name": "main"}], "restartPolicy": restart, **more.pop("spec", {})},
        **more,
    }
    return msgspec.convert(document, Pod)


def seen(state: ContainerState, *, ready: bool = False, initialized: bool = True) -> Observation:
    status = ContainerStatus("main", "image", state, ready=ready)
    return Observation([], [status], initialized, EARLIER, IPv4Address("10.0.0.1"), IPv4Address("10.1.0.2"))


def condition(pod: Pod, observation: Observation, kind: str) -> Any:
    return next(each for each in compute(pod, observation, NOW).conditions if each.type == kind)


@pytest.mark.parametrize(
    ("restart", "state", "phase"),
    [
        ("Always", CREATING, "Pending"),
        ("Always", RUNNING, "Running"),
        ("Always", GOOD, "Running"),
        ("OnFailure", GOOD, "Succeeded"),
        ("OnFailure", BAD, "Running"),
        ("Never", GOOD, "Succeeded"),
        ("Never", BAD, "Failed"),
    ],
)
def test_phase(restart: str, state: ContainerState, phase: str) -> None:
    assert compute(a_pod(restart), seen(state), NOW).phase == phase


def test_ready_needs_ready_containers() -> None:
    assert condition(a_pod(), seen(RUNNING, ready=False), "Ready").status == "False"
    assert condition(a_pod(), seen(RUNNING, ready=True), "Ready").status == "True"


@pytest.mark.parametrize(("gate", "ready"), [("True", "True"), ("False", "False"), (None, "False")])
def test_readiness_gate(gate: str | None, ready: str) -> None:
    conditions = [] if gate is None else [{"type": "a/b", "status": gate}]
    spec = {"readinessGates": [{"conditionType": "a/b"}]}
    pod = a_pod(spec=spec, status={"conditions": conditions})
    assert condition(pod, seen(RUNNING, ready=True), "ContainersReady").status == "True"
    assert condition(pod, seen(RUNNING, ready=True), "Ready").status == ready


def test_unchanged_condition_keeps_its_time() -> None:
    known = {"type": "Ready", "status": "True", "lastTransitionTime": EARLIER}
    pod = a_pod(status={"conditions": [known]})
    assert condition(pod, seen(RUNNING, ready=True), "Ready").last_transition_time == EARLIER
    assert condition(pod, seen(RUNNING, ready=False), "Ready").last_transition_time == NOW


def test_status_is_written_with_the_names_of_the_api() -> None:
    written = msgspec.to_builtins(compute(a_pod(), seen(RUNNING, ready=True), NOW))
    assert written["podIP"] == "10.1.0.2" and written["hostIP"] == "10.0.0.1"
    assert written["podIPs"] == [{"ip": "10.1.0.2"}]
    assert written["observedGeneration"] == 3
    assert written["containerStatuses"][0]["state"] == {"running": {"startedAt": EARLIER}}


def test_times_that_were_sent_count_before_those_that_come_back() -> None:
    """Two versions of the pod in flight must not make each other look like changes."""
    observation = seen(RUNNING, ready=True)
    sent = compute(a_pod(), observation, EARLIER)
    stale = a_pod(status={"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]})
    assert compute(stale, observation, NOW, sent) == sent


def test_a_pod_that_the_node_controller_made_unready_is_reported_anew() -> None:
    sent = compute(a_pod(), seen(RUNNING, ready=True), NOW)
    overridden = [{"type": "Ready", "status": "False"}]
    for version, conditions, expected in (
        ("8", overridden, True),
        ("7", overridden, False),  # our own change, or one from before it
        ("8", [{"type": "Ready", "status": "True"}], False),
        ("8", [], False),
    ):
        pod = a_pod(status={"phase": "Running", "conditions": conditions})
        pod = msgspec.structs.replace(
            pod, metadata=msgspec.structs.replace(pod.metadata, resource_version=version)
        )
        assert overruled(pod, sent, "7") is expected
    assert not overruled(a_pod(), sent, "")
