"""The pure parts of the controller against slow, obvious references."""

from __future__ import annotations

from ipaddress import IPv4Address

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p4kube.controller.allocator import Allocator, Assignment
from p4kube.controller.endpoints import NodeView, merge_slices, shares
from p4kube.controller.pools import parse_pool
from p4kube.kube.objects import EndpointSlice
from p4kube.kube.testing import things
from p4kube.model import Protocol, ServiceKey

NODES = {
    name: NodeView(name, IPv4Address(f"10.0.0.{n}"), excluded=name == "x", ready=name != "down")
    for n, name in enumerate(["a", "b", "x", "down"])
}
CONDITION = st.sampled_from([None, True, False])
ENDPOINTS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from([*NODES, "unknown"]), CONDITION, CONDITION, CONDITION),
    max_size=8,
)


def slice_of(endpoints) -> EndpointSlice:
    made = []
    for number, node, ready, serving, terminating in endpoints:
        conditions = {"ready": ready, "serving": serving, "terminating": terminating}
        known = {name: value for name, value in conditions.items() if value is not None}
        # An endpoint's address says on which node it is, as in a cluster.
        made.append(things.endpoint(f"10.{[*NODES, 'unknown'].index(node)}.0.{number}", node, **known))
    return msgspec.convert(things.endpoint_slice("s", "web", *made), EndpointSlice)


def reference(parts, any_node):
    """Straight from the rules, endpoint by endpoint."""
    best = {}
    for part in parts:
        for one in part.endpoints or ():
            conditions = one.conditions
            ready = conditions.ready in (None, True)
            serving = ready if conditions.serving is None else conditions.serving
            rank = 2 if ready else 1 if serving and conditions.terminating else 0
            address = one.addresses[0]
            best[address] = max(best.get(address, (0, "")), (rank, one.node_name))
    on = [(rank, NODES.get(node)) for rank, node in best.values()]
    ready_on = [node for rank, node in on if node and not node.excluded and rank == 2]
    if not ready_on:
        if any_node and any(rank == 2 for rank, node in on):
            ready_on = [node for node in NODES.values() if not node.excluded and node.ready]
        else:
            ready_on = [node for rank, node in on if rank and node and not node.excluded]
    fallback = not any(node and not node.excluded and rank == 2 for rank, node in on)
    result = {}
    for node in ready_on:
        ready, draining = result.get(node.address, (0, 0))
        result[node.address] = (ready + 1, draining)
    promoted = set(result) if fallback else set()
    for rank, node in on:
        resting = node and node.address not in promoted and (node.excluded or rank == 1)
        if node and (rank == 0 or resting):
            ready, draining = result.get(node.address, (0, 0))
            result[node.address] = (ready, draining + 1)
    return result


@settings(max_examples=150, deadline=None)
@given(st.lists(ENDPOINTS, max_size=3), st.booleans(), st.randoms(use_true_random=False))
def test_shares_follow_the_rules_in_any_order(groups, any_node, rng):
    parts = [slice_of(group) for group in groups]
    found = shares(merge_slices(parts, "", "TCP"), NODES, any_node)
    assert {share.address: (share.ready, share.draining) for share in found} == reference(parts, any_node)
    assert [share.address for share in found] == sorted({share.address for share in found})
    rng.shuffle(parts)
    again = [*parts, *parts]
    assert shares(merge_slices(again, "", "TCP"), NODES, any_node) == found


KEYS = st.sampled_from([ServiceKey("d", name) for name in "abcde"])
PORTS = st.frozensets(st.tuples(st.sampled_from([53, 80, 443]), st.sampled_from(list(Protocol))), min_size=1)
WANTED = st.one_of(st.none(), st.integers(0, 12).map(lambda n: IPv4Address(0xC0000200 + n)))


class Allocation(RuleBasedStateMachine):
    """No two Services on one (address, port, protocol), no address taken away, none shared unasked."""

    def __init__(self) -> None:
        super().__init__()
        self.allocator = Allocator()
        self.allocator.set_pools([parse_pool("p", ["192.0.2.0/29"], True)[0]])
        self.served: dict[ServiceKey, set[tuple[int, Protocol]]] = {}
        self.asked: set[ServiceKey] = set()

    @rule(key=KEYS, ports=PORTS, wanted=WANTED)
    def assign(self, key, ports, wanted):
        before = self.allocator.held(key)
        version = self.allocator.version
        outcome = self.allocator.assign(key, ports, wanted)
        if isinstance(outcome, Assignment):
            assert outcome.address == (wanted or before or outcome.address)
            if wanted is None and before is None:
                assert int(outcome.address) & 0xFF not in (0, 255)
                assert not any(self.allocator.held(other) == outcome.address for other in self.served)
            self.served[key] = set(ports) - set(outcome.clashes)
            assert self.allocator.assign(key, ports, wanted) == outcome
        else:
            assert self.allocator.held(key) == before and self.allocator.version == version
            if before is None and wanted is None:
                taken = {self.allocator.held(other) for other in self.served}
                assert len({a for a in taken if a and 0 < int(a) - 0xC0000200 < 8}) == 7

    @rule(key=KEYS)
    def release(self, key):
        self.allocator.release(key)
        self.served.pop(key, None)
        assert self.allocator.held(key) is None

    @invariant()
    def no_port_twice(self):
        claims = [(self.allocator.held(key), port) for key, ports in self.served.items() for port in ports]
        assert len(claims) == len(set(claims))

    @invariant()
    def counts_are_true(self):
        held = {self.allocator.held(key) for key in self.served}
        inside = {a for a in held if a and 0 <= int(a) - 0xC0000200 < 8}
        assert self.allocator.counts() == {"p": (7, len(inside))}


TestAllocation = Allocation.TestCase
TestAllocation.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 300)), max_size=4))
def test_pools_count_and_contain_what_they_list(spans):
    base = 0xC0000000
    entries = [f"{IPv4Address(base + first)}-{IPv4Address(base + first + size)}" for first, size in spans]
    pool, problems = parse_pool("p", entries, True)
    members = {base + n for first, size in spans for n in range(first, first + size + 1)}
    assert not problems
    assert list(pool.from_(0)) == sorted(n for n in members if n % 256 not in (0, 255))
    assert pool.total == len(list(pool.from_(0)))
    assert all((IPv4Address(base + n) in pool) == (base + n in members) for n in range(0, 1400, 7))
