"""`p4kube demo`: see it work, in a cluster that lives as long as the demonstration."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec
from rich.console import Console

from p4kube.bench.ab import AbError
from p4kube.demo.run import demonstrate
from p4kube.demo.steps import Say, Stage
from p4kube.lab import Lab, LabError

_FAILED, _INTERRUPTED = 1, 130


@click.command()
@click.option("--keep", is_flag=True, help="Leave the lab up at the end, with the pods in it.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def demo(keep: bool, output: str) -> None:
    """Balance, scale and measure in a lab of 4 nodes, and judge the result.

    A lab of 4 nodes that runs already is used and left up.

    Exit codes: 0 every check held, 1 one did not or an error stopped it, 2 wrong usage, 130 interrupted.
    """
    console = Console(highlight=False, quiet=output == "json")
    with told(tables=console) as say:
        found = demonstrate(Stage(Lab(say), say, console), keep=keep)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    failed = [check.name for check in found.checks if not check.passed]
    if failed:
        click.echo(f"failed: {', '.join(failed)}", err=True)
        sys.exit(_FAILED)
    click.echo(f"all checks held, {found.seconds:.0f} s in all", err=True)
    if keep:
        click.echo(f"the lab is up: export KUBECONFIG={Lab().kubeconfig}", err=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def told(*errors: type[Exception], tables: Console | None = None) -> Iterator[Say]:
    """A progress line on stderr (plain lines if it is no terminal), and errors as messages: ours, and those
    named. `tables` is where tables are printed meanwhile: on a terminal it has to move the line away."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(stderr=True, highlight=False)
    if tables is not None and tables.is_terminal and not tables.quiet:
        console = tables
    try:
        if console.is_terminal:
            with console.status("") as status:
                yield lambda text: status.update(text)
        else:
            yield lambda text: console.print(text, markup=False, soft_wrap=True)
    except KeyboardInterrupt:
        console.print("interrupted", markup=False)
        sys.exit(_INTERRUPTED)
    except Exception as error:
        if not isinstance(error, (LabError, AbError, *errors)):
            raise
        console.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(_FAILED)
