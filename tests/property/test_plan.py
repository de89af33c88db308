"""The data plane is right between any two writes of a plan."""

from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st

from p4kube.model import NodeShare, Protocol, ServicePort
from p4kube.plan import Planner
from p4kube.wire import cells
from p4kube.wire.message import Cell, Register, Write

VIPS = [IPv4Address("10.0.0.0") + i for i in range(6)]
NODES = [IPv4Address("192.0.2.0") + i for i in range(1, 7)]


class Switch:
    """The registers, and the data plane's way through them."""

    def __init__(self) -> None:
        self.registers: dict[Cell, int] = {}

    def apply(self, write: Write) -> None:
        self.registers[write.cell] = write.value

    def get(self, register: Register, index: int) -> int:
        return self.registers.get(Cell(register, index), 0)

    def lookup(self, frontend: cells.Frontend) -> tuple[cells.ServiceRecord, set[IPv4Address | None]] | None:
        for cell in cells.frontend_cells(frontend):
            if self.get(Register.SERVICE_KEYS, cell) == cells.encode_frontend(frontend):
                record = cells.decode_record(self.get(Register.SERVICE_RECORDS, cell))
                region = range(record.base, record.base + (1 << record.log2))
                owners = {cells.decode_slot(self.get(Register.SLOTS, i)).current for i in region}
                owners |= {cells.decode_slot(self.get(Register.SLOTS, i)).previous for i in region}
                nodes = {cells.decode_node(self.get(Register.NODES, n)) for n in owners if n}
                return record, nodes
        return None


shares = st.dictionaries(
    st.sampled_from(NODES), st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=4
).map(lambda d: tuple(NodeShare(a, r, t) for a, (r, t) in sorted(d.items())))
ports = st.builds(
    lambda i, s, shift: ServicePort(VIPS[i], 80, Protocol.TCP, 30000 + i + 100 * shift, s),
    st.integers(0, 5), shares, st.booleans(),
)  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(["serve", "serve", "serve", "withdraw"]), ports), max_size=12)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_every_state_in_between_is_right(series: list[tuple[str, ServicePort]]) -> None:
    planner, switch = Planner(), Switch()
    served: dict[cells.Frontend, ServicePort] = {}
    for kind, port in series:
        frontend = cells.Frontend(port.vip, port.port, port.protocol)
        before = dict(served)
        if kind == "serve":
            writes = planner.serve(port)
            served[frontend] = port
        else:
            writes = planner.withdraw(frontend)
            served.pop(frontend, None)
        for number, write in enumerate(writes):
            switch.apply(write)
            # Slot by slot nothing more can go wrong than message by message (16 entries).
            if write.cell.register is not Register.SLOTS or number % 16 == 15:
                _check_between(switch, before, served, frontend)
        _check_after(switch, planner, served)


def _check_between(
    switch: Switch,
    before: dict[cells.Frontend, ServicePort],
    after: dict[cells.Frontend, ServicePort],
    changing: cells.Frontend,
) -> None:
    for frontend in before.keys() | after.keys():
        found = switch.lookup(frontend)
        if frontend != changing:
            assert found is not None, "another service was disturbed"
        if found is None:
            continue
        record, nodes = found
        versions = [v[frontend] for v in (before, after) if frontend in v]
        assert record.node_port in {v.node_port for v in versions}
        allowed = {s.address for v in versions for s in v.shares if s.ready or s.draining}
        assert nodes <= allowed, "a slot names a node that does not serve this port"


def _check_after(switch: Switch, planner: Planner, served: dict[cells.Frontend, ServicePort]) -> None:
    assert {c: v for c, v in switch.registers.items() if v} == planner.image
    for frontend, port in served.items():
        found = switch.lookup(frontend)
        assert found is not None
        target = cells.decode_node_port(
            switch.get(Register.NODE_PORTS, cells.node_port_cell(port.protocol, port.node_port).index)
        )
        assert target is not None and (target.vip, target.port) == (port.vip, port.port)
        for share in port.shares:
            if share.ready or share.draining:
                stands = {
                    switch.get(Register.NODE_ADDRESSES, c) for c in cells.node_address_cells(share.address)
                }
                assert int(share.address) in stands


@settings(max_examples=50, deadline=None)
@given(steps)
def test_adopting_what_a_switch_holds_changes_nothing(series: list[tuple[str, ServicePort]]) -> None:
    planner = Planner()
    served: dict[cells.Frontend, ServicePort] = {}
    for _, port in series:
        planner.serve(port)
        served[cells.Frontend(port.vip, port.port, port.protocol)] = port
    successor = Planner.adopt(planner.image)
    assert successor.image == planner.image
    assert [w for port in served.values() for w in successor.serve(port)] == []


def test_many_services_find_a_place() -> None:
    planner = Planner()
    node = NodeShare(NODES[0], 1)
    for i in range(4000):
        vip = IPv4Address("10.1.0.0") + i
        planner.serve(ServicePort(vip, 443, Protocol.UDP, 1024 + i, (node,)))
    assert len(planner.entries) == 4000


def test_4096_nodes_find_a_place() -> None:
    planner = Planner()
    shares = tuple(NodeShare(IPv4Address("10.128.0.0") + i * 3, 1) for i in range(4096))
    for i in range(256):
        planner.serve(ServicePort(VIPS[0] + i, 80, Protocol.TCP, 30000 + i, shares[i * 16 : i * 16 + 16]))
    assert len(planner.nodes) == 4096
    assert len(set(planner.nodes.values())) == 4096
    assert sum(1 for cell in planner.image if cell.register is Register.NODE_ADDRESSES) == 4096
