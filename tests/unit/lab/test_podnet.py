"""Pod addresses of one node."""

from __future__ import annotations

import pytest

from p4kube.lab.layout import Node
from p4kube.lab.podnet import Addresses, AddressesExhausted


def test_addresses_are_distinct_until_none_is_left() -> None:
    addresses = Addresses(Node(3))
    taken = [addresses.take() for _ in range(253)]
    assert len(set(taken)) == 253
    assert all(address in Node(3).pod_cidr for address in taken)
    assert {int(address) & 255 for address in taken} == set(range(2, 255))
    with pytest.raises(AddressesExhausted, match=r"10\.78\.3\.0/24"):
        addresses.take()


def test_address_given_back_is_the_last_to_be_used_again() -> None:
    addresses = Addresses(Node(1))
    first = addresses.take()
    addresses.give_back(first)
    assert first not in [addresses.take() for _ in range(252)]
    assert addresses.take() == first


def test_kept_address_is_not_given_out() -> None:
    addresses = Addresses(Node(1))
    addresses.keep(Node(1).pod_cidr[2])
    assert addresses.take() == Node(1).pod_cidr[3]
