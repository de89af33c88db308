"""The demonstration from the lab's start to the verdict."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import msgspec

from p4kube.bench import manifests
from p4kube.bench.workload import Workload
from p4kube.demo import connections, report, shares, steps
from p4kube.demo.checks import Check
from p4kube.demo.report import DemoReport
from p4kube.demo.steps import Say, Stage
from p4kube.lab import Lab, LabConfig, LabError

NAMESPACE = "p4kube-demo"


def demonstrate(stage: Stage, *, keep: bool) -> DemoReport:
    """Everything. Raises LabError, AbError or KeyboardInterrupt after removing what was started.

    With `keep` the lab stays as it is at the end, with the pods and Services in it.
    """
    began = time.monotonic()
    with running_lab(stage.lab, stage.say, keep) as fresh:
        workload = Workload(stage.lab, NAMESPACE, manifests.agnhost())
        try:
            found = _play(stage, workload)
        finally:
            if not (fresh or keep):
                stage.say("removing the pods and Services")
                with undisturbed(), contextlib.suppress(LabError):
                    workload.remove()
    return msgspec.structs.replace(found, seconds=round(time.monotonic() - began, 1))


@contextlib.contextmanager
def running_lab(lab: Lab, say: Say, keep: bool) -> Iterator[bool]:
    """A lab with the nodes that we need: the one that runs already, or a new one (True).

    A new one goes at the end unless `keep`. Raises LabError if another kind of lab is in the way.
    """
    fresh = lab.up(LabConfig(nodes=len(steps.SPREAD)))
    try:
        config = lab.record.config
        if config.nodes != len(steps.SPREAD) or config.link_rate or not (config.switch and config.controller):
            raise LabError(
                f"the demonstration needs a lab of {len(steps.SPREAD)} nodes with switch and controller and "
                f"without limited links, and another kind is running: `p4kube lab down` removes it"
            )
        yield fresh
    finally:
        if fresh and not keep:
            say("taking the lab down")
            with undisturbed():
                lab.down()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the cleaning undone."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _play(stage: Stage, workload: Workload) -> DemoReport:
    stage.say("starting 7 pods, spread 4/2/1/0, and their Services")
    workload.create(steps.SPREAD)
    vip = workload.vip()
    workload.proxies_settled(steps.SPREAD)
    burst, requests = steps.spread(stage, workload, vip)
    report.show_burst(stage.console, str(vip), burst)
    times = steps.request_times(stage, workload, vip)
    report.show_request_times(stage.console, times)
    scalings, total, traffic = steps.scaling(stage, workload, vip)
    report.show_scaling(stage.console, scalings, total, traffic)
    checks = [
        *shares.check(burst.nodes, requests),
        _no_failures("requests to the VIP", burst.failed + times.ways["vip"].failed),
        *connections.check(traffic),
    ]
    report.show_checks(stage.console, checks)
    passed = all(check.passed for check in checks)
    return DemoReport(str(vip), burst, times, scalings, total, traffic, checks, passed, 0.0)


def _no_failures(name: str, failed: int) -> Check:
    return Check(name, failed == 0, f"{failed} failed" if failed else "none failed")
