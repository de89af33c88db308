"""What `p4kube switch status` shows, as one value, and for people."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table

from p4kube.switch import own, readings
from p4kube.switch.config import Config
from p4kube.switch.dataplane import Readable
from p4kube.switch.readings import Count


class PortStatus(msgspec.Struct, frozen=True, rename="camel"):
    """`ifindex` None: the interface does not exist here. `attached`: the program runs on it."""

    interface: str
    number: int
    ifindex: int | None
    attached: bool


class ServiceStatus(msgspec.Struct, frozen=True):
    """By service id, which the controller gives."""

    requests: Count
    replies: Count


class Status(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    pin_path: str
    mode: str
    boot_id: str
    epoch: int
    sequence: int
    ports: tuple[PortStatus, ...]
    tables: dict[str, int]
    events: dict[str, int]
    faults: dict[str, int]
    services: dict[int, ServiceStatus]
    nodes: dict[int, Count]


def read(config: Config, plane: Readable, attached: dict[int, int], interfaces: dict[str, int]) -> Status:
    """`attached`: port -> interface index; `interfaces`: name -> index. Raises DeviceError."""
    order = readings.order(plane)
    return Status(
        name=config.name,
        pin_path=str(config.pin_path),
        mode=config.mode,
        boot_id=f"{own.boot_id(plane):016x}",
        epoch=order.epoch,
        sequence=order.sequence,
        ports=tuple(_ports(config, attached, interfaces)),
        tables=readings.sizes(plane),
        events=readings.events(plane),
        faults=plane.faults(),
        services=_services(plane),
        nodes=readings.counts(plane, "node_requests"),
    )


def _ports(config: Config, attached: dict[int, int], interfaces: dict[str, int]) -> Iterator[PortStatus]:
    for port in config.ports:
        index = interfaces.get(port.interface)
        on = index is not None and attached.get(port.number) == index
        yield PortStatus(port.interface, port.number, index, on)


def _services(plane: Readable) -> dict[int, ServiceStatus]:
    none = Count(0, 0)
    requests = readings.counts(plane, "service_requests")
    replies = readings.counts(plane, "service_replies")
    ids = sorted(requests.keys() | replies.keys())
    return {id: ServiceStatus(requests.get(id, none), replies.get(id, none)) for id in ids}


def render(status: Status) -> RenderableType:
    """Tables for people; events that never happened are left out."""
    head = (
        f"switch {status.name}: boot id {status.boot_id}, "
        f"epoch {status.epoch}, sequence {status.sequence} ({status.pin_path})"
    )
    parts: list[RenderableType] = [head, _port_table(status), _counts("table", "entries", status.tables)]
    for name, counts in (("event", status.events), ("fault", status.faults)):
        happened = {key: count for key, count in counts.items() if count}
        if happened:
            parts.append(_counts(name, "times", happened))
    if status.services:
        parts.append(_service_table(status))
    if status.nodes:
        parts.append(_counts("node id", "requests", {id: c.packets for id, c in status.nodes.items()}))
    return Group(*parts)


def _port_table(status: Status) -> Table:
    table = Table("port", "interface", "index", "mode", "state", box=None)
    for port in status.ports:
        state = "attached" if port.attached else "no such interface" if port.ifindex is None else "detached"
        table.add_row(str(port.number), port.interface, str(port.ifindex or "-"), status.mode, state)
    return table


def _service_table(status: Status) -> Table:
    table = Table("service id", "requests", "bytes", "replies", "bytes", box=None)
    for id, service in status.services.items():
        sums = (*_sums(service.requests), *_sums(service.replies))
        table.add_row(str(id), *sums)
    return table


def _sums(count: Count) -> tuple[str, str]:
    return str(count.packets), str(count.bytes)


def _counts(name: str, what: str, counts: dict[str, int] | dict[int, int]) -> Table:
    table = Table(name, what, box=None)
    for key, count in counts.items():
        table.add_row(str(key), str(count))
    return table
