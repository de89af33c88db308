"""From what a switch should serve to the writes that make it so, in an order that is right at every step.

A `Planner` is the controller's image of one switch: which cells hold what, and who owns which id, cell and
region. It does no I/O; the writes it returns are meant to be applied in their order (the update protocol
guarantees that), and the image is that of the switch after all of them. Order of writes: docs/protocol.md,
"What follows for a controller".
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from p4kube import slots as slot_rules
from p4kube.buddy import BuddyAllocator, PoolExhausted
from p4kube.cuckoo import TableFull, place
from p4kube.model import ServicePort
from p4kube.wire import cells, contract
from p4kube.wire.cells import Frontend, NodePort, ServiceRecord, Slot
from p4kube.wire.message import Cell, Register, Write


class PlanError(Exception):
    """The switch has no room for this: says for what, and what would help."""


@dataclass(slots=True)
class Entry:
    """One service port as the switch has it; `members` are the ids of all nodes that serve it."""

    frontend: Frontend
    cell: int
    record: ServiceRecord
    slots: list[Slot]
    members: set[int] = field(default_factory=set)


class Planner:
    """The image of one switch. What a method changes in it is put into an outbox, which the method then
    returns: the writes that are still to be done. After an error they come with the next call's."""

    def __init__(self) -> None:
        self.image: dict[Cell, int] = {}
        self._outbox: list[Write] = []
        self._certain: set[Cell] | None = None
        self.entries: dict[Frontend, Entry] = {}
        self.nodes: dict[IPv4Address, int] = {}
        self._keys: dict[int, Frontend] = {}
        self._addresses: dict[int, IPv4Address] = {}
        self._regions = BuddyAllocator(contract.SLOT_CELLS.bit_length() - 1)
        self._service_ids = deque(range(contract.SERVICE_IDS))
        self._node_ids = deque(range(1, contract.NODE_CELLS))
        self._uses: dict[int, int] = {}

    # ---------------------------------------------------------------- changes

    def serve(self, port: ServicePort) -> list[Write]:
        """Adds the service port, or changes it to this. Raises PlanError; what was served before stays."""
        frontend = Frontend(port.vip, port.port, port.protocol)
        existing = self.entries.get(frontend)
        weights, members = self._admit_nodes(port)
        if existing is not None and existing.record.node_port == port.node_port:
            self._change(existing, weights, members)
        else:
            # With another node port every connection is a new one: the old entry goes, a new one comes.
            # What could refuse the new one has been checked, or is set free by the old one.
            self._hold_nodes(members)
            try:
                self._remove(frontend)
                self._add(frontend, port.node_port, weights, members)
            finally:
                self._release_nodes(members)
        return self.take_outbox()

    def withdraw(self, frontend: Frontend) -> list[Write]:
        """Removes the service port; nothing if it is not there."""
        self._remove(frontend)
        return self.take_outbox()

    def _remove(self, frontend: Frontend) -> None:
        entry = self.entries.pop(frontend, None)
        if entry is None:
            return
        record = entry.record
        writes = [Write(Cell(Register.SERVICE_KEYS, entry.cell), 0)]
        node_port = cells.node_port_cell(frontend.protocol, record.node_port)
        if self.image.get(node_port) == cells.encode_node_port(_target(frontend, record)):
            # Otherwise another service port has it by now.
            writes.append(Write(node_port, 0))
        writes.append(Write(Cell(Register.SERVICE_RECORDS, entry.cell), 0))
        writes.extend(Write(Cell(Register.SLOTS, record.base + i), 0) for i in range(len(entry.slots)))
        writes.extend(self._member_writes(record.service_id, entry.members, set()))
        del self._keys[entry.cell]
        self._regions.release(record.base, record.log2)
        self._service_ids.append(record.service_id)
        self._emit(writes)
        self._release_nodes(entry.members)

    def settle(self, frontend: Frontend, indices: Iterable[int]) -> list[Write]:
        """Ends the transition of these slots of the service port; those not in transition stay."""
        entry = self.entries.get(frontend)
        if entry is None:
            return []
        after = list(entry.slots)
        for i in indices:
            if i < len(after) and after[i].previous:
                after[i] = slot_rules.settle(after[i], entry.members - {after[i].current} != set())
        self._emit(self._slot_writes(entry, after))
        return self.take_outbox()

    # ---------------------------------------------------------------- the steps of a change

    def _add(self, frontend: Frontend, node_port: int, weights: Mapping[int, int], members: set[int]) -> None:
        if not self._service_ids:
            raise PlanError(f"{frontend}: all {contract.SERVICE_IDS} service ports of the switch are taken")
        try:
            moves = place(frontend, self._keys, cells.frontend_cells)
        except TableFull:
            raise PlanError(f"{frontend}: no cell is free in the switch's table of services") from None
        log2, base = self._region(frontend, slot_rules.wanted_log2(weights))
        self._emit(self._make_room(moves[:-1]))
        service_id = self._service_ids.popleft()
        record = ServiceRecord(base, log2, service_id, node_port)
        entry = Entry(frontend, moves[-1][1], record, [Slot(cells.NO_NODE)] * (1 << log2))
        entry.slots = slot_rules.reassign(entry.slots, weights, members)
        self._keys[entry.cell] = frontend
        self.entries[frontend] = entry
        self._hold_nodes(members)
        entry.members = members
        steps = [*self._clear_row(service_id), *self._member_writes(service_id, set(), members)]
        steps.extend(
            Write(Cell(Register.SLOTS, base + i), cells.encode_slot(slot))
            for i, slot in enumerate(entry.slots)
        )
        steps.append(
            Write(
                cells.node_port_cell(frontend.protocol, node_port),
                cells.encode_node_port(_target(frontend, record)),
            )
        )
        steps.append(Write(Cell(Register.SERVICE_RECORDS, entry.cell), cells.encode_record(record, frontend)))
        steps.append(Write(Cell(Register.SERVICE_KEYS, entry.cell), cells.encode_frontend(frontend)))
        self._emit(steps)

    def _change(self, entry: Entry, weights: Mapping[int, int], members: set[int]) -> None:
        service_id = entry.record.service_id
        after = slot_rules.reassign(entry.slots, weights, members)
        steps = [*self._member_writes(service_id, entry.members, entry.members | members)]
        if slot_rules.share_error(after, weights) > slot_rules.TOLERANCE:
            grown = self._grow(entry, slot_rules.wanted_log2(weights))
            if grown:
                steps.extend(grown)
                after = slot_rules.reassign(entry.slots, weights, members)
        steps.extend(self._slot_writes(entry, after))
        gone = entry.members - members
        steps.extend(self._member_writes(service_id, entry.members | members, members))
        self._hold_nodes(members - entry.members)
        entry.members = members
        self._emit(steps)
        self._release_nodes(gone)

    def _grow(self, entry: Entry, log2: int) -> list[Write]:
        """A larger region with the same mapping; nothing if the pool has no room or it is large enough."""
        old = entry.record
        while log2 > old.log2:
            try:
                base = self._regions.allocate(log2)
                break
            except PoolExhausted:
                log2 -= 1
        else:
            return []
        before = [Cell(Register.SLOTS, old.base + i) for i in range(len(entry.slots))]
        entry.slots = slot_rules.grow(entry.slots, log2)
        entry.record = ServiceRecord(base, log2, old.service_id, old.node_port)
        writes = [
            Write(Cell(Register.SLOTS, base + i), cells.encode_slot(slot))
            for i, slot in enumerate(entry.slots)
        ]
        record = cells.encode_record(entry.record, entry.frontend)
        writes.append(Write(Cell(Register.SERVICE_RECORDS, entry.cell), record))
        writes.extend(Write(cell, 0) for cell in before)
        self._regions.release(old.base, old.log2)
        return writes

    def _region(self, frontend: Frontend, log2: int) -> tuple[int, int]:
        for size in range(log2, slot_rules.MIN_LOG2 - 1, -1):
            try:
                return size, self._regions.allocate(size)
            except PoolExhausted:
                continue
        raise PlanError(f"{frontend}: the switch's pool of {contract.SLOT_CELLS} slots is exhausted")

    def _make_room(self, moves: Sequence[tuple[Frontend, int]]) -> Iterator[Write]:
        for frontend, cell in moves:
            entry = self.entries[frontend]
            yield Write(Cell(Register.SERVICE_RECORDS, cell), cells.encode_record(entry.record, frontend))
            yield Write(Cell(Register.SERVICE_KEYS, cell), cells.encode_frontend(frontend))
            yield Write(Cell(Register.SERVICE_KEYS, entry.cell), 0)
            del self._keys[entry.cell]
            entry.cell = cell
            self._keys[cell] = frontend

    def _slot_writes(self, entry: Entry, after: list[Slot]) -> list[Write]:
        writes = [
            Write(Cell(Register.SLOTS, entry.record.base + i), cells.encode_slot(new))
            for i, (old, new) in enumerate(zip(entry.slots, after, strict=True))
            if old != new
        ]
        entry.slots = after
        return writes

    def _clear_row(self, service_id: int) -> Iterator[Write]:
        """Who served under this id before is forgotten; needed only where not all cells were read."""
        if self._certain is not None:
            width = 1 << contract.MEMBER_CELL_NODE.width
            for word in range(service_id * width, (service_id + 1) * width):
                yield Write(Cell(Register.MEMBERS, word), 0)

    def _member_writes(self, service_id: int, before: set[int], after: set[int]) -> Iterator[Write]:
        words: dict[Cell, int] = {}
        for node in before | after:
            cell, bit = cells.member_cell(service_id, node)
            words[cell] = words.get(cell, 0) | (node in after) << bit
        for cell, word in words.items():
            yield Write(cell, word)

    # ---------------------------------------------------------------- nodes

    def _admit_nodes(self, port: ServicePort) -> tuple[dict[int, int], set[int]]:
        """Ids for all nodes of the port (new ones are written): their weights, and all that are members."""
        weights: dict[int, int] = {}
        members: set[int] = set()
        serving = [share for share in port.shares if share.ready > 0 or share.draining > 0]
        unknown = [share.address for share in serving if share.address not in self.nodes]
        if len(unknown) > len(self._node_ids):
            raise PlanError(
                f"{port.vip}:{port.port}: {len(unknown)} new nodes ({unknown[0]} and on), but the switch has "
                f"room for {len(self._node_ids)} more of {contract.NODE_CELLS - 1}"
            )
        for share in serving:
            node = self.nodes.get(share.address)
            if node is None:
                node = self._add_node(share.address)
            weights[node] = share.ready
            members.add(node)
        return weights, members

    def _add_node(self, address: IPv4Address) -> int:
        try:
            moves = place(address, self._addresses, cells.node_address_cells)
        except TableFull:
            raise PlanError(f"node {address}: no cell is free in the switch's table of addresses") from None
        if not self._node_ids:
            raise PlanError(f"node {address}: all {contract.NODE_CELLS - 1} nodes of the switch are taken")
        node = self._node_ids.popleft()
        self.nodes[address] = node
        writes = [Write(Cell(Register.NODES, node), cells.encode_node(address))]
        old = {tenant: cell for cell, tenant in self._addresses.items()} if len(moves) > 1 else {}
        for tenant, cell in moves:
            writes.append(Write(Cell(Register.NODE_ADDRESSES, cell), int(tenant)))
            if tenant in old and self._addresses.get(old[tenant]) == tenant:
                del self._addresses[old[tenant]]
            self._addresses[cell] = tenant
        self._emit(writes)
        return node

    def _hold_nodes(self, nodes: Iterable[int]) -> None:
        for node in nodes:
            self._uses[node] = self._uses.get(node, 0) + 1

    def _release_nodes(self, nodes: Iterable[int]) -> None:
        """Forgets the nodes that no service port uses any more; their ids rest at the end of the queue."""
        unused = set()
        for node in nodes:
            self._uses[node] -= 1
            if not self._uses[node]:
                del self._uses[node]
                unused.add(node)
        writes: list[Write] = []
        for address in [a for a, node in self.nodes.items() if node in unused]:
            node = self.nodes.pop(address)
            writes.append(Write(Cell(Register.NODES, node), 0))
            for cell in cells.node_address_cells(address):
                if self._addresses.get(cell) == address:
                    del self._addresses[cell]
                    writes.append(Write(Cell(Register.NODE_ADDRESSES, cell), 0))
            self._node_ids.append(node)
        self._emit(writes)

    # ---------------------------------------------------------------- the image

    def _emit(self, writes: Iterable[Write]) -> None:
        """Takes the writes into the image and the outbox; leaves out those that change nothing."""
        for write in writes:
            certain = self._certain is None or write.cell in self._certain
            if certain and self.image.get(write.cell, 0) == write.value:
                continue
            if write.value:
                self.image[write.cell] = write.value
            else:
                self.image.pop(write.cell, None)
            if self._certain is not None:
                self._certain.add(write.cell)
            self._outbox.append(write)

    def take_outbox(self) -> list[Write]:
        """What a method that raised, or `adopt`, left to be written."""
        writes, self._outbox = self._outbox, []
        return writes

    def everything(self) -> list[Write]:
        """The writes that bring a switch whose cells are all zero to the image, in a right order."""
        self._certain = None
        self._outbox = []
        order = [
            Register.NODES,
            Register.NODE_ADDRESSES,
            Register.MEMBERS,
            Register.SLOTS,
            Register.NODE_PORTS,
            Register.SERVICE_RECORDS,
            Register.SERVICE_KEYS,
        ]
        rank = {register: i for i, register in enumerate(order)}
        ordered = sorted(self.image, key=lambda cell: (rank[cell.register], cell.index))
        return [Write(cell, self.image[cell]) for cell in ordered]

    @classmethod
    def adopt(cls, image: Mapping[Cell, int]) -> Planner:
        """The planner of a switch of which these cells have been read, all that its keys lead to among them.

        What stands in other cells is not known, so they are written whenever they are used. What a crash in
        the middle of a change left behind - a node without its address, a key in both of its cells, a region
        claimed twice - goes into the outbox to be cleared.
        """
        planner = cls()
        planner.image = {cell: value for cell, value in image.items() if value}
        planner._certain = set(image)
        planner._adopt_nodes()
        for cell in sorted(planner.image):
            if cell.register is Register.SERVICE_KEYS and not planner._adopt_entry(cell.index):
                planner._emit([Write(cell, 0)])
        # A former service's id may still stand in flow entries: which one is taken next is left to chance.
        random.shuffle(planner._service_ids)
        return planner

    def _adopt_nodes(self) -> None:
        taken = set()
        for cell, value in sorted(self.image.items()):
            if cell.register is Register.NODE_ADDRESSES:
                address = IPv4Address(value)
                if cell.index in cells.node_address_cells(address):
                    self._addresses[cell.index] = address
                else:
                    self._emit([Write(cell, 0)])
        for cell, value in sorted(self.image.items()):
            node = cells.decode_node(value) if cell.register is Register.NODES else None
            if node is None:
                continue
            known = any(self._addresses.get(i) == node for i in cells.node_address_cells(node))
            if known and node not in self.nodes:
                self.nodes[node] = cell.index
                taken.add(cell.index)
            else:
                self._emit([Write(cell, 0)])
        self._node_ids = deque(i for i in range(1, contract.NODE_CELLS) if i not in taken)

    def _adopt_entry(self, index: int) -> bool:
        """False if no service port can be made of the key in this cell."""
        image = self.image
        try:
            frontend = cells.decode_frontend(image[Cell(Register.SERVICE_KEYS, index)])
        except ValueError:
            return False
        word = image.get(Cell(Register.SERVICE_RECORDS, index), 0)
        record = cells.decode_record(word)
        if frontend is None or word != cells.encode_record(record, frontend) or frontend in self.entries:
            return False
        if index not in cells.frontend_cells(frontend) or record.service_id not in self._service_ids:
            return False
        try:
            self._regions.reserve(record.base, record.log2)
        except PoolExhausted:
            return False
        self._service_ids.remove(record.service_id)
        region = range(record.base, record.base + (1 << record.log2))
        slots = [cells.decode_slot(image.get(Cell(Register.SLOTS, i), 0)) for i in region]
        members = {n for n in self.nodes.values() if self._is_member(record.service_id, n)}
        self._keys[index] = frontend
        self.entries[frontend] = Entry(frontend, index, record, slots, members)
        self._hold_nodes(members)
        return True

    def _is_member(self, service_id: int, node: int) -> bool:
        cell, bit = cells.member_cell(service_id, node)
        return bool(self.image.get(cell, 0) >> bit & 1)


def _target(frontend: Frontend, record: ServiceRecord) -> NodePort:
    return NodePort(frontend.vip, frontend.port, record.service_id)
