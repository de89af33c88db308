"""What the switch's kernel knows about forwarding, as values. IPv4 only, addresses and MACs as numbers.

Numbers: linux/rtnetlink.h and linux/neighbour.h.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple, Protocol

TABLE_DEFAULT = 253
TABLE_MAIN = 254
TABLE_LOCAL = 255


class Prefix(NamedTuple):
    """An IPv4 network: bits of `address` beyond `length` are zero."""

    address: int
    length: int

    @property
    def mask(self) -> int:
        return 0xFFFFFFFF << 32 - self.length & 0xFFFFFFFF

    def covers(self, other: Prefix) -> bool:
        return self.length <= other.length and other.address & self.mask == self.address

    def up_to(self, length: int) -> Prefix:
        """The shorter prefix of `length` bits that covers this one."""
        return Prefix(self.address & (0xFFFFFFFF << 32 - length), length)

    def __str__(self) -> str:
        return f"{IPv4Address(self.address)}/{self.length}"


class NeighbourKey(NamedTuple):
    """A neighbour is known by its interface (index) and its address."""

    interface: int
    address: int

    def __str__(self) -> str:
        return f"{IPv4Address(self.address)} on interface {self.interface}"


class NeighbourState(enum.Enum):
    """FRESH and STALE have a usable MAC; STALE means that the kernel has not seen it confirmed lately."""

    FRESH = "fresh"
    STALE = "stale"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Neighbour:
    key: NeighbourKey
    state: NeighbourState
    mac: int

    @property
    def usable(self) -> bool:
        return self.mac != 0 and self.state in (NeighbourState.FRESH, NeighbourState.STALE)


@dataclass(frozen=True, slots=True)
class Link:
    """`generic`: whether the XDP program on it runs in generic mode; None if there is none."""

    index: int
    name: str
    mac: int
    up: bool
    mtu: int = 1500
    generic: bool | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """One next hop of a route; `gateway` None: the destination itself is the neighbour (on-link).

    `alive`: neither dead nor without carrier.
    """

    interface: int
    gateway: int | None = None
    alive: bool = True


class RouteKind(enum.Enum):
    """KERNEL: local, broadcast, blackhole, unreachable, prohibit, throw, and whatever XDP cannot do."""

    FORWARD = "forward"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Route:
    """`tos` routes are for some packets only; `metric`: lower wins among routes to one prefix."""

    prefix: Prefix
    table: int = TABLE_MAIN
    kind: RouteKind = RouteKind.FORWARD
    hops: tuple[Hop, ...] = ()
    metric: int = 0
    tos: int = 0


class Part(enum.Flag):
    """What of the snapshot may have changed."""

    NONE = 0
    LINKS = enum.auto()
    ROUTES = enum.auto()
    NEIGHBOURS = enum.auto()
    ALL = LINKS | ROUTES | NEIGHBOURS


@dataclass(frozen=True, slots=True)
class Snapshot:
    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()


class Kernel(Protocol):
    """The switch's kernel as the agent sees it. Implemented by `p4kube.switch.netlink`."""

    async def refresh(self, known: Snapshot, parts: Part) -> Snapshot:
        """`known` with these parts read anew. Raises KernelError."""

    async def resolve(self, neighbours: tuple[NeighbourKey, ...]) -> None:
        """Asks the kernel to resolve or confirm these neighbours now; failures show in a later snapshot."""

    async def foreign_rules(self) -> tuple[str, ...]:
        """Policy routing rules beyond the kernel's own three, in words."""


class KernelError(Exception):
    """The kernel did not answer as expected; the text says what was asked."""
