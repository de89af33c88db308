"""The whole system in the lab while things go wrong: traffic goes on, and everything is restored."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from p4kube.bench import manifests
from p4kube.bench.http import Target
from p4kube.bench.traffic import SteadyReport
from p4kube.bench.workload import Workload
from p4kube.demo import traffic
from p4kube.lab import Lab, LabConfig

pytestmark = [pytest.mark.cluster, pytest.mark.root, pytest.mark.timeout(300)]
NAMESPACE = "system-test"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"


class System:
    """A lab with a workload behind a VIP."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.workload = Workload(lab, NAMESPACE, manifests.agnhost())

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.lab.api.get(f"{SERVICES}/{name}")
        return found

    def create_service(self, name: str, **spec: object) -> None:
        port = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
        whole = {"type": "LoadBalancer", "loadBalancerClass": "p4kube.dev/p4kube", "ports": [port],
                 "selector": {"app": "web"}, **spec}  # fmt: skip
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole}
        self.lab.api.text("POST", SERVICES, body)

    def delete_service(self, name: str) -> None:
        self.lab.api.text("DELETE", f"{SERVICES}/{name}")

    def has_service(self, name: str) -> bool:
        items = self.lab.api.get(SERVICES)["items"]
        return any(item["metadata"]["name"] == name for item in items)

    def condition(self, name: str) -> dict[str, Any]:
        conditions = self.service(name).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == "p4kube.dev/Programmed"), {})

    def address(self, name: str) -> str:
        ingress = self.service(name)["status"]["loadBalancer"].get("ingress", [])
        return str(ingress[0].get("ip", "")) if ingress else ""

    def answers(self, target: Target) -> bool:
        done = self.lab.run_in("client", ["curl", "-s", "--max-time", "1", f"http://{target}/hostname"])
        return done.returncode == 0 and done.stdout.startswith("web-")

    def switch_metric(self, name: str) -> float:
        done = self.lab.run_in("switch", ["curl", "-s", "http://127.0.0.1:9427/metrics"])
        lines = [line.rsplit(" ", 1) for line in done.stdout.splitlines() if line.startswith(name)]
        assert lines, f"the agent has no metric {name}"
        return float(lines[0][1])


def wait(what: str, done: Callable[[], object], seconds: float = 20) -> float:
    """Seconds until it was so."""
    begin = time.monotonic()
    while not done():
        assert time.monotonic() < begin + seconds, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return time.monotonic() - begin


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    lab = Lab()
    assert lab.up(LabConfig(nodes=3)), "another lab is up"
    try:
        system = System(lab)
        system.workload.create({"node1": 2, "node2": 1, "node3": 0})
        yield system
    finally:
        lab.down()


@pytest.fixture(scope="module")
def vip(system: System) -> Target:
    target = system.workload.vip()
    wait("the VIP to answer (kube-proxy follows the API by itself)", lambda: system.answers(target))
    return target


def assert_unharmed(report: SteadyReport) -> None:
    assert report.requests > 100
    assert not report.failures, f"{len(report.failures)} of {report.requests} failed: {report.failures[:3]}"
    broken = [c for c in report.connections if c.ended is not None]
    assert not broken, f"{len(broken)} connections broke: {broken[:3]}"


def test_traffic_survives_the_agents_death(system: System, vip: Target) -> None:
    with traffic.steady(system.lab, vip, "/hostname", 20) as running:
        system.lab.kill_component("switch-agent", signal.SIGKILL)
        time.sleep(1)
        system.workload.offer({"node3": 1})
        system.workload.scale(4)
        system.workload.settled(4)
        wait("a share for the third node without an agent", lambda: _reaches(system, vip, "node3"))
        system.lab.start_component("switch-agent")
        wait("the agent to be back", lambda: _agent_answers(system))
        time.sleep(1)
        report = running.finish()
    assert_unharmed(report)


def _reaches(system: System, vip: Target, node: str) -> bool:
    names = {pod.name for pod in system.workload.pods() if pod.node == node}
    return bool(names & set(traffic.burst(system.lab, vip, "/hostname", 60).answers))


def _agent_answers(system: System) -> bool:
    return system.lab.run_in("switch", ["curl", "-sf", "http://127.0.0.1:9427/metrics"]).returncode == 0


def test_an_api_outage_is_survived_and_caught_up_with(system: System, vip: Target) -> None:
    system.create_service("doomed")
    wait("the second service", lambda: system.condition("doomed").get("status") == "True")
    doomed = Target(system.address("doomed"), 80)
    wait("its answer (kube-proxy follows the API by itself)", lambda: system.answers(doomed))
    with traffic.steady(system.lab, vip, "/hostname", 20) as running:
        system.lab.kill_component("kube-apiserver", signal.SIGKILL)
        time.sleep(30)
        # What happens before the controller is back must not escape it.
        system.lab.kill_component("controller", signal.SIGSTOP)
        system.lab.start_component("kube-apiserver")
        wait("the API server", system.lab.api.ready, 60)
        system.delete_service("doomed")
        system.lab.kill_component("controller", signal.SIGCONT)
        report = running.finish()
    assert_unharmed(report)
    wait("the deletion to be carried out", lambda: not system.has_service("doomed"), 60)
    assert not system.answers(doomed)
    assert system.answers(vip)


