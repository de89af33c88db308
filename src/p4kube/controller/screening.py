"""Which parts of a Service can be served at all, before any address or endpoint is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from p4kube.controller.refusal import Refusal
from p4kube.kube.objects import Service, ServicePortSpec
from p4kube.model import Protocol

ADDRESSES_ANNOTATION = "p4kube.dev/addresses"
SOURCE_RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"


@dataclass(frozen=True)
class ServablePort:
    """A Service port that the data plane can serve: `node_port` on any node leads to it."""

    name: str
    port: int
    protocol: Protocol
    node_port: int


@dataclass(frozen=True)
class RefusedPort:
    """A Service port that is not served; `protocol` as the API writes it."""

    port: int
    protocol: str
    refusal: Refusal


@dataclass(frozen=True)
class Screening:
    """`refusal` is set if nothing of the Service may be served; then all its ports are in `refused`.

    `wanted` is the address that the Service asks for, None if it leaves the choice to us, a Refusal if
    the request cannot be read. `notes` are wishes that are not fulfilled although the Service is served.
    """

    servable: tuple[ServablePort, ...]
    refused: tuple[RefusedPort, ...]
    wanted: IPv4Address | Refusal | None
    refusal: Refusal | None = None
    notes: tuple[str, ...] = ()


def screen(service: Service) -> Screening:
    ports = service.spec.ports or ()
    refusal = _refusal_of_all(service)
    if refusal is not None:
        refused = tuple(RefusedPort(port.port, port.protocol, refusal) for port in ports)
        return Screening((), refused, None, refusal)
    servable: list[ServablePort] = []
    refused_ports: list[RefusedPort] = []
    for port in ports:
        verdict = _judge(port)
        if isinstance(verdict, Refusal):
            refused_ports.append(RefusedPort(port.port, port.protocol, verdict))
        else:
            servable.append(verdict)
    return Screening(tuple(servable), tuple(refused_ports), wanted_address(service), None, _notes(service))


def _refusal_of_all(service: Service) -> Refusal | None:
    families = service.spec.ip_families or ()
    if families and "IPv4" not in families:
        return Refusal("AddressFamilyNotSupported", "only IPv4 is served; add IPv4 to spec.ipFamilies")
    if ranges := source_ranges(service):
        # To serve it nevertheless would open to everybody what its owner closed.
        return Refusal(
            "SourceRangesNotSupported",
            f"spec.loadBalancerSourceRanges ({', '.join(ranges)}) is not enforced yet, so the Service is "
            "not served; remove the field to open it to all clients",
        )
    return None


def source_ranges(service: Service) -> tuple[str, ...]:
    """The ranges that restrict clients; empty if every IPv4 client is allowed.

    The field counts before the annotation that it replaced.
    """
    ranges = service.spec.load_balancer_source_ranges or ()
    if not ranges:
        text = service.metadata.annotation(SOURCE_RANGES_ANNOTATION) or ""
        ranges = tuple(part.strip() for part in text.split(",") if part.strip())
    return () if any(part.strip() == "0.0.0.0/0" for part in ranges) else ranges


def _judge(port: ServicePortSpec) -> ServablePort | Refusal:
    if port.protocol not in Protocol.__members__:
        return Refusal("ProtocolNotSupported", f"{port.protocol} is not served; only TCP and UDP are")
    if not port.node_port:
        return Refusal(
            "NodePortRequired",
            "the port has no nodePort to send requests to; remove allocateLoadBalancerNodePorts: false",
        )
    return ServablePort(port.name, port.port, Protocol[port.protocol], port.node_port)


def wanted_address(service: Service) -> IPv4Address | Refusal | None:
    """From the annotation p4kube.dev/addresses, else from spec.loadBalancerIP (deprecated since 1.24)."""
    field = f"annotation {ADDRESSES_ANNOTATION}"
    text = (service.metadata.annotation(ADDRESSES_ANNOTATION) or "").strip()
    if not text:
        field, text = "spec.loadBalancerIP", service.spec.load_balancer_ip.strip()
    if not text:
        return None
    try:
        return IPv4Address(text)
    except AddressValueError:
        return Refusal("InvalidAddress", f"{field}: expected one IPv4 address, got {text!r}")


def _notes(service: Service) -> tuple[str, ...]:
    notes: list[str] = []
    if service.spec.session_affinity == "ClientIP":
        notes.append("sessionAffinity ClientIP is not kept across nodes")
    if "IPv6" in (service.spec.ip_families or ()):
        notes.append("IPv6 is not served")
    return tuple(notes)
