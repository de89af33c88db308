"""Ranges of virtual IP addresses, as a VIPPool writes them."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError


@dataclass(frozen=True)
class Pool:
    """A named set of IPv4 addresses: disjoint inclusive ranges of integers, ascending.

    `auto` says whether Services that name no address may get one from here.
    """

    name: str
    ranges: tuple[tuple[int, int], ...]
    auto: bool = True
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", tuple(first for first, _ in self.ranges))

    def __contains__(self, address: IPv4Address) -> bool:
        number = int(address)
        place = bisect.bisect_right(self._starts, number) - 1
        return place >= 0 and number <= self.ranges[place][1]

    def from_(self, start: int) -> Iterator[int]:
        """The addresses that may be handed out unasked, as integers, ascending, none below `start`."""
        for first, last in self.ranges:
            for number in range(max(first, start), last + 1):
                if not avoided(number):
                    yield number

    @property
    def total(self) -> int:
        """How many addresses may be handed out unasked."""
        return sum(_usable_below(last + 1) - _usable_below(first) for first, last in self.ranges)


def avoided(number: int) -> bool:
    """Addresses ending in .0 and .255 look like a network or a broadcast address to many devices."""
    return number & 0xFF in (0, 255)


def _usable_below(number: int) -> int:
    """How many of the integers 0..number-1 are not `avoided`."""
    blocks, rest = divmod(number, 256)
    return 254 * blocks + max(rest - 1, 0)


def parse_pool(name: str, addresses: Iterable[str], auto: bool) -> tuple[Pool, list[str]]:
    """A pool from CIDRs ("192.0.2.0/24"), ranges ("192.0.2.10-192.0.2.20") and single addresses.

    Entries that cannot be used are left out; the list has a message for each.
    """
    ranges: list[tuple[int, int]] = []
    problems: list[str] = []
    for index, entry in enumerate(addresses):
        try:
            ranges.append(_parse_entry(entry.strip()))
        except ValueError as error:
            problems.append(f"spec.addresses[{index}] {entry!r}: {error}")
    return Pool(name, _merged(ranges), auto), problems


def _parse_entry(entry: str) -> tuple[int, int]:
    if ":" in entry:
        raise ValueError("IPv6 is not served yet; use IPv4")
    try:
        if "-" in entry:
            first, last = (int(IPv4Address(part.strip())) for part in entry.split("-"))
        else:
            network = IPv4Network(entry)
            first, last = int(network.network_address), int(network.broadcast_address)
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise ValueError(f"expected a CIDR, a range first-last or an address ({error})") from error
    if first > last:
        raise ValueError("the range ends before it begins")
    return first, last


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
