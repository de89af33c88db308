"""The lab itself: two nodes without P4Kube's own parts, and what they promise to everybody else."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from p4kube.lab import Lab, LabConfig, layout, netns, process, teardown
from p4kube.lab.binaries import find_kubectl
from p4kube.lab.lab import silent
from p4kube.lab.state import Files

pytestmark = [pytest.mark.cluster, pytest.mark.root, pytest.mark.timeout(600)]

AGNHOST = "registry.example/e2e-test-images/agnhost:2.53"


class Cluster:
    """The running lab, and kubectl on the host."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.kubectl_path = find_kubectl(silent)

    def kubectl(self, *words: str, given: object = None) -> str:
        argv = [self.kubectl_path, f"--kubeconfig={self.lab.kubeconfig}", *words]
        text = None if given is None else json.dumps(given)
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": list(objects)})

    def pod(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.lab.api.get(f"/api/v1/namespaces/default/pods/{name}")
        return found

    def pods(self, selector: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lab.api.get(
            f"/api/v1/namespaces/default/pods?labelSelector={selector}"
        )["items"]
        return found

    def curl(self, place: str, url: str) -> str:
        return self.lab.run_in(place, ["curl", "-sk", "--max-time", "5", url]).stdout

    def wait(self, what: str, done: Callable[[], object], seconds: float = 30) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            result = done()
            if result:
                return result
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
            time.sleep(0.05)

    def wait_ready(self, name: str) -> dict[str, Any]:
        self.wait(f"pod {name} to be ready", lambda: condition(self.pod(name), "Ready") == "True")
        return self.pod(name)

    def delete(self, name: str, *words: str) -> None:
        self.kubectl("delete", "pod", name, *words)


def condition(thing: dict[str, Any], kind: str) -> str | None:
    for each in thing["status"].get("conditions", ()):
        if each["type"] == kind:
            return str(each["status"])
    return None


def a_pod(name: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A pod whose containers see this machine's /tmp, so that a test can talk to them by files."""
    mount = {"name": "tmp", "mountPath": "/tmp"}
    for each in [*containers, *spec.get("initContainers", [])]:
        each.setdefault("volumeMounts", []).append(mount)
    spec["volumes"] = [*spec.get("volumes", []), {"name": "tmp", "hostPath": {"path": "/tmp"}}]
    metadata = {"name": name, "namespace": "default", "labels": {"app": name}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 2, **spec},
    }


def shell(script: str, name: str = "main", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **more}


def agnhost(*args: str, **more: Any) -> dict[str, Any]:
    return {"name": "main", "image": AGNHOST, "args": list(args), **more}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    lab = Lab()
    assert not lab.is_up(), "a lab is running on this machine: `p4kube lab down` first"
    assert lab.up(LabConfig(nodes=2, switch=False, controller=False))
    yield Cluster(lab)
    lab.down()
    assert teardown.remains(Files()) == []


@pytest.fixture(scope="module")
def web(cluster: Cluster) -> list[dict[str, Any]]:
    """Four web servers behind a NodePort service, all ready."""
    container = agnhost(
        "netexec",
        "--http-port=8080",
        ports=[{"containerPort": 8080, "name": "http"}],
        readinessProbe={"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
    )
    labels = {"app": "web"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {
            "type": "NodePort",
            "selector": labels,
            "clusterIP": "10.79.0.80",
            "ports": [{"port": 80, "targetPort": "http", "nodePort": 30080}],
        },
    }
    cluster.apply(deployment, service)
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    return cluster.pods("app=web")


def test_nodes_are_ready_with_their_addresses(cluster: Cluster) -> None:
    nodes = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    found = {node["metadata"]["name"]: node["status"]["addresses"][0]["address"] for node in nodes}
    assert found == {"node1": "10.77.101.2", "node2": "10.77.102.2"}
    assert all(condition(node, "Ready") == "True" for node in nodes)
    assert [node["spec"]["podCIDR"] for node in nodes] == ["10.78.1.0/24", "10.78.2.0/24"]


def test_second_up_changes_nothing(cluster: Cluster) -> None:
    before = {each.name: each.pid for each in cluster.lab.components()}
    assert not cluster.lab.up(LabConfig(nodes=5))
    assert {each.name: each.pid for each in cluster.lab.components()} == before


def test_node_port_of_every_node_reaches_every_pod(cluster: Cluster, web: list[dict[str, Any]]) -> None:
    names = {pod["metadata"]["name"] for pod in web}
    for node in ("10.77.101.2", "10.77.102.2"):
        url = f"http://{node}:30080/hostname"
        cluster.wait(f"the service on {node}", partial(cluster.curl, "client", url))
        # kube-proxy hears of the pods one by one.
        seen: set[str] = set()

        def all_seen(url: str = url, seen: set[str] = seen) -> bool:
            seen.add(cluster.curl("client", url))
            return seen == names

        cluster.wait(f"every pod through {node}", all_seen)


def test_pods_reach_pods_nodes_services_and_the_api(cluster: Cluster, web: list[dict[str, Any]]) -> None:
    here = f"default/{web[0]['metadata']['name']}"
    for pod in web:
        url = f"http://{pod['status']['podIP']}:8080/hostname"
        assert cluster.curl(here, url) == pod["metadata"]["name"]
        assert cluster.curl("client", url) == pod["metadata"]["name"]
    assert cluster.curl(here, "http://10.77.102.2:30080/hostname")
    cluster.wait("the ClusterIP", lambda: cluster.curl(here, "http://10.79.0.80/hostname"))
    assert "v1.36" in cluster.curl(here, "https://10.79.0.1/version")


def test_client_address_is_seen_by_a_pod_addressed_directly(
    cluster: Cluster, web: list[dict[str, Any]]
) -> None:
    seen = cluster.curl("client", f"http://{web[0]['status']['podIP']}:8080/clientip")
    assert seen.startswith("10.77.1.2:")


def test_readiness_probe_decides_the_endpoint(cluster: Cluster, tmp_path: Path) -> None:
    flag = tmp_path / "ready"
    probe = {"exec": {"command": ["test", "-e", str(flag)]}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.apply(a_pod("flagged", agnhost("pause", readinessProbe=probe)))
    cluster.wait("the pod to run", lambda: cluster.pod("flagged")["status"]["phase"] == "Running")
    assert condition(cluster.pod("flagged"), "Ready") == "False"
    flag.touch()
    cluster.wait_ready("flagged")
    flag.unlink()
    cluster.wait("the pod to be unready", lambda: condition(cluster.pod("flagged"), "Ready") == "False")
    cluster.delete("flagged")


def test_readiness_gate_holds_the_pod_back(cluster: Cluster) -> None:
    cluster.apply(a_pod("gated", agnhost("pause"), readinessGates=[{"conditionType": "lab/open"}]))
    cluster.wait("its container", lambda: condition(cluster.pod("gated"), "ContainersReady") == "True")
    assert condition(cluster.pod("gated"), "Ready") == "False"
    patch = {"status": {"conditions": [{"type": "lab/open", "status": "True"}]}}
    cluster.kubectl("patch", "pod", "gated", "--subresource=status", "-p", json.dumps(patch))
    assert condition(cluster.wait_ready("gated"), "lab/open") == "True"
    cluster.delete("gated")


def test_failing_liveness_probe_restarts_the_container(cluster: Cluster, tmp_path: Path) -> None:
    flag = tmp_path / "sick"
    probe = {"exec": {"command": ["test", "!", "-e", str(flag)]}, "periodSeconds": 1, "failureThreshold": 1}
    cluster.apply(a_pod("patient", shell("exec sleep 1000", livenessProbe=probe)))
    cluster.wait_ready("patient")
    flag.touch()
    cluster.wait(
        "a restart", lambda: cluster.pod("patient")["status"]["containerStatuses"][0]["restartCount"] > 0
    )
    flag.unlink()
    cluster.wait_ready("patient")
    cluster.delete("patient")


def test_init_containers_run_in_order_before_the_pod(cluster: Cluster, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first, second = (shell(f"echo {name} >> {log}", name) for name in ("first", "second"))
    main = shell(f"echo main >> {log}; exec sleep 1000")
    cluster.apply(a_pod("staged", main, initContainers=[first, second]))
    cluster.wait_ready("staged")
    cluster.wait("the log", lambda: log.read_text().split() == ["first", "second", "main"])
    cluster.delete("staged")


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_pod_that_never_restarts_ends_in_its_phase(cluster: Cluster, code: int, phase: str) -> None:
    name = f"once-{code}"
    cluster.apply(a_pod(name, shell(f"exit {code}"), restartPolicy="Never"))
    cluster.wait(phase, lambda: cluster.pod(name)["status"]["phase"] == phase)
    ended = cluster.pod(name)["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == code
    cluster.delete(name)


def test_crashing_container_is_restarted_with_backoff(cluster: Cluster) -> None:
    cluster.apply(a_pod("crasher", shell("exit 7")))

    def backing_off() -> bool:
        status = cluster.pod("crasher")["status"].get("containerStatuses", [{}])[0]
        waiting = status.get("state", {}).get("waiting", {})
        return waiting.get("reason") == "CrashLoopBackOff" and int(status["restartCount"]) >= 2

    cluster.wait("a back-off", backing_off)
    assert cluster.pod("crasher")["status"]["phase"] == "Running"
    cluster.delete("crasher")


def test_image_that_stands_for_no_program_is_explained(cluster: Cluster) -> None:
    cluster.apply(a_pod("stranger", {"name": "main", "image": "example/unknown:1"}))

    def waiting() -> Any:
        return (
            cluster.pod("stranger")["status"]
            .get("containerStatuses", [{}])[0]
            .get("state", {})
            .get("waiting")
        )

    found = cluster.wait("the reason", lambda: (waiting() or {}).get("message") and waiting())
    assert found["reason"] == "ErrImagePull"
    assert "example/unknown:1" in found["message"] and "agnhost" in found["message"]
    cluster.delete("stranger")


def test_deletion_gives_the_container_its_grace(cluster: Cluster, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        f'trap "echo term >> {log}; sleep 1; echo done >> {log}; exit 0" TERM; while :; do sleep 0.1; done'
    )
    cluster.apply(a_pod("polite", shell(script), terminationGracePeriodSeconds=10))
    cluster.wait_ready("polite")
    cluster.delete("polite", "--timeout=8s")
    assert log.read_text().split() == ["term", "done"]


def test_container_that_ignores_sigterm_is_killed(cluster: Cluster) -> None:
    cluster.apply(a_pod("stubborn", shell('trap "" TERM; while :; do sleep 0.1; done')))
    uid = cluster.wait_ready("stubborn")["metadata"]["uid"]
    begun = time.monotonic()
    cluster.delete("stubborn")
    assert 1.5 < time.monotonic() - begun < 6
    assert not netns.exists(layout.pod_namespace(uid))


def test_host_network_pod_has_the_nodes_address(cluster: Cluster) -> None:
    pod = a_pod("host", agnhost("netexec", "--http-port=8099"), hostNetwork=True, nodeName="node2")
    cluster.apply(pod)
    assert cluster.wait_ready("host")["status"]["podIP"] == "10.77.102.2"
    cluster.wait("its answer", lambda: cluster.curl("client", "http://10.77.102.2:8099/hostname") == "node2")
    cluster.delete("host")


def test_kubelet_restart_leaves_containers_alone(cluster: Cluster, web: list[dict[str, Any]]) -> None:
    def ids() -> dict[str, str]:
        return {
            pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["containerID"]
            for pod in cluster.pods("app=web")
        }

    before = ids()
    cluster.apply(a_pod("orphan", agnhost("pause")))
    orphan = cluster.wait_ready("orphan")["metadata"]["uid"]
    cluster.lab.stop_component("kubelet")
    cluster.delete("orphan", "--force", "--grace-period=0")
    cluster.lab.start_component("kubelet")
    cluster.wait("the kubelet to clean up", lambda: not netns.exists(layout.pod_namespace(orphan)))
    cluster.wait(
        "all pods ready", lambda: all(condition(p, "Ready") == "True" for p in cluster.pods("app=web"))
    )
    assert ids() == before
    assert cluster.curl("client", "http://10.77.101.2:30080/hostname") in before


def test_rebuilt_switch_carries_traffic_again(cluster: Cluster, web: list[dict[str, Any]]) -> None:
    cluster.lab.rebuild_switch()
    url = f"http://{web[0]['status']['podIP']}:8080/hostname"
    cluster.wait("the pod", lambda: cluster.curl("client", url) == web[0]["metadata"]["name"])
    cluster.wait("the NodePort", lambda: cluster.curl("client", "http://10.77.102.2:30080/hostname"))


def test_api_server_restart_is_survived(cluster: Cluster, web: list[dict[str, Any]]) -> None:
    cluster.lab.restart_component("apiserver")
    cluster.wait("the API", cluster.lab.api.ready)
    cluster.apply(a_pod("after", agnhost("pause")))
    cluster.wait_ready("after")
    cluster.delete("after")


def test_killed_component_shows_as_dead(cluster: Cluster) -> None:
    scheduler = cluster.lab.component("kube-scheduler")
    cluster.lab.kill_component("kube-scheduler", signal.SIGKILL)
    cluster.wait("its death", lambda: not process.alive(scheduler))
    cluster.lab.start_component("kube-scheduler")
    assert process.alive(cluster.lab.component("kube-scheduler"))


def test_container_sees_its_volumes_and_writes_nowhere_else(cluster: Cluster, tmp_path: Path) -> None:
    done, trace = tmp_path / "done", Path("/etc/p4kube-lab-trace")
    script = f"""
    set -e
    test "$(cat /configuration/colour)" = blue
    test "$(cat /secret/renamed)" = hush
    test "$(cat /one-file)" = blue
    test "$(cat /labels/name)" = volumes
    touch /scratch/file {trace}
    ! touch /configuration/file
    account=/var/run/secrets/kubernetes.io/serviceaccount
    curl -sf --cacert $account/ca.crt -H "Authorization: Bearer $(cat $account/token)" \\
        https://$KUBERNETES_SERVICE_HOST/apis > /dev/null
    touch {done}; exec sleep 1000
    """
    meta = {"name": "volumes"}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"colour": "blue"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"word": "hush"}}
    field = {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}
    volumes = [
        {"name": "a", "configMap": {"name": "volumes"}},
        {"name": "b", "secret": {"secretName": "volumes", "items": [{"key": "word", "path": "renamed"}]}},
        {"name": "c", "emptyDir": {}},
        {"name": "d", "downwardAPI": {"items": [field]}},
    ]
    mounts = [
        {"name": "a", "mountPath": "/configuration", "readOnly": True},
        {"name": "a", "mountPath": "/one-file", "subPath": "colour"},
        {"name": "b", "mountPath": "/secret"},
        {"name": "c", "mountPath": "/scratch"},
        {"name": "d", "mountPath": "/labels"},
    ]
    cluster.apply(config_map, secret, a_pod("volumes", shell(script, volumeMounts=mounts), volumes=volumes))
    cluster.wait("the script to get through", done.exists)
    assert not trace.exists()
    cluster.delete("volumes")


def test_logs_and_exec_of_a_container(cluster: Cluster) -> None:
    script = 'echo first; echo second; trap "exit 0" TERM; while :; do sleep 0.1; done'
    variable = [{"name": "COLOUR", "value": "blue"}]
    cluster.apply(a_pod("talker", shell(script, env=variable)))
    cluster.wait_ready("talker")
    cluster.wait("its output", lambda: cluster.kubectl("logs", "talker") == "first\nsecond\n")
    assert cluster.kubectl("logs", "talker", "--tail=1") == "second\n"
    inside = 'echo "$(hostname) $COLOUR $(cat)"'
    done = cluster.kubectl("exec", "-i", "talker", "--", "sh", "-c", inside, given="spoken")
    assert done == 'talker blue "spoken"\n'
    with pytest.raises(AssertionError, match="exit code 3"):
        cluster.kubectl("exec", "talker", "--", "sh", "-c", "exit 3")
    cluster.delete("talker")
