"""A data plane and a kernel in memory, for tests of what is built on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from p4kube.switch.kernel import NeighbourKey, Part, Snapshot
from p4kube.wire import contract
from p4xdp.device import DeviceError
from p4xdp.ir.nodes import KeySet
from p4xdp.runtime import AttachError, TableEntry

_SIZES = {"routes": 16384, "next_hops": 65536, "update_addresses": 16, "update_keys": 256, "ports": 512}
_DEFAULTS = {
    "identity": TableEntry((), "Ingress.Update.set_boot_id", (0,)),
    "flow_secret": TableEntry((), "Ingress.Secret.set_secret", (0, 1, 0, 1)),
}


class MemoryPlane:
    """Tables as dicts; `calls` logs every write. `refuse`: interface index -> why it cannot be attached."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[KeySet, ...], TableEntry]] = defaultdict(dict)
        self.defaults = dict(_DEFAULTS)
        self.registers: dict[tuple[str, int], int] = {}
        self.counts: dict[str, list[tuple[int, int]]] = {
            "events": [(0, 0)] * contract.EVENTS,
            "service_requests": [(0, 0)] * contract.SERVICE_IDS,
            "service_replies": [(0, 0)] * contract.SERVICE_IDS,
            "node_requests": [(0, 0)] * contract.NODE_CELLS,
        }
        self.sizes = dict(_SIZES)
        self.ports: dict[int, int] = {}
        self.refuse: dict[int, str] = {}
        self.calls: list[str] = []
        self.active = False

    def table_add(
        self, table: str, keys: Sequence[KeySet], action: str, arguments: Sequence[int], priority: int = 0
    ) -> None:
        if tuple(keys) not in self.tables[table] and len(self.tables[table]) >= self.sizes[table]:
            raise DeviceError(f"table {table} is full")
        self.tables[table][tuple(keys)] = TableEntry(tuple(keys), f"Ingress.{action}", tuple(arguments))
        self.calls.append(f"add {table}")

    def table_delete(self, table: str, keys: Sequence[KeySet]) -> None:
        if self.tables[table].pop(tuple(keys), None) is None:
            raise DeviceError(f"table {table} has no such entry")
        self.calls.append(f"delete {table}")

    def table_set_default(self, table: str, action: str, arguments: Sequence[int]) -> None:
        self.defaults[table] = TableEntry((), f"Ingress.{action}", tuple(arguments))
        self.calls.append(f"default {table}")

    def register_read(self, register: str, index: int) -> int:
        return self.registers.get((register, index), 0)

    def register_write(self, register: str, index: int, value: int) -> None:
        self.registers[register, index] = value

    def counter_read(self, counter: str, index: int) -> tuple[int, int]:
        return self.counts[counter][index]

    def counter_dump(self, counter: str) -> list[tuple[int, int]]:
        return self.counts[counter]

    def table_entries(self, table: str) -> list[TableEntry]:
        return list(self.tables[table].values())

    def table_default(self, table: str) -> TableEntry:
        return self.defaults[table]

    def table_size(self, table: str) -> int:
        return self.sizes[table]

    def faults(self) -> dict[str, int]:
        return {"no headroom": 0}

    def attached(self) -> dict[int, int]:
        return dict(self.ports)

    def attach(self, port: int, interface: int, *, generic: bool = False) -> None:
        if interface in self.refuse:
            raise AttachError(f"port {port}: {self.refuse[interface]}")
        self.ports[port] = interface
        self.calls.append(f"attach {port}")

    def activate(self) -> None:
        self.active = True

    def detach(self, port: int) -> None:
        self.ports.pop(port, None)
        self.calls.append(f"detach {port}")


class MemoryKernel:
    """Answers with `snapshot`; notes what it was asked to resolve. `fail`: what `refresh` raises, once."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.snapshot = snapshot or Snapshot()
        self.resolved: list[NeighbourKey] = []
        self.rules: tuple[str, ...] = ()
        self.fail: Exception | None = None

    async def refresh(self, known: Snapshot, parts: Part) -> Snapshot:
        if self.fail is not None:
            failure, self.fail = self.fail, None
            raise failure
        return Snapshot(
            self.snapshot.links if Part.LINKS in parts else known.links,
            self.snapshot.routes if Part.ROUTES in parts else known.routes,
            self.snapshot.neighbours if Part.NEIGHBOURS in parts else known.neighbours,
        )

    async def resolve(self, neighbours: tuple[NeighbourKey, ...]) -> None:
        self.resolved.extend(neighbours)

    async def foreign_rules(self) -> tuple[str, ...]:
        return self.rules
