"""`p4kube bench`: measurements that print both sides of a comparison."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console

from p4kube.cli.demo import told
from p4kube.lab import Lab
from p4kube.lab.fabric import rate_to_bits


@click.group()
def bench() -> None:
    """Measure the load balancer, each time beside what it is compared with.

    Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage, 130 interrupted.
    """


def _checked_rate(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        rate_to_bits(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


@bench.command(name="request-time")
@click.option(
    "--output",
    required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Where request-time.json and request-time.svg go; made if it does not exist.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Fewer levels, rounds and requests: minutes become one or two.")
@click.option("--link-rate", callback=_checked_rate, default="200mbit", show_default=True,
              help="Each node's link in the second half of the experiment.")  # fmt: skip
@click.option("--body", type=click.IntRange(1, 1024), default=32, show_default=True, metavar="KIB",
              help="Size of an answer in the second half.")  # fmt: skip
def request_time(output: Path, quick: bool, link_rate: str, body: int) -> None:
    """The paper's experiment: request time through the VIP, NodePort and straight to a pod.

    At several levels of concurrency, once with links that nothing limits, once with slow ones. Builds labs
    of its own.
    """
    from p4kube.bench import plot
    from p4kube.bench import request_time as experiment
    from p4kube.bench.request_time import Condition, Plan

    conditions = [Condition("unlimited"), Condition("limited", link_rate, body * 1024)]
    with told() as say:
        output.mkdir(parents=True, exist_ok=True)
        result = experiment.run(Lab(say), experiment.QUICK if quick else Plan(), conditions, say)
        content = msgspec.json.format(msgspec.json.encode(result), indent=2)
        (output / "request-time.json").write_bytes(content + b"\n")
        plot.draw(result, output / "request-time.svg")
    experiment.show(Console(highlight=False), result)


@bench.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def dataplane(output: str) -> None:
    """Time per packet, throughput beside the kernel's forwarding, and compile time of p4/p4kube.p4.

    Uses network namespaces of its own; no lab is needed.
    """
    from p4kube.bench import dataplane as measurements

    with told(*_dataplane_errors()) as say:
        found = measurements.measure(say)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        measurements.show(Console(highlight=False), found)


def _dataplane_errors() -> tuple[type[Exception], ...]:
    """What can go wrong between the P4 source and the kernel."""
    from p4kube.bench.frames import BadFrame
    from p4kube.switch.errors import SwitchError
    from p4xdp.device import DeviceError
    from p4xdp.runtime.bench import BenchError
    from p4xdp.runtime.elf import ObjectError
    from p4xdp.runtime.libbpf import KernelError
    from p4xdp.runtime.loading import LoadError
    from p4xdp.source import P4Error
    from p4xdp.targets.xdp import CompilerError

    return (
        BadFrame,
        BenchError,
        CompilerError,
        DeviceError,
        KernelError,
        LoadError,
        ObjectError,
        P4Error,
        SwitchError,
    )
