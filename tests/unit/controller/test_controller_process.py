"""`p4kube controller run` as a process: over HTTP, to a signal; and what it says if it cannot start."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest
import yaml
from click.testing import CliRunner

from p4kube.cli.controller import controller
from p4kube.kube.testing import FakeApi, serve, things, until

PROGRAM = "from p4kube.cli.controller import controller; controller()"


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "run", *arguments, stderr=asyncio.subprocess.PIPE
    )


def kubeconfig(path, url):
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    (path / "kubeconfig").write_text(yaml.safe_dump(config))
    return str(path / "kubeconfig")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_dry_run_serves_until_a_signal_and_gives_the_lease_back(tmp_path, number):
    api = FakeApi()
    api.put("vippools", things.pool("main", "192.0.2.0/24"))
    api.put("nodes", things.node("n1", "10.0.0.1"))
    api.put("services", things.service("web"))
    api.put("endpointslices", things.endpoint_slice("web-a", "web", things.endpoint("10.1.0.1", "n1")))
    (tmp_path / "config.yaml").write_text("metrics: 127.0.0.1:0\n")

    def shown() -> object:
        return api.read("services", "default", "web")["status"].get("loadBalancer")

    async with serve(api) as url:
        files = ("--kubeconfig", kubeconfig(tmp_path, url), "--config", str(tmp_path / "config.yaml"))
        process = await start(*files, "--dry-run")
        await until(shown, limit=15)
        process.send_signal(number)
        _, log = await process.communicate()
    assert process.returncode == 0 and b"Traceback" not in log, log.decode()
    assert b"would serve 192.0.2.1:80/TCP at nodePort 30080 on 10.0.0.1 (1 ready)" in log
    assert b'"msg":"programmed","service":"default/web"' in log
    assert api.read("leases", "kube-system", "p4kube-controller")["spec"]["holderIdentity"] == ""


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("switchs: []", "unknown field `switchs`"),
        (
            "switches: [{name: a, address: 10.0.0.1, keysFile: k, prot: 1}]",
            "switches[0]: Object contains unknown",
        ),
        ("switches: [{name: a, address: ten, keysFile: k}]", "switches[0].address: expected an IPv4"),
        ("switches: [{name: a, address: 10.0.0.1}]", "missing required field `keysFile`"),
        ("switches: [{name: a, address: 10.0.0.1, keysFile: k, port: 70000}]", "switches[0].port"),
        (
            "switches: [{name: a, address: 1.1.1.1, keysFile: k}, {name: a, address: 1.1.1.2, keysFile: k}]",
            "switches[1].name",
        ),
        ("metrics: nowhere", "metrics: expected host:port"),
        ("transitionSeconds: 0", "transitionSeconds"),
        ("loadBalancerClass: ''", "loadBalancerClass"),
        ("{}", "switches: no switch to program"),
        ("switches: [{name: a, address: 10.0.0.1, keysFile: nowhere}]", "nowhere"),
        ("a: [", "config.yaml"),
    ],
)
def test_a_bad_configuration_is_named_by_file_and_field(tmp_path, config, message):
    file = tmp_path / "config.yaml"
    file.write_text(config)
    arguments = ["run", "--kubeconfig", kubeconfig(tmp_path, "http://127.0.0.1:9"), "--config", str(file)]
    result = CliRunner().invoke(controller, arguments)
    assert result.exit_code == 2 and message in result.output, result.output
    assert str(tmp_path) in result.output


def test_without_an_api_server_the_way_out_is_told(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    result = CliRunner().invoke(controller, ["run", "--dry-run"])
    assert result.exit_code == 2 and "--kubeconfig" in result.output


async def test_a_port_in_use_for_metrics_is_an_error_without_a_traceback(tmp_path):
    async with serve(FakeApi()) as url:
        (tmp_path / "config.yaml").write_text(f"metrics: {url.removeprefix('http://')}\n")
        process = await start(
            "--kubeconfig", kubeconfig(tmp_path, url), "--config", str(tmp_path / "config.yaml"), "--dry-run"
        )
        _, log = await process.communicate()
    assert process.returncode == 1 and b"Traceback" not in log and b"metrics on 127.0.0.1" in log
