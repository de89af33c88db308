"""`p4kube switch`: the agent that loads the data plane into this switch and keeps its link state."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console

from p4kube.switch import config as configuration
from p4kube.switch import keys as keyring
from p4kube.switch import lock, program, service, status
from p4kube.switch.config import Config
from p4kube.switch.errors import ConfigError, SwitchError
from p4kube.switch.kernel import KernelError
from p4xdp.device import DeviceError

_FAILED, _MISCONFIGURED, _NOT_LOADED = 1, 2, 3
_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_CONFIG = click.option(
    "--config",
    "config_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The switch's configuration (YAML, see docs/switch.md).",
)


@click.group()
def switch() -> None:
    """Run the data plane on this machine's interfaces.

    Exit codes: 0 done, 1 an error that the message explains, 2 wrong usage or configuration,
    3 `status` finds no data plane.
    """


@contextmanager
def _told() -> Iterator[None]:
    """Errors as messages, and the exit codes that they have."""
    try:
        yield
    except ConfigError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(_MISCONFIGURED)
    except (SwitchError, KernelError, DeviceError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(_FAILED)


@switch.command()
@_CONFIG
@click.option("--detach", is_flag=True, help="Take the data plane away at the end; by default it stays.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(config_file: Path, detach: bool, verbose: bool) -> None:
    """Load the data plane and follow the kernel until SIGTERM or SIGINT.

    A data plane that is pinned already is taken over without a packet lost. SIGHUP reads the keys again.
    """
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(stream=sys.stderr, format=_LOG_FORMAT, level=level, force=True)
    # Whatever the level, these would log every netlink message.
    logging.getLogger("pyroute2").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    with _told():
        config = configuration.load(config_file)
        keys = keyring.load(config.keys_file)
        with lock.held(config.pin_path):
            with program.opened(config) as plane:
                asyncio.run(service.serve(config, keys, plane))
            # Not after an error: whatever is wrong with this start, an earlier one may be forwarding.
            if detach:
                program.remove(config)


@switch.command(name="detach")
@_CONFIG
def detach_(config_file: Path) -> None:
    """Take the data plane away from all ports, with all its state."""
    with _told():
        config = configuration.load(config_file)
        with lock.held(config.pin_path):
            removed = program.remove(config)
    click.echo(f"{config.pin_path}: removed" if removed else f"{config.pin_path}: nothing is pinned there")


@switch.command(name="status")
@_CONFIG
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def status_(config_file: Path, output: str) -> None:
    """Show ports, boot id, update order, table sizes and counters."""
    with _told():
        found = _read_status(configuration.load(config_file))
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        Console(highlight=False).print(status.render(found))


def _read_status(config: Config) -> status.Status:
    if not program.pinned(config):
        click.echo(f"no data plane is pinned at {config.pin_path}: is `p4kube switch run` up?", err=True)
        sys.exit(_NOT_LOADED)
    with program.viewed(config) as plane:
        return status.read(config, plane, program.attached(config), program.interfaces())
