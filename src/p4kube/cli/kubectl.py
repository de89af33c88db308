"""`kubectl p4kube`: what P4Kube makes of the cluster's Services, seen from Kubernetes alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from p4kube.controller.endpoints import NodeView, merge_slices, shares, view_node
from p4kube.controller.status import condition_of
from p4kube.kube.client import Client, decode_each
from p4kube.kube.clock import SystemClock
from p4kube.kube.errors import KubeError
from p4kube.kube.kubeconfig import from_kubeconfig
from p4kube.kube.objects import EndpointSlice, KubeObject, Service, VIPPool
from p4kube.kube.resources import ENDPOINT_SLICES, NODES, SERVICES, VIP_POOLS, Resource
from p4kube.kube.transport import HttpTransport

K = TypeVar("K", bound=KubeObject)
SERVICE_NAME = "kubernetes.io/service-name"


class NodePart(msgspec.Struct):
    """One node's part of a port, as (expected) share of its new connections."""

    node: str
    ready: int
    draining: int
    share: float


class PortView(msgspec.Struct):
    port: int
    protocol: str
    node_port: int
    error: str
    nodes: list[NodePart]


class ServiceView(msgspec.Struct):
    """`programmed` is the condition p4kube.dev/Programmed: True, False, or Unknown without one."""

    namespace: str
    name: str
    address: str
    programmed: str
    message: str
    ports: list[PortView]


@dataclass(frozen=True)
class Snapshot:
    services: list[Service]
    slices: list[EndpointSlice]
    nodes: dict[str, NodeView]
    pools: list[VIPPool]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """What P4Kube makes of the cluster's Services."""


def common(command: click.decorators.FC) -> click.decorators.FC:
    command = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table")(command)
    return click.option(
        "--kubeconfig", type=click.Path(dir_okay=False, path_type=Path), help="Default: $KUBECONFIG."
    )(command)


@main.command()
@common
@click.option("-n", "--namespace", default="", help="Only this namespace; default: all.")
@click.option("--class", "load_balancer_class", default="p4kube.dev/p4kube", show_default=True)
def services(kubeconfig: Path | None, output: str, namespace: str, load_balancer_class: str) -> None:
    """The Services of our class: address, ports, state, and each node's share."""
    snapshot = _snapshot(kubeconfig)
    ours = [
        service
        for service in snapshot.services
        if service.spec.type == "LoadBalancer"
        and service.spec.load_balancer_class == load_balancer_class
        and namespace in ("", service.metadata.namespace)
    ]
    views = [view_service(service, snapshot) for service in ours]
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(views), indent=2).decode())
        return
    table = Table(box=None, header_style="bold")
    for column in ("namespace", "service", "address", "port", "programmed", "nodes (ready, share)"):
        table.add_column(column)
    for view in views:
        for port in view.ports:
            nodes = ", ".join(_node_text(part) for part in port.nodes) or "none"
            state = f"{view.programmed} {port.error or ('' if view.programmed == 'True' else view.message)}"
            number = f"{port.port}/{port.protocol}"
            table.add_row(view.namespace, view.name, view.address or "-", number, state.strip(), nodes)
    Console().print(table)


@main.command()
@common
def pools(kubeconfig: Path | None, output: str) -> None:
    """The pools that addresses come from, and how full they are."""
    found = _snapshot(kubeconfig).pools
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    table = Table(box=None, header_style="bold")
    for column in ("pool", "addresses", "total", "allocated"):
        table.add_column(column)
    for pool in found:
        ranges = ", ".join(pool.spec.addresses or ())
        table.add_row(pool.metadata.name, ranges, str(pool.status.total), str(pool.status.allocated))
    Console().print(table)


def view_service(service: Service, snapshot: Snapshot) -> ServiceView:
    """Pure: one Service as P4Kube sees it."""
    condition = condition_of(service)
    ingress = service.status.load_balancer.ingress or ()
    errors = {(p.port, p.protocol): p.error or "" for entry in ingress for p in entry.ports or ()}
    key = (service.metadata.namespace, service.metadata.name)
    own = [s for s in snapshot.slices if (s.metadata.namespace, s.metadata.label(SERVICE_NAME)) == key]
    names = {node.address: node.name for node in snapshot.nodes.values()}
    any_node = service.spec.external_traffic_policy == "Cluster"
    ports = []
    for port in service.spec.ports or ():
        found = shares(merge_slices(own, port.name, port.protocol), snapshot.nodes, any_node)
        total = sum(share.ready for share in found)
        parts = [
            NodePart(names[s.address], s.ready, s.draining, s.ready / total if total else 0) for s in found
        ]
        error = errors.get((port.port, port.protocol), "")
        ports.append(PortView(port.port, port.protocol, port.node_port, error, parts))
    address = next((entry.ip for entry in ingress), "")
    programmed, message = (condition.status, condition.message) if condition else ("Unknown", "")
    return ServiceView(*key, address, programmed, message, ports)


def _node_text(part: NodePart) -> str:
    draining = f", {part.draining} draining" if part.draining else ""
    return f"{part.node} ({part.ready}, {part.share:.0%}{draining})"


def _snapshot(kubeconfig: Path | None) -> Snapshot:
    """Everything that is shown. Raises click exceptions for what a user can mend."""
    path = kubeconfig or Path(os.environ.get("KUBECONFIG", "~/.kube/config")).expanduser()
    try:
        return asyncio.run(_fetch(path))
    except KubeError as error:
        raise click.ClickException(str(error)) from error


async def _fetch(path: Path) -> Snapshot:
    async with HttpTransport(from_kubeconfig(path, SystemClock())) as transport:
        client = Client(transport)
        services, slices, nodes, pools = await asyncio.gather(
            _all(client, SERVICES),
            _all(client, ENDPOINT_SLICES),
            _all(client, NODES),
            _all(client, VIP_POOLS),
        )
    views: Iterable[NodeView | None] = map(view_node, nodes)
    return Snapshot(services, slices, {view.name: view for view in views if view is not None}, pools)


async def _all(client: Client, resource: Resource[K]) -> list[K]:
    page = await client.page(resource, {})
    things, problems = decode_each(resource, page.items)
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)
    return things
