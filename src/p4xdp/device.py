"""What can be done with a loaded program, whatever carries it: the simulator or the kernel.

STF tests, the differential tests and the switch agent speak to this interface. Names are control-plane
names (`MyIngress.routes`); a unique suffix (`routes`) is accepted too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from p4xdp.ir.nodes import KeySet

DROP_PORT = 511
CPU_PORT = 510


class DeviceError(Exception):
    """A table, action, register or value that the program does not have; says which and what it has."""


@dataclass(frozen=True, slots=True)
class OutputPacket:
    """`port` is the egress port; CPU_PORT means that the packet went to the local kernel stack."""

    port: int
    data: bytes


class Tables(Protocol):
    """Run-time state that a control plane may touch. Raises DeviceError."""

    def table_add(
        self, table: str, keys: Sequence[KeySet], action: str, arguments: Sequence[int], priority: int = 0
    ) -> None:
        """Adds or replaces the entry with these keys. lpm keys are KeySet("mask", value, mask)."""

    def table_delete(self, table: str, keys: Sequence[KeySet]) -> None: ...

    def table_set_default(self, table: str, action: str, arguments: Sequence[int]) -> None: ...

    def register_read(self, register: str, index: int) -> int: ...

    def register_write(self, register: str, index: int, value: int) -> None: ...

    def counter_read(self, counter: str, index: int) -> tuple[int, int]:
        """Packets and bytes (0 for what the counter does not count)."""


class Device(Tables, Protocol):
    """A device that packets can be put through one by one, with a clock under the caller's control."""

    def set_time(self, microseconds: int) -> None:
        """What `ingress_global_timestamp` reads until the next call."""

    def send(self, port: int, data: bytes) -> list[OutputPacket]: ...