def test_a_rebooted_switch_is_restored_within_two_seconds(system: System, vip: Target) -> None:
    kept = traffic.burst(system.lab, vip, "/hostname", 50)
    assert not kept.failures
    system.lab.rebuild_switch()
    wait("the agent", lambda: _agent_answers(system))
    assert wait("the VIP to answer again", lambda: system.answers(vip), 10) < 2
    report = traffic.burst(system.lab, vip, "/hostname", 200)
    assert not report.failures
    assert system.condition("web")["status"] == "True"


@pytest.mark.parametrize(
    ("name", "spec", "reason"),
    [
        ("sctp", {"ports": [{"name": "s", "port": 99, "protocol": "SCTP"}]}, "SCTP"),
        ("elsewhere", {"loadBalancerIP": "192.0.2.200"}, "192.0.2.200"),
        ("portless", {"allocateLoadBalancerNodePorts": False}, "nodePort"),
    ],
)
def test_what_cannot_be_served_is_explained_and_disturbs_nobody(
    system: System, vip: Target, name: str, spec: dict[str, object], reason: str
) -> None:
    with traffic.steady(system.lab, vip, "/hostname", 5) as running:
        system.create_service(name, **spec)
        wait("the refusal", lambda: system.condition(name).get("status") == "False")
        message = system.condition(name)["message"]
        assert reason.lower() in message.lower()
        wait("an Event", lambda: _warnings(system, name))
        assert any(reason.lower() in note.lower() for note in _warnings(system, name))
        system.delete_service(name)
        wait("its end", lambda: not system.has_service(name))
        time.sleep(1)
        report = running.finish()
    assert_unharmed(report)


def _warnings(system: System, name: str) -> list[str]:
    events = system.lab.api.get(f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events")["items"]
    return [e["note"] for e in events if e["regarding"]["name"] == name and e["type"] == "Warning"]


def test_a_service_without_an_address_gets_one_when_there_is_one(system: System, vip: Target) -> None:
    _set_pool(system, f"{vip.host}/32")
    system.create_service("late")
    wait("the refusal", lambda: system.condition("late").get("status") == "False")
    assert not system.address("late")
    assert "address" in system.condition("late")["message"]
    assert system.answers(vip)
    _set_pool(system, "10.77.200.0/24")
    wait("an address", lambda: system.condition("late").get("status") == "True")
    assert system.address("late")
    system.delete_service("late")


def _set_pool(system: System, addresses: str) -> None:
    path = "/apis/p4kube.dev/v1alpha1/vippools/lab"
    change = {"spec": {"addresses": [addresses]}}
    system.lab.api.text("PATCH", path, change, "application/merge-patch+json")


def test_a_port_clash_on_a_shared_address_is_explained(system: System, vip: Target) -> None:
    system.create_service("clash", loadBalancerIP=vip.host)
    wait("the refusal", lambda: system.condition("clash").get("status") == "False")
    assert f"{NAMESPACE}/web" in json.dumps(system.service("clash")["status"])
    assert system.answers(vip)
    system.delete_service("clash")


_SEND = """
import socket, sys
from p4kube.controller.link.keys import load_update_keys
from pathlib import Path
from p4kube.wire.message import Message, Operation, Status, encode, decode
keys = load_update_keys(Path(sys.argv[1]))
number = max(keys)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.77.0.1", 7777))
s.settimeout(1)
def ask(message, key=keys[number]):
    s.send(encode(message, key))
    try:
        return decode(s.recv(2048), keys[number])
    except TimeoutError:
        return None
now = ask(Message(Operation.HELLO, number, 0, 0, 0, 1))
assert now is not None and now.status is Status.EPOCH, now
old = ask(Message(Operation.WRITE, number, now.epoch - 1, now.sequence + 1, now.boot_id, 2, ((4, 1, 1),)))
assert old is not None and old.status is Status.EPOCH, old
good = Message(Operation.WRITE, number, now.epoch, now.sequence + 1, now.boot_id, 3, ((4, 1, 1),))
assert ask(good, bytes(16)) is None
s.send(encode(good, keys[number])[:100])
s.send(b"x" * 1400)
again = ask(Message(Operation.HELLO, number, 0, 0, 0, 4))
assert again.sequence == now.sequence, (again, now)
print("refused")
"""


def test_strangers_and_old_leaders_change_nothing(system: System, vip: Target) -> None:
    forged = 'p4kube_switch_events_total{event="update_forged"}'
    before = system.switch_metric(forged)
    keys = str(system.lab.files.switch_keys)
    done = system.lab.run_in("cp", [sys.executable, "-c", _SEND, keys])
    assert done.stdout.strip() == "refused", done.stderr
    wait("the count of forged updates", lambda: system.switch_metric(forged) == before + 1)
    assert system.answers(vip)
