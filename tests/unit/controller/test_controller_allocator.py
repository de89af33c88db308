"""Who gets which address."""

from __future__ import annotations

from ipaddress import IPv4Address

from p4kube.controller.allocator import Allocator, Assignment
from p4kube.controller.pools import parse_pool
from p4kube.controller.refusal import Refusal
from p4kube.model import Protocol, ServiceKey

A, B, C = (ServiceKey("default", name) for name in "abc")
HTTP = frozenset({(80, Protocol.TCP)})
BOTH = HTTP | {(443, Protocol.TCP)}


def allocator(*entries: str, auto: bool = True) -> Allocator:
    made = Allocator()
    pool, problems = parse_pool("main", entries, auto)
    assert not problems
    made.set_pools([pool])
    return made


def address(outcome: Assignment | Refusal) -> str:
    assert isinstance(outcome, Assignment), outcome
    return str(outcome.address)


def test_the_lowest_free_address_and_never_0_or_255():
    made = allocator("192.0.2.254-192.0.3.2")
    got = [address(made.assign(ServiceKey("x", str(n)), HTTP)) for n in range(3)]
    assert got == ["192.0.2.254", "192.0.3.1", "192.0.3.2"]


def test_assigning_again_changes_nothing():
    made = allocator("192.0.2.0/24")
    assert address(made.assign(A, HTTP)) == address(made.assign(A, BOTH)) == "192.0.2.1"


def test_exhaustion_is_an_error_and_release_mends_it():
    made = allocator("192.0.2.1/32")
    made.assign(A, HTTP)
    refused = made.assign(B, HTTP)
    assert isinstance(refused, Refusal) and refused.reason == "NoAddressLeft" and "main" in refused.message
    made.release(A)
    assert address(made.assign(B, HTTP)) == "192.0.2.1"


def test_without_an_automatic_pool_one_has_to_ask():
    made = allocator("192.0.2.0/24", auto=False)
    refused = made.assign(A, HTTP)
    assert isinstance(refused, Refusal) and refused.reason == "NoPool"
    assert address(made.assign(A, HTTP, IPv4Address("192.0.2.9"))) == "192.0.2.9"


def test_an_address_outside_of_the_pools_is_refused_and_the_old_one_stays():
    made = allocator("192.0.2.0/24")
    made.assign(A, HTTP)
    refused = made.assign(A, HTTP, IPv4Address("203.0.113.1"))
    assert isinstance(refused, Refusal) and refused.reason == "AddressNotInPool"
    assert str(made.held(A)) == "192.0.2.1"


def test_a_shared_address_port_by_port():
    made = allocator("192.0.2.0/24")
    shared = IPv4Address("192.0.2.5")
    made.assign(A, HTTP, shared)
    assert address(made.assign(B, frozenset({(80, Protocol.UDP)}), shared)) == "192.0.2.5"
    refused = made.assign(C, HTTP, shared)
    assert isinstance(refused, Refusal) and "default/a" in refused.message and "80/TCP" in refused.message
    partial = made.assign(C, BOTH, shared)
    assert isinstance(partial, Assignment) and partial.clashes == {(80, Protocol.TCP): A}
    made.assign(A, frozenset({(8080, Protocol.TCP)}), shared)
    again = made.assign(C, BOTH, shared)
    assert isinstance(again, Assignment) and not again.clashes


def test_an_address_that_somebody_asked_for_is_not_handed_out():
    made = allocator("192.0.2.1-192.0.2.2")
    made.assign(A, HTTP, IPv4Address("192.0.2.1"))
    assert address(made.assign(B, HTTP)) == "192.0.2.2"


def test_counts_and_version():
    made = allocator("192.0.2.0/24", "192.0.3.0/24")
    assert made.counts() == {"main": (508, 0)}
    before = made.version
    made.assign(A, HTTP)
    changed = made.version
    made.assign(A, HTTP)
    assert made.counts() == {"main": (508, 1)} and before < changed == made.version


def test_pool_entries():
    pool, problems = parse_pool(
        "p", ["192.0.2.7", "192.0.2.9-192.0.2.10", "fd00::/64", "x", "192.0.2.1/24"], True
    )
    assert pool.ranges == ((int(IPv4Address("192.0.2.7")),) * 2, (0xC0000209, 0xC000020A))
    assert [problem.split(":")[0] for problem in problems] == [
        "spec.addresses[2] 'fd00",
        "spec.addresses[3] 'x'",
        "spec.addresses[4] '192.0.2.1/24'",
    ]
