"""The steps of the demonstration: what is done in the lab, and what is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from rich.console import Console

from p4kube.bench import rounds
from p4kube.bench.http import Target
from p4kube.bench.manifests import NAME
from p4kube.bench.workload import Workload
from p4kube.demo import connections, programming, report, shares, traffic
from p4kube.demo.connections import Outcome
from p4kube.demo.programming import Programming
from p4kube.demo.report import Burst, RequestTimes, Scaling
from p4kube.lab import Lab

SPREAD = {"node1": 4, "node2": 2, "node3": 1, "node4": 0}
# The seats while 10 replicas are wanted: again there is one way to place them.
_WIDER = {"node1": 5, "node2": 3, "node3": 2, "node4": 0}
_SCALES = (7, 10, 3)
_REQUESTS, _KEPT = 5000, 50
_AB_REQUESTS, _AB_CONCURRENCY, _AB_ROUNDS = 1000, 500, 16
# How long traffic goes on after each scaling, for what comes late.
_AFTERMATH_SECONDS = 2.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """`say` shows progress, `console` takes the tables."""

    lab: Lab
    say: Say
    console: Console


def spread(stage: Stage, workload: Workload, vip: Target) -> tuple[Burst, Mapping[str, int]]:
    """Many requests, and how they spread; also the answers by node, unknown ones included."""
    stage.say(f"sending {_REQUESTS} requests to {vip}")
    node_of = {pod.name: pod.node for pod in workload.pods()}
    found = traffic.burst(stage.lab, vip, workload.server.path, _REQUESTS)
    requests = shares.requests_by_node(found.answers, node_of)
    table = shares.rows(SPREAD, requests)
    return Burst(found.requests, len(found.failures), round(found.seconds, 3), table), requests


def request_times(stage: Stage, workload: Workload, vip: Target) -> RequestTimes:
    """`ab` through the VIP, through one node's node port, and straight to a pod, in turns."""
    server, node = workload.server, stage.lab.layout.nodes[0]
    pod = next(pod for pod in workload.pods() if pod.node == node.name)
    ways = {
        "vip": [f"http://{vip}{server.path}"],
        "nodePort": [f"http://{node.address}:{workload.node_port()}{server.path}"],
        "direct": [f"http://{pod.address}:{server.port}{server.path}"],
    }
    runs = rounds.measure(
        stage.lab, ways, requests=_AB_REQUESTS, concurrency=_AB_CONCURRENCY, rounds=_AB_ROUNDS, say=stage.say
    )
    return report.request_times(_AB_CONCURRENCY, node.name, runs)


def scaling(stage: Stage, workload: Workload, vip: Target) -> tuple[list[Scaling], Programming, Outcome]:
    """The Deployment up and down under traffic. The kept connections stand before it starts."""
    lab, service = stage.lab, f"{workload.namespace}/{NAME}"
    log = lab.log_of("controller")
    done: list[Scaling] = []
    all_seconds: list[float] = []
    stage.say(f"opening {_KEPT} connections that stay")
    with (
        traffic.endpoint_changes(lab, workload.namespace, NAME) as changes,
        traffic.steady(lab, vip, workload.server.path, _KEPT) as running,
    ):
        workload.offer(_WIDER)
        for before, after in pairwise(_SCALES):
            stage.say(f"scaling from {before} to {after} replicas under traffic")
            read, began = log.stat().st_size, time.monotonic()
            workload.scale(after)
            pods = workload.settled(after)
            took = time.monotonic() - began
            time.sleep(_AFTERMATH_SECONDS)
            with log.open("rb") as file:
                file.seek(read)
                acknowledged = programming.read_log(
                    file.read().decode(errors="replace").splitlines(), service
                )
            seconds = programming.durations(list(changes), acknowledged)
            done.append(Scaling(before, after, round(took, 2), programming.summary(seconds)))
            all_seconds += seconds
        found = running.finish()
    outcome = connections.outcome(found, {pod.name for pod in pods})
    return done, programming.summary(all_seconds), outcome
