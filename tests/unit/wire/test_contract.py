"""What the controller knows of the data plane is what the P4 source says."""

from ipaddress import IPv4Address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from p4kube.model import Protocol
from p4kube.wire import cells, contract, generate
from p4kube.wire.flow import FlowSecret, permute
from p4kube.wire.message import Register

ROOT = Path(__file__).parents[3]
addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
ports = st.integers(0, 65535)
node_ids = st.integers(0, contract.NODE_CELLS - 1)
frontends = st.builds(cells.Frontend, addresses, ports, st.sampled_from(list(Protocol)))


def test_the_contract_is_up_to_date() -> None:
    assert (ROOT / "src/p4kube/wire/contract.py").read_text() == generate.render(ROOT / "p4"), "run: make stf"


@given(frontends)
def test_frontends(frontend: cells.Frontend) -> None:
    assert cells.decode_frontend(cells.encode_frontend(frontend)) == frontend
    first, second = cells.frontend_cells(frontend)
    assert 0 <= first < 4096 <= second < contract.SERVICE_CELLS


@given(st.integers(0, 2**20 - 1), st.integers(0, 20), st.integers(0, 4095), ports, frontends)
def test_records(base: int, log2: int, service_id: int, port: int, frontend: cells.Frontend) -> None:
    record = cells.ServiceRecord(base, log2, service_id, port)
    assert cells.decode_record(cells.encode_record(record, frontend)) == record


@given(node_ids, node_ids, st.booleans())
def test_slots(current: int, previous: int, track: bool) -> None:
    slot = cells.Slot(current, previous, track)
    assert cells.decode_slot(cells.encode_slot(slot)) == slot


@given(addresses, ports, st.integers(0, 4095))
def test_node_ports(vip: IPv4Address, port: int, service_id: int) -> None:
    target = cells.NodePort(vip, port, service_id)
    assert cells.decode_node_port(cells.encode_node_port(target)) == target
    assert cells.decode_node_port(0) is None


def test_member_bits_are_distinct() -> None:
    bits = {cells.member_cell(5, node) for node in range(contract.NODE_CELLS)}
    assert len(bits) == contract.NODE_CELLS
    assert {cell.register for cell, _ in bits} == {Register.MEMBERS}
    assert {cell.index // 256 for cell, _ in bits} == {5}


@given(
    st.lists(st.integers(0, 2**60 - 1), min_size=4, max_size=4),
    st.sets(st.integers(0, 2**60 - 1), max_size=50),
)
def test_the_permutation_is_one(words: list[int], keys: set[int]) -> None:
    secret = FlowSecret(*words)
    assert len({permute(key, secret) for key in keys}) == len(keys)
