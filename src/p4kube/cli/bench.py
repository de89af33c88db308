"""`p4kube bench`: measurements that print both sides of a comparison."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console

from p4kube.cli.demo import told
from p4kube.cli.lab import _Rate


@click.group()
def bench() -> None:
    """Measure the load balancer, each time beside what it is compared with.

    Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage, 130 interrupted.
    """


@bench.command(name="request-time")
@click.option(
    "--output", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Where request-time.json and request-time.svg go; made if it does not exist.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Fewer levels, rounds and requests: minutes become one or two.")
@click.option("--link-rate", type=_Rate(), default="200mbit", show_default=True,
              help="Each node's link in the second half of the experiment.")  # fmt: skip
@click.option("--body", type=click.IntRange(1, 1024), default=32, show_default=True, metavar="KIB",
              help="Size of an answer in the second half.")  # fmt: skip
def request_time(output: Path, quick: bool, link_rate: str, body: int) -> None:
    """The paper's experiment: request time through the VIP, NodePort and straight to a pod.

    At several levels of concurrency, once with links that nothing limits, once with slow ones. Builds labs
    of its own.
    """
    from p4kube.bench import plot, request_time as experiment
    from p4kube.bench.request_time import Condition, Plan

    conditions = [Condition("unlimited"), Condition("limited", link_rate, body * 1024)]
    with told() as say:
        output.mkdir(parents=True, exist_ok=True)
        result = experiment.run(experiment_lab(say), experiment.QUICK if quick else Plan(), conditions, say)
        content = msgspec.json.format(msgspec.json.encode(result), indent=2)
        (output / "request-time.json").write_bytes(content + b"\n")
        plot.draw(result, output / "request-time.svg")
    experiment.show(Console(highlight=False), result)
