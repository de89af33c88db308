"""Which interfaces are ports of the data plane. They may appear late, go, and come back as another one."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from p4kube.switch.config import Port
from p4kube.switch.dataplane import DataPlane
from p4kube.switch.kernel import Link
from p4xdp.runtime import AttachError

_log = logging.getLogger(__name__)


class Ports:
    """`numbers`: interface index -> port number, of those attached. `failures`: by interface, in words."""

    def __init__(self, wanted: tuple[Port, ...], plane: DataPlane, *, generic: bool) -> None:
        self._wanted, self._plane, self._generic = wanted, plane, generic
        self._missing: set[str] = set()
        self._mtus: set[int] = set()
        self.numbers: dict[int, int] = {}
        self.failures: dict[str, str] = {}

    def leave_other_mode(self, links: Iterable[Link]) -> None:
        """Detaches what an earlier agent attached in the mode that is no longer wanted."""
        other = {link.index: link.name for link in links if link.generic is (not self._generic)}
        for number, interface in self._plane.attached().items():
            if interface in other:
                self._plane.detach(number)
                _log.info("port %d (%s) changes its mode", number, other[interface])

    def attach(self, links: Iterable[Link]) -> tuple[int, ...]:
        """Attaches what is there and not yet attached; returns the ports whose interface is gone."""
        by_name = {link.name: link for link in links}
        attached = self._plane.attached()
        numbers: dict[int, int] = {}
        for port in self._wanted:
            link = by_name.get(port.interface)
            self._tell_missing(port, link is None)
            if link is not None and self._ensure(port, link, attached):
                numbers[link.index] = port.number
        self.numbers = numbers
        self._tell_mtus([link for link in by_name.values() if link.index in numbers])
        served = set(numbers.values())
        return tuple(number for number in sorted(attached) if number not in served)

    def detach(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._plane.detach(number)
            _log.info("port %d is detached", number)

    def _ensure(self, port: Port, link: Link, attached: dict[int, int]) -> bool:
        if attached.get(port.number) == link.index:
            self.failures.pop(port.interface, None)
            return True
        try:
            self._plane.attach(port.number, link.index, generic=self._generic)
        except AttachError as error:
            self._tell_failure(port, f"{port.interface}: {error}")
            return False
        self.failures.pop(port.interface, None)
        _log.info("port %d is %s (interface %d)", port.number, port.interface, link.index)
        return True

    def _tell_mtus(self, links: list[Link]) -> None:
        """The data plane compares no packet with the port that it leaves through."""
        mtus = {link.mtu for link in links}
        if len(mtus) > 1 and mtus != self._mtus:
            each = ", ".join(f"{link.name} {link.mtu}" for link in links)
            _log.warning("ports have different MTUs (%s): packets too large for a port are lost there", each)
        self._mtus = mtus

    def _tell_missing(self, port: Port, missing: bool) -> None:
        if missing and port.interface not in self._missing:
            _log.warning("port %d: there is no interface %s yet", port.number, port.interface)
            self._missing.add(port.interface)
            self.failures.pop(port.interface, None)
        elif not missing:
            self._missing.discard(port.interface)

    def _tell_failure(self, port: Port, text: str) -> None:
        if self.failures.get(port.interface) != text:
            _log.error("%s", text)
        self.failures[port.interface] = text
