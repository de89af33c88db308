"""Bringing the lab up and down, also when something ends it half-way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from p4kube.lab import Lab, LabConfig, layout, netns, process, teardown
from p4kube.lab.binaries import build_all
from p4kube.lab.lab import silent
from p4kube.lab.state import Files

pytestmark = [pytest.mark.cluster, pytest.mark.root, pytest.mark.timeout(600)]

UP = [sys.executable, "-c", "from p4kube.cli.lab import lab; lab()", "up", "--no-switch", "--no-controller"]


def _wait_for_namespaces(count: int) -> None:
    deadline = time.monotonic() + 60
    while len(netns.names(layout.PREFIX)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def no_lab() -> Iterator[None]:
    """No lab before and none after, with the binaries built."""
    lab = Lab()
    assert not lab.is_up(), "a lab is running on this machine: `p4kube lab down` first"
    build_all(silent)
    yield
    lab.down()
    assert teardown.remains(Files()) == []


@pytest.mark.parametrize("components", [0, 2, 6])
def test_down_cleans_what_a_killed_up_left(no_lab: None, components: int) -> None:
    """`up` is killed when it has made all namespaces and started some components."""
    child = subprocess.Popen(UP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_namespaces(3)
        deadline = time.monotonic() + 60
        while len(process.read_all(Files().components)) < components:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    assert teardown.remains(Files())
    assert not Lab().is_up()
    assert Lab().down()
    assert teardown.remains(Files()) == []


def test_interrupted_up_removes_what_it_made(no_lab: None) -> None:
    # Whoever runs the tests in the background has made SIGINT ignored, which children inherit.
    child = subprocess.Popen(
        UP,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    _wait_for_namespaces(5)
    os.kill(child.pid, signal.SIGINT)
    assert child.stderr is not None
    said = child.stderr.read()
    assert child.wait() == 130, said
    assert teardown.remains(Files()) == []


def test_link_rate_limits_both_directions(no_lab: None) -> None:
    lab = Lab()
    lab.up(LabConfig(nodes=1, link_rate="100mbit", switch=False, controller=False))
    lab.rebuild_switch()
    server = lab.popen_in("node1", ["iperf3", "-s"], stdout=subprocess.DEVNULL)
    try:
        for direction in ([], ["-R"]):
            measured = _iperf(lab, direction)
            assert 80e6 < measured < 101e6, f"{direction}: {measured / 1e6:.0f} Mbit/s"
    finally:
        server.kill()
        server.wait()


def _iperf(lab: Lab, direction: list[str]) -> float:
    """Received bits per second over two seconds."""
    argv = ["iperf3", "-J", "-t", "2", "-O", "0.5", "-c", "10.77.101.2", *direction]
    deadline = time.monotonic() + 10
    while True:
        answer = json.loads(lab.run_in("client", argv).stdout)
        if "error" not in answer:
            return float(answer["end"]["sum_received"]["bits_per_second"])
        assert time.monotonic() < deadline, answer["error"]
        time.sleep(0.1)
