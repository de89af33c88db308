"""What the agent needs of a loaded data plane. `p4xdp.runtime.Switch` has it all; tests use a simpler one."""

from __future__ import annotations

from typing import Protocol

from p4xdp.device import Tables
from p4xdp.runtime import TableEntry


class Readable(Protocol):
    """What a data plane in the kernel says of itself. Raises `p4xdp.device.DeviceError`."""

    def table_entries(self, table: str) -> list[TableEntry]: ...

    def table_default(self, table: str) -> TableEntry: ...

    def table_size(self, table: str) -> int: ...

    def register_read(self, register: str, index: int) -> int: ...

    def counter_dump(self, counter: str) -> list[tuple[int, int]]:
        """Packets and bytes of every cell."""

    def faults(self) -> dict[str, int]:
        """Packets that the program dropped for want of something, by reason."""


class DataPlane(Readable, Tables, Protocol):
    """A data plane that can be changed."""

    def attached(self) -> dict[int, int]:
        """Ports that the program serves now: number -> interface index."""

    def attach(self, port: int, interface: int, *, generic: bool = False) -> None:
        """Makes the interface (an index of this network namespace) the port, in place of what it was.

        Raises `p4xdp.runtime.AttachError`.
        """

    def detach(self, port: int) -> None: ...

    def activate(self) -> None:
        """Makes this the program that all ports run, and that stays when the process ends."""


def action_of(entry: TableEntry) -> str:
    """The action's name without the controls that it is declared in."""
    return entry.action.rpartition(".")[2]
