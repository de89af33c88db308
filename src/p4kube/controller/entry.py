"""What the controller remembers of one Service during one term of leadership."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from p4kube.controller.dataplane import ProgramResult
from p4kube.controller.refusal import Refusal
from p4kube.controller.screening import RefusedPort
from p4kube.controller.serving import Decision
from p4kube.controller.status import Report, Verdict, shown_address
from p4kube.kube.objects import Service
from p4kube.model import ServiceKey, ServicePort

OVERDUE_SECONDS = 2.0
"""A switch answers in well under a millisecond; after so long it is worth telling people."""


@dataclass
class Entry:
    """`submitted` is None until the data plane was told anything in this term; times are monotonic seconds.

    `pending` are submissions not answered yet: (generation, time at which the news that caused it came).
    `working` is the address that the switches have acknowledged.
    """

    service: ServiceKey
    uid: str
    announced: bool
    marked: bool = False
    decision: Decision | None = None
    submitted: tuple[ServicePort, ...] | None = None
    submitted_at: float = 0.0
    generation: int = 0
    result: ProgramResult | None = None
    working: IPv4Address | None = None
    pending: deque[tuple[int, float]] = field(default_factory=deque)
    told_refusals: frozenset[tuple[str, str]] = frozenset()

    @property
    def withdrawn(self) -> bool:
        """The switches have confirmed that they serve nothing of this Service."""
        return self.submitted == () and self.result is not None and self.result.accepted

    @property
    def state(self) -> str:
        """For the metric: refused, pending or programmed."""
        if self.decision is None or not self.decision.served:
            return "refused"
        if self.result is None:
            return "pending"
        return "programmed" if self.result.accepted else "refused"


def report_of(entry: Entry, service: Service, now: float) -> Report:
    """What to say of a Service that is ours. Needs a decision."""
    decision = entry.decision
    assert decision is not None
    refused = decision.refused
    rejection = _rejection(entry)
    address = decision.assignment.address if decision.assignment and decision.served else None
    works = address is not None and address in (entry.working, shown_address(service))
    if rejection is not None and not works:
        refused += tuple(RefusedPort(port.port, port.protocol.name, rejection) for port in decision.served)
    verdict = _verdict(entry, decision, refused, now)
    return Report(address if works else None, decision.served if works else (), refused, verdict)


def _rejection(entry: Entry) -> Refusal | None:
    """The data plane's own refusal of what was submitted last."""
    if entry.submitted and entry.result is not None and not entry.result.accepted:
        return Refusal(entry.result.reason or "DataPlaneRefused", entry.result.message)
    return None


def _verdict(
    entry: Entry, decision: Decision, refused: tuple[RefusedPort, ...], now: float
) -> Verdict | None:
    if decision.screening.refusal is not None:
        return Verdict(False, decision.screening.refusal.reason, decision.screening.refusal.message)
    if decision.assignment is None and decision.address_refusal is not None:
        return Verdict(False, decision.address_refusal.reason, decision.address_refusal.message)
    if not decision.served:
        reason = refused[0].refusal.reason if refused else "NoPorts"
        return Verdict(False, reason, describe_refused(refused) or "the Service has no ports")
    if (rejection := _rejection(entry)) is not None:
        return Verdict(False, rejection.reason, rejection.message)
    if entry.result is None:
        if now - entry.submitted_at < OVERDUE_SECONDS or entry.submitted is None:
            return None
        return Verdict(
            False,
            "WaitingForSwitch",
            "a switch has not acknowledged the last change; connections go on as before. "
            "Look at the controller's log for the switch that does not answer",
        )
    return _served_verdict(entry, decision, refused)


def _served_verdict(entry: Entry, decision: Decision, refused: tuple[RefusedPort, ...]) -> Verdict:
    assert decision.assignment is not None
    address, count = decision.assignment.address, len(decision.served)
    served = f"{address} serves {count} port{'s' if count > 1 else ''}"
    if decision.address_refusal is not None:
        why = decision.address_refusal
        return Verdict(False, why.reason, f"{why.message}; meanwhile {served}")
    if refused:
        return Verdict(False, "PortsRefused", f"{describe_refused(refused)}; {served}")
    idle = [str(port.port) for port in entry.submitted or () if not any(s.ready for s in port.shares)]
    notes = list(decision.screening.notes)
    if idle:
        notes.append(f"port {', '.join(idle)} has no ready endpoint, new connections are rejected")
    return Verdict(True, "Programmed", "; ".join((served, *notes)))


def describe_refused(refused: tuple[RefusedPort, ...]) -> str:
    """For messages: "port 53/SCTP: SCTP is not served; only TCP and UDP are"."""
    return "; ".join(f"port {bad.port}/{bad.protocol}: {bad.refusal.message}" for bad in refused)
