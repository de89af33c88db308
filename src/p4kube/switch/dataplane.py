"""What the agent needs of a loaded data plane. `p4kube.switch.program` carries it by p4xdp's runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from p4xdp.device import Tables
from p4xdp.ir.nodes import KeySet


@dataclass(frozen=True, slots=True)
class Call:
    """An action, by its control-plane name's last part, and its arguments."""

    action: str
    arguments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    keys: tuple[KeySet, ...]
    call: Call


class PortError(Exception):
    """An interface cannot become a port; says why, and what would help."""


class DataPlane(Tables, Protocol):
    """A program in the kernel. Table operations raise `p4xdp.device.DeviceError`."""

    def table_entries(self, table: str) -> list[Entry]: ...

    def table_default(self, table: str) -> Call: ...

    def table_size(self, table: str) -> int: ...

    def counters(self, counter: str) -> list[tuple[int, int]]:
        """Packets and bytes of every cell."""

    def faults(self) -> dict[str, int]:
        """Packets that the program dropped for want of something, by reason."""

    def attached(self) -> dict[int, int]:
        """Ports that the program serves now: number -> interface index."""

    def attach(self, port: int, interface: int) -> None:
        """Makes the interface (an index of this network namespace) the port, in place of what it was.

        Raises PortError.
        """

    def detach(self, port: int) -> None: ...
