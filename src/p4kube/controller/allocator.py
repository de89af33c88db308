"""Who has which virtual IP address. Knows no API; the Services' status is its memory across restarts.

Rules:

* A Service keeps its address until it is released, even if its pool has gone: traffic flows there.
* An address that a Service asks for must lie in some pool. It may be shared, port by port: the Service
  that had a (port, protocol) first keeps it.
* A Service that asks for nothing gets the lowest address that nobody has, from the first pool by name
  that hands out addresses unasked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from p4kube.controller.pools import Pool
from p4kube.controller.refusal import Refusal
from p4kube.model import Protocol, ServiceKey

PortKey = tuple[int, Protocol]


@dataclass(frozen=True)
class Assignment:
    """An address, and the asked ports that another Service has on it, with that Service."""

    address: IPv4Address
    clashes: Mapping[PortKey, ServiceKey] = field(default_factory=dict)


class Allocator:
    """Addresses held and ports claimed on them."""

    def __init__(self) -> None:
        self._pools: tuple[Pool, ...] = ()
        self._held: dict[ServiceKey, int] = {}
        self._holders: dict[int, set[ServiceKey]] = {}
        self._claims: dict[tuple[int, PortKey], ServiceKey] = {}
        self._claimed: dict[ServiceKey, frozenset[PortKey]] = {}
        # Below the cursor of a pool no address is free.
        self._cursors: dict[str, int] = {}
        self.version = 0
        """Grows whenever somebody gets, loses or changes something: others may be better off now."""

    def set_pools(self, pools: Iterable[Pool]) -> None:
        self._pools = tuple(sorted(pools, key=lambda pool: pool.name))
        self._cursors.clear()

    def held(self, service: ServiceKey) -> IPv4Address | None:
        number = self._held.get(service)
        return None if number is None else IPv4Address(number)

    def restore(self, service: ServiceKey, ports: frozenset[PortKey], address: IPv4Address) -> Assignment:
        """Give back what the status says the Service has. To be done for all before any `assign`."""
        return self._hold(service, ports, int(address))

    def assign(
        self, service: ServiceKey, ports: frozenset[PortKey], wanted: IPv4Address | None = None
    ) -> Assignment | Refusal:
        """An address for `ports` of `service`; calling it again with other ports adapts the claims.

        A Refusal leaves what the Service holds as it is.
        """
        number = self._held.get(service)
        if wanted is not None and int(wanted) != number:
            return self._move(service, ports, wanted)
        if number is not None:
            return self._hold(service, ports, number)
        number = self._free()
        if number is None:
            return self._exhausted()
        return self._hold(service, ports, number)

    def release(self, service: ServiceKey) -> IPv4Address | None:
        """Take the address back; returns it, None if the Service had none."""
        number = self._held.pop(service, None)
        if number is None:
            return None
        self.version += 1
        self._unclaim(service, number)
        self._holders[number].discard(service)
        if not self._holders[number]:
            del self._holders[number]
            for name, cursor in self._cursors.items():
                self._cursors[name] = min(cursor, number)
        return IPv4Address(number)

    def counts(self) -> dict[str, tuple[int, int]]:
        """For each pool how many addresses it can hand out unasked, and how many of all are held."""
        held = [IPv4Address(number) for number in self._holders]
        return {pool.name: (pool.total, sum(address in pool for address in held)) for pool in self._pools}

    def _move(
        self, service: ServiceKey, ports: frozenset[PortKey], wanted: IPv4Address
    ) -> Assignment | Refusal:
        if not any(wanted in pool for pool in self._pools):
            known = ", ".join(pool.name for pool in self._pools) or "none exists"
            return Refusal(
                "AddressNotInPool", f"{wanted} is in no VIPPool ({known}); ask for another or extend a pool"
            )
        clashes = self._clashes(service, ports, int(wanted))
        if ports and len(clashes) == len(ports):
            return Refusal("PortClash", f"{wanted} cannot be shared: {describe_clashes(clashes)}")
        self.release(service)
        return self._hold(service, ports, int(wanted))

    def _hold(self, service: ServiceKey, ports: frozenset[PortKey], number: int) -> Assignment:
        clashes = self._clashes(service, ports, number)
        mine = frozenset(port for port in ports if port not in clashes)
        if self._held.get(service) == number and self._claimed[service] == mine:
            return Assignment(IPv4Address(number), clashes)
        self.release(service)
        self.version += 1
        self._held[service] = number
        self._holders.setdefault(number, set()).add(service)
        self._claimed[service] = mine
        for port in mine:
            self._claims[number, port] = service
        return Assignment(IPv4Address(number), clashes)

    def _clashes(
        self, service: ServiceKey, ports: frozenset[PortKey], number: int
    ) -> dict[PortKey, ServiceKey]:
        owners = ((port, self._claims.get((number, port))) for port in sorted(ports))
        return {port: owner for port, owner in owners if owner is not None and owner != service}

    def _unclaim(self, service: ServiceKey, number: int) -> None:
        for port in self._claimed.pop(service, frozenset()):
            self._claims.pop((number, port), None)

    def _free(self) -> int | None:
        for pool in self._pools:
            if not pool.auto:
                continue
            for number in pool.from_(self._cursors.get(pool.name, 0)):
                if number not in self._holders:
                    self._cursors[pool.name] = number
                    return number
            self._cursors[pool.name] = 2**32
        return None

    def _exhausted(self) -> Refusal:
        automatic = [pool for pool in self._pools if pool.auto]
        if not automatic:
            return Refusal("NoPool", "no VIPPool with autoAssign exists; create one or ask for an address")
        names = ", ".join(pool.name for pool in automatic)
        return Refusal("NoAddressLeft", f"all addresses of {names} are taken; extend a VIPPool")


def describe_clashes(clashes: Mapping[PortKey, ServiceKey]) -> str:
    """For messages: "port 80/TCP belongs to default/web"."""
    return ", ".join(
        f"port {port}/{protocol.name} belongs to {owner}" for (port, protocol), owner in clashes.items()
    )
