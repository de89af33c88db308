"""The paper's experiment: request time by concurrency, through the VIP and past it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import msgspec
from rich.console import Console
from rich.table import Table

from p4kube.bench import ab, facts, nginx, rounds
from p4kube.bench.ab import AbRun
from p4kube.bench.facts import Facts
from p4kube.bench.quantiles import Spread, merged_quantile, spread
from p4kube.bench.workload import Workload
from p4kube.lab import Lab, LabConfig, LabError

LEVELS = (1, 10, 50, 100, 250, 500)
WAYS = ("vip", "nodePort", "nodePortAll", "direct")
_SPREAD = {f"node{i}": 2 for i in range(1, 5)}
_NAMESPACE = "p4kube-bench"

Say = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, rename="camel"):
    """How much is measured: `rounds` runs of `requests` requests for each way and level."""

    levels: tuple[int, ...] = LEVELS
    rounds: int = 10
    requests: int = 1000


QUICK = Plan(levels=(1, 50, 500), rounds=3, requests=500)


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """`link_rate` limits each node's link; `body` is the size of an answer, None for the pod's name."""

    name: str
    link_rate: str | None = None
    body: int | None = None


class Measured(msgspec.Struct, frozen=True, rename="camel"):
    """One way at one level, in milliseconds: `mean` over the runs' means, quantiles over all requests."""

    requests: int
    failed: int
    mean: Spread
    p50: float
    p99: float
    runs: list[float]


class Level(msgspec.Struct, frozen=True, rename="camel"):
    """`ratios` are of mean times, round by round (see `ab.ratio`)."""

    concurrency: int
    ways: dict[str, Measured]
    ratios: dict[str, float]


class Experiment(msgspec.Struct, frozen=True, rename="camel"):
    condition: Condition
    levels: list[Level]


class Result(msgspec.Struct, frozen=True, rename="camel"):
    """All that was measured, and what it depends on. `ways` explains the names."""

    facts: Facts
    plan: Plan
    ways: dict[str, str]
    replicas: dict[str, int]
    experiments: list[Experiment]


EXPLANATIONS = {
    "vip": "a Service of type LoadBalancer of class p4kube.dev/p4kube, externalTrafficPolicy Local",
    "nodePort": "a Service of type NodePort, externalTrafficPolicy Cluster, through node1",
    "nodePortAll": "the same, through all nodes in equal parts",
    "direct": "one pod's own address",
}


def run(lab: Lab, plan: Plan, conditions: Sequence[Condition], say: Say) -> Result:
    """A lab of its own for each condition. Raises LabError, also if a lab is running, and AbError."""
    if lab.is_up():
        raise LabError("this measurement builds labs of its own, and one is running: `p4kube lab down`")
    experiments = [_experiment(lab, plan, condition, say) for condition in conditions]
    return Result(facts.gather(), plan, EXPLANATIONS, _SPREAD, experiments)


def _experiment(lab: Lab, plan: Plan, condition: Condition, say: Say) -> Experiment:
    with _fresh_lab(lab, condition), nginx.server(condition.body) as server:
        workload = Workload(lab, _NAMESPACE, server)
        say(f"{condition.name}: starting {sum(_SPREAD.values())} pods")
        workload.create(_SPREAD)
        ways = _ways(lab, workload)
        workload.proxies_settled(_SPREAD)
        levels = []
        for concurrency in plan.levels:
            runs = rounds.measure(
                lab,
                ways,
                requests=max(plan.requests, 2 * concurrency),
                concurrency=concurrency,
                rounds=plan.rounds,
                say=lambda text: say(f"{condition.name}: {text}"),
            )
            levels.append(level(concurrency, runs))
    return Experiment(condition, levels)


@contextlib.contextmanager
def _fresh_lab(lab: Lab, condition: Condition) -> Iterator[None]:
    if not lab.up(LabConfig(nodes=len(_SPREAD), link_rate=condition.link_rate)):
        raise LabError("somebody started a lab meanwhile: `p4kube lab down`, then try again")
    try:
        yield
    finally:
        lab.down()


def _ways(lab: Lab, workload: Workload) -> dict[str, list[str]]:
    path, port = workload.server.path, workload.node_port()
    nodes = [f"http://{node.address}:{port}{path}" for node in lab.layout.nodes]
    pod = workload.pods()[0]
    return {
        "vip": [f"http://{workload.vip()}{path}"],
        "nodePort": nodes[:1],
        "nodePortAll": nodes,
        "direct": [f"http://{pod.address}:{workload.server.port}{path}"],
    }


def level(concurrency: int, runs: Mapping[str, Sequence[AbRun]]) -> Level:
    """What the runs of one level say."""
    ways = {name: _measured(each) for name, each in runs.items()}
    ratios = {f"vip/{name}": ab.ratio(runs["vip"], each) for name, each in runs.items() if name != "vip"}
    return Level(concurrency, ways, ratios)


def _measured(runs: Sequence[AbRun]) -> Measured:
    figure = ab.figure(runs)
    means = [run.mean for run in runs]
    median = merged_quantile([run.percentiles for run in runs], 0.5)
    return Measured(figure.requests, figure.failed, spread(means), median, figure.p99, means)


def show(console: Console, result: Result) -> None:
    """For people: every way at every level, beside NodePort through one node."""
    tell = partial(console.print, soft_wrap=True)
    for experiment in result.experiments:
        condition = experiment.condition
        links = (
            f"{condition.link_rate} for each node's link" if condition.link_rate else "links without limit"
        )
        body = f", answers of {condition.body // 1024} KiB" if condition.body else ""
        tell(f"\n[bold]Request time[/] with {links}{body}")
        table = Table(box=None, padding=(0, 2))
        for column in ("at a time", "way", "mean ± 95 %", "99 %", "of nodePort", "failed"):
            table.add_column(column, justify="left" if column == "way" else "right", no_wrap=True)
        for each in experiment.levels:
            _add_rows(table, each)
        console.print(table)
    tell("\n" + "\n".join(f"  {name}: {text}" for name, text in result.ways.items()))
    tell(
        f"  [dim]Client, switch, nodes and pods share this machine's {result.facts.cores} cores: "
        "the client's and the servers' own work is in every figure.[/]"
    )


def _add_rows(table: Table, level: Level) -> None:
    reference = level.ways["nodePort"].mean.mean
    for i, (name, way) in enumerate(level.ways.items()):
        table.add_row(
            "" if i else str(level.concurrency),
            name,
            f"{way.mean.mean:.2f} ± {way.mean.margin:.2f} ms",
            f"{way.p99:.1f} ms",
            f"{way.mean.mean / reference:.2f}",
            str(way.failed),
            end_section=i == len(level.ways) - 1,
        )
