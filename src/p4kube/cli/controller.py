"""`p4kube controller`: the process that watches Kubernetes and keeps the switches current."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import click

from p4kube.controller.config import ConfigError, ControllerConfig, load_config
from p4kube.controller.dataplane import DataPlane
from p4kube.controller.dryrun import DryRunDataPlane
from p4kube.controller.metrics import Metrics, MetricsServer
from p4kube.controller.run import Controller, Options, run_until_cancelled
from p4kube.kube.client import Client
from p4kube.kube.clock import SystemClock
from p4kube.kube.connection import Connection, in_cluster
from p4kube.kube.errors import ConfigError as ConnectionError_
from p4kube.kube.kubeconfig import from_kubeconfig
from p4kube.kube.transport import HttpTransport

log = logging.getLogger(__name__)
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


@click.group()
def controller() -> None:
    """Watch Kubernetes and program the switches."""


@controller.command()
@click.option(
    "--kubeconfig",
    envvar="KUBECONFIG",
    type=click.Path(dir_okay=False, path_type=Path),
    help="How to reach the API server; without it, the pod's service account.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Switches and settings (YAML, see docs/controller.md).",
)
@click.option(
    "--namespace-of-lease",
    default="kube-system",
    show_default=True,
    help="Where the Lease for leader election lives.",
)
@click.option("--no-leader-election", is_flag=True, help="Lead at once; only if no other process runs.")
@click.option("--dry-run", is_flag=True, help="Program nothing, log what would be programmed.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(
    kubeconfig: Path | None,
    config_file: Path | None,
    namespace_of_lease: str,
    no_leader_election: bool,
    dry_run: bool,
    verbose: bool,
) -> None:
    """Run the controller until SIGTERM or SIGINT.

    Exit status: 0 after a signal, 1 if something failed for good, 2 if the configuration cannot be used.
    """
    logging.basicConfig(
        stream=sys.stderr, format=LOG_FORMAT, level=logging.DEBUG if verbose else logging.INFO, force=True
    )
    try:
        clock = SystemClock()
        config = load_config(config_file) if config_file else ControllerConfig()
        connection = from_kubeconfig(kubeconfig, clock) if kubeconfig else in_cluster(clock)
        dataplane = DryRunDataPlane() if dry_run else _open_link(config, config_file)
    except (ConfigError, ConnectionError_) as error:
        raise click.UsageError(str(error)) from error
    options = Options(config.load_balancer_class, None if no_leader_election else namespace_of_lease)
    try:
        asyncio.run(_serve(connection, dataplane, config, clock, options))
    except OSError as error:
        raise click.ClickException(f"metrics on {config.metrics}: {error.strerror or error}") from error


def _open_link(config: ControllerConfig, config_file: Path | None) -> DataPlane:
    if not config.switches:
        where = f"{config_file}: switches" if config_file else "--config is missing"
        raise ConfigError(f"{where}: no switch to program; name at least one, or use --dry-run")
    # Late, because a dry run needs neither keys nor sockets.
    from p4kube.controller.link import BadKeys, open_dataplane

    try:
        return open_dataplane(config)
    except BadKeys as error:
        raise ConfigError(str(error)) from error


async def _serve(
    connection: Connection,
    dataplane: DataPlane,
    config: ControllerConfig,
    clock: SystemClock,
    options: Options,
) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(connection))
        if (address := config.metrics_address) is not None:
            await stack.enter_async_context(MetricsServer(metrics, *address))
        log.info("API server %s, class %s", connection.server, options.load_balancer_class)
        await run_until_cancelled(Controller(Client(transport), dataplane, clock, metrics, options))
