"""What we say about a Service in its status: the address, an error per port, a condition that explains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from typing import Any

import msgspec

from p4kube.controller.screening import RefusedPort, ServablePort
from p4kube.kube.clock import whole_time
from p4kube.kube.objects import Condition, Ingress, PortStatus, Service
from p4kube.model import Protocol

CONDITION = "p4kube.dev/Programmed"
MESSAGE_LIMIT = 1024


@dataclass(frozen=True)
class Verdict:
    """What the condition shall say: `programmed`, a CamelCase `reason`, a `message` for people."""

    programmed: bool
    reason: str
    message: str


@dataclass(frozen=True)
class Report:
    """What there is to say about a Service that is ours.

    `address` is shown only once it works; None shows no address, but still the errors of ports. A
    `verdict` of None leaves the condition as it is, because the answer of the switches is on its way.
    """

    address: IPv4Address | None
    served: tuple[ServablePort, ...]
    refused: tuple[RefusedPort, ...]
    verdict: Verdict | None


def shown_address(service: Service) -> IPv4Address | None:
    """The address in the status, which the Service therefore has."""
    for ingress in service.status.load_balancer.ingress or ():
        try:
            return IPv4Address(ingress.ip)
        except AddressValueError:
            continue
    return None


def shown_errors(service: Service) -> set[tuple[int, Protocol]]:
    """The ports that the status shows with an error."""
    return {
        (port.port, Protocol[port.protocol])
        for ingress in service.status.load_balancer.ingress or ()
        for port in ingress.ports or ()
        if port.error and port.protocol in Protocol.__members__
    }


def condition_of(service: Service) -> Condition | None:
    for condition in service.status.conditions or ():
        if condition.type == CONDITION:
            return condition
    return None


def report_change(service: Service, report: Report, now: datetime) -> dict[str, Any] | None:
    """The merge patch for /status that makes it say `report`; None if it says so already."""
    ingress = ingress_for(report)
    conditions = _with_verdict(service, report.verdict, now)
    same = ingress == (service.status.load_balancer.ingress or ())
    if same and conditions == (service.status.conditions or ()):
        return None
    return _status_change(service, ingress, conditions)


def farewell_change(service: Service) -> dict[str, Any] | None:
    """The merge patch for /status of a Service that we serve no more; None if nothing of ours is left.

    If the type has changed, the API server has dropped the address by itself. If the class has, the
    address is ours to remove, as only we put it there.
    """
    conditions = tuple(c for c in service.status.conditions or () if c.type != CONDITION)
    ingress = service.status.load_balancer.ingress or ()
    if not ingress and conditions == (service.status.conditions or ()):
        return None
    return _status_change(service, (), conditions)


def ingress_for(report: Report) -> tuple[Ingress, ...]:
    """One ingress point with all ports, refused ones with their error.

    If nothing works there is no address to show; an entry without one carries the errors (the API allows
    it). `ipMode: Proxy` tells kube-proxy that packets come to the nodes with the node's address, so that
    traffic from inside the cluster takes the way through the switch as well (KEP-1860).
    """
    ports = [PortStatus(port.port, port.protocol.name) for port in report.served] if report.address else []
    ports += [PortStatus(bad.port, bad.protocol, bad.refusal.port_error) for bad in report.refused]
    if report.address is None:
        return (Ingress(ports=tuple(ports)),) if ports else ()
    return (Ingress(str(report.address), "Proxy", tuple(ports)),)


def _with_verdict(service: Service, verdict: Verdict | None, now: datetime) -> tuple[Condition, ...]:
    """All conditions, ours replaced in its place, or appended; those of others untouched."""
    conditions = service.status.conditions or ()
    if verdict is None:
        return conditions
    old = condition_of(service)
    status = "True" if verdict.programmed else "False"
    since = old.last_transition_time if old is not None and old.status == status else whole_time(now)
    message = verdict.message[:MESSAGE_LIMIT]
    new = Condition(CONDITION, status, verdict.reason, message, since, service.metadata.generation)
    if old is None:
        return (*conditions, new)
    return tuple(new if condition.type == CONDITION else condition for condition in conditions)


def _status_change(
    service: Service, ingress: tuple[Ingress, ...], conditions: tuple[Condition, ...]
) -> dict[str, Any]:
    # Lists are replaced as a whole by a merge patch: only on top of the version that they were made from.
    fields: dict[str, Any] = {
        "loadBalancer": {"ingress": msgspec.to_builtins(ingress) or None},
        "conditions": msgspec.to_builtins(conditions) or None,
    }
    return {"metadata": {"resourceVersion": service.metadata.resource_version}, "status": fields}
