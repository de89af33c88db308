"""`p4kube lab`: a real Kubernetes cluster in network namespaces on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec
from rich.console import Console
from rich.table import Table

from p4kube.lab.errors import LabError
from p4kube.lab.fabric import rate_to_bits
from p4kube.lab.lab import Lab, Report
from p4kube.lab.report import LabReport, collect
from p4kube.lab.state import LabConfig

_NO_LAB, _INTERRUPTED = 3, 130


@click.group()
def lab() -> None:
    """A real Kubernetes cluster in network namespaces, with P4Kube's switch in the middle.

    Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage, 3 `status` finds no lab,
    130 interrupted.
    """


class _Rate(click.ParamType[str]):
    name = "rate"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> str:
        try:
            rate_to_bits(str(value))
        except ValueError as error:
            self.fail(str(error), parameter, context)
        return str(value)


@contextmanager
def _told() -> Iterator[Report]:
    """A progress line on stderr (plain lines if it is no terminal), and errors as messages."""
    console = Console(stderr=True, highlight=False)
    try:
        if console.is_terminal:
            with console.status("") as status:
                yield lambda text: status.update(text)
        else:
            yield lambda text: console.print(text, markup=False, soft_wrap=True)
    except LabError as error:
        console.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("interrupted", markup=False)
        sys.exit(_INTERRUPTED)


@lab.command()
@click.option("--nodes", default=2, show_default=True, help="Number of worker nodes (1 to 99).")
@click.option(
    "--link-rate",
    type=_Rate(),
    help="Limit each node's link in both directions, e.g. 1gbit. Default: no limit.",
)
@click.option("--with-switch/--no-switch", "switch", default=True, help="Run P4Kube's data plane.")
@click.option(
    "--with-controller/--no-controller", "controller", default=True, help="Run P4Kube's controller."
)
def up(nodes: int, link_rate: str | None, switch: bool, controller: bool) -> None:
    """Build and start the lab.

    The first time this compiles Kubernetes, which takes minutes; later it takes seconds.
    """
    with _told() as report:
        here = Lab(report)
        config = LabConfig(nodes=nodes, link_rate=link_rate, switch=switch, controller=controller)
        fresh = here.up(config)
        running = here.record.config
    if fresh:
        click.echo(f"lab is up with {nodes} node{'s' if nodes > 1 else ''}")
    else:
        click.echo(f"a lab with {running.nodes} nodes is running already; `p4kube lab down` removes it")
    click.echo(f"export KUBECONFIG={here.kubeconfig}")


@lab.command()
def down() -> None:
    """Remove the lab with everything that belongs to it, also what a crash left behind."""
    with _told():
        removed = Lab().down()
    click.echo("lab removed" if removed else "there is no lab on this machine")


@lab.command()
def kubeconfig() -> None:
    """Print the path of the kubeconfig for clients on this host."""
    with _told():
        click.echo(Lab().kubeconfig)


@lab.command(name="exec", context_settings={"ignore_unknown_options": True})
@click.argument("where")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(where: str, command: tuple[str, ...]) -> None:
    """Run COMMAND in a place of the lab.

    WHERE is client, switch, cp, node1 .. nodeN, or a pod as NAMESPACE/NAME.
    """
    with _told():
        here = Lab()
        argv = here.argv_in(where, command)
    # The host's kubeconfig names the relay, which a namespace cannot reach.
    if os.environ.get("KUBECONFIG") in (None, "", str(here.kubeconfig)):
        os.environ["KUBECONFIG"] = str(here.inner_kubeconfig)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        raise click.ClickException(f"cannot run {argv[0]}: {error}") from error


@lab.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(output: str) -> None:
    """Show the lab's components, nodes and pods."""
    here = Lab()
    if here.files.read_record() is None:
        click.echo("there is no lab on this machine: start one with `p4kube lab up`", err=True)
        sys.exit(_NO_LAB)
    with _told():
        found = collect(here)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _print_tables(found)


def _print_tables(found: LabReport) -> None:
    console = Console(highlight=False)
    state = "up" if found.ready else "not complete: `p4kube lab up` or `down` cleans it"
    rate = f", links of {found.config.link_rate}" if found.config.link_rate else ""
    console.print(
        f"lab is {state}; {found.config.nodes} nodes{rate}; KUBECONFIG={found.kubeconfig}", soft_wrap=True
    )
    components = Table("component", "pid", "state", "uptime", "memory", box=None)
    for each in found.components:
        running = "[green]running[/]" if each.running else "[red]dead[/]"
        memory = f"{each.memory / 2**20:.0f} MiB"
        components.add_row(each.name, str(each.pid), running, f"{each.uptime:.0f} s", memory)
    console.print(components)
    if not found.api:
        console.print("[red]the API server does not answer[/]: see its log in /run/p4kube-lab/logs")
        return
    nodes = Table("node", "address", "ready", "pods", box=None)
    for node in found.nodes:
        count = sum(pod.node == node.name for pod in found.pods)
        nodes.add_row(node.name, node.address, _yes(node.ready), str(count))
    console.print(nodes)
    if found.pods:
        pods = Table("pod", "node", "address", "phase", "ready", box=None)
        for pod in found.pods:
            pods.add_row(f"{pod.namespace}/{pod.name}", pod.node, pod.address, pod.phase, _yes(pod.ready))
        console.print(pods)


def _yes(holds: bool) -> str:
    return "[green]yes[/]" if holds else "[red]no[/]"
