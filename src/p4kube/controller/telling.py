"""The Events that we write about Services, each once and not again while nothing changes."""

from __future__ import annotations

from ipaddress import IPv4Address

from p4kube.controller.dataplane import ProgramResult
from p4kube.controller.entry import Entry, describe_refused
from p4kube.controller.standing import Standing, standing_of
from p4kube.kube.events import EventRecorder
from p4kube.kube.objects import Service
from p4kube.kube.resources import SERVICES


class Teller:
    """Turns what happens to a Service into Events for `kubectl describe service`."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def assigned(self, service: Service, address: IPv4Address) -> None:
        self._recorder.record(
            SERVICES, service, "Normal", "AddressAssigned", "AssignAddress", f"assigned {address}"
        )

    def programmed(self, entry: Entry, service: Service | None) -> None:
        """Only the first time, or the first time since something was refused: not at every scaling."""
        if entry.announced or service is None:
            return
        entry.announced = True
        note = f"{entry.working} is served by the switches"
        self._recorder.record(SERVICES, service, "Normal", "Programmed", "Program", note)

    def withdrawn(self, service: Service | None, load_balancer_class: str) -> None:
        if service is not None and standing_of(service, load_balancer_class) is Standing.LEAVING:
            note = "the switches serve it no more"
            self._recorder.record(SERVICES, service, "Normal", "Withdrawn", "Withdraw", note)

    def rejected(self, entry: Entry, service: Service | None, result: ProgramResult) -> None:
        entry.announced = False
        if service is not None:
            self._recorder.record(SERVICES, service, "Warning", result.reason, "Program", result.message)

    def refused(self, entry: Entry, service: Service) -> None:
        """What is refused now and was not before."""
        decision = entry.decision
        assert decision is not None
        wrong: set[tuple[str, str]] = set()
        if decision.screening.refusal is not None:
            wrong.add((decision.screening.refusal.reason, decision.screening.refusal.message))
        elif decision.address_refusal is not None:
            wrong.add((decision.address_refusal.reason, decision.address_refusal.message))
        if decision.screening.refusal is None:
            own = [bad for bad in decision.refused if bad.refusal is not decision.address_refusal]
            wrong |= {(bad.refusal.reason, describe_refused((bad,))) for bad in own}
        for reason, note in sorted(wrong - entry.told_refusals):
            self._recorder.record(SERVICES, service, "Warning", reason, "Refuse", note)
        if wrong:
            entry.announced = entry.announced and bool(decision.served)
        entry.told_refusals = frozenset(wrong)
