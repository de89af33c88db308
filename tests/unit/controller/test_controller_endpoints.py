"""Endpoint rules: who counts, once each, on which node."""

from __future__ import annotations

from ipaddress import IPv4Address

import msgspec
import pytest

from p4kube.controller.endpoints import NodeView, merge_slices, shares, view_node
from p4kube.kube.objects import EndpointSlice, Node
from p4kube.kube.testing import things

N1, N2 = "10.0.0.1", "10.0.0.2"
NODES = {
    "n1": NodeView("n1", IPv4Address(N1), excluded=False, ready=True),
    "n2": NodeView("n2", IPv4Address(N2), excluded=False, ready=True),
    "out": NodeView("out", IPv4Address("10.0.0.9"), excluded=True, ready=True),
}


def weights(*endpoints, any_node=False, extra=()):
    parts = [as_slice(things.endpoint_slice("a", "web", *endpoints)), *extra]
    found = shares(merge_slices(parts, "", "TCP"), NODES, any_node)
    return {str(share.address): (share.ready, share.draining) for share in found}


def as_slice(thing, **change):
    return msgspec.convert({**thing, **change}, EndpointSlice)


READY = {"ready": True, "serving": True, "terminating": False}
DRAINING = {"ready": False, "serving": True, "terminating": True}
DYING = {"ready": False, "serving": False, "terminating": True}
UNREADY = {"ready": False, "serving": False, "terminating": False}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, {N1: (1, 0)}),
        (READY, {N1: (1, 0)}),
        ({"ready": True, "terminating": True}, {N1: (1, 0)}),  # publishNotReadyAddresses
        (UNREADY, {N1: (0, 1)}),  # keeps the connections that it has
        (DYING, {N1: (0, 1)}),
        ({"ready": False, "serving": True}, {N1: (0, 1)}),
        (DRAINING, {N1: (1, 0)}),  # nobody is ready
    ],
)
def test_one_endpoint(conditions, expected):
    assert weights(things.endpoint("10.1.0.1", "n1", **conditions)) == expected


def test_terminating_endpoints_drain_while_others_are_ready():
    assert weights(
        things.endpoint("10.1.0.1", "n1", **READY),
        things.endpoint("10.1.0.2", "n1", **DRAINING),
        things.endpoint("10.1.0.3", "n2", **DRAINING),
        things.endpoint("10.1.0.4", "n2", **DYING),
    ) == {N1: (1, 1), N2: (0, 2)}


def test_an_unready_endpoint_keeps_no_datagrams():
    port = [{"name": "", "protocol": "UDP", "port": 53}]
    part = as_slice(
        things.endpoint_slice("a", "web", things.endpoint("10.1.0.1", "n1", **UNREADY)), ports=port
    )
    assert shares(merge_slices([part], "", "UDP"), NODES, False) == ()


def test_terminating_endpoints_serve_if_none_is_ready():
    assert weights(
        things.endpoint("10.1.0.1", "n1", **DRAINING),
        things.endpoint("10.1.0.2", "n1", **DRAINING),
        things.endpoint("10.1.0.3", "n2", **DRAINING),
    ) == {N1: (2, 0), N2: (1, 0)}


def test_an_endpoint_in_two_slices_counts_once_in_its_better_state():
    twice = as_slice(things.endpoint_slice("b", "web", things.endpoint("10.1.0.1", "n1", **DRAINING)))
    assert weights(things.endpoint("10.1.0.1", "n1", **READY), extra=[twice]) == {N1: (1, 0)}


def test_ipv6_slices_of_a_dual_stack_service_do_not_count_twice():
    six = as_slice(things.endpoint_slice("b", "web", things.endpoint("fd00::1", "n1")), addressType="IPv6")
    assert weights(things.endpoint("10.1.0.1", "n1"), extra=[six]) == {N1: (1, 0)}


def test_null_lists_as_the_api_writes_them():
    empty = as_slice(things.endpoint_slice("b", "web"), endpoints=None, ports=None)
    assert merge_slices([empty], "", "TCP") == []


def test_ports_are_matched_by_name_and_protocol():
    ports = [
        {"name": "http", "protocol": "TCP", "port": 8080},
        {"name": "dns", "protocol": "UDP", "port": 5353},
    ]
    part = as_slice(things.endpoint_slice("a", "web", things.endpoint("10.1.0.1", "n1"), ports=ports))
    assert len(merge_slices([part], "http", "TCP")) == 1
    assert len(merge_slices([part], "dns", "UDP")) == 1
    assert merge_slices([part], "dns", "TCP") == merge_slices([part], "", "TCP") == []


def test_excluded_nodes_drain_and_do_not_stop_the_fallback():
    assert weights(
        things.endpoint("10.1.0.1", "out", **READY), things.endpoint("10.1.0.2", "n1", **DRAINING)
    ) == {N1: (1, 0), "10.0.0.9": (0, 1)}


def test_with_cluster_policy_any_eligible_node_reaches_endpoints_elsewhere():
    assert weights(things.endpoint("10.1.0.1", "out"), any_node=True) == {
        N1: (1, 0),
        N2: (1, 0),
        "10.0.0.9": (0, 1),
    }
    assert weights(any_node=True) == {}


def test_a_node_without_an_internal_ipv4_address_cannot_be_used():
    node = msgspec.convert(things.node("n", "fd00::1"), Node)
    assert view_node(node) is None
    assert weights(things.endpoint("10.1.0.1", "unknown")) == {}


def test_the_exclusion_label_counts_whatever_its_value():
    label = {"node.kubernetes.io/exclude-from-external-load-balancers": "false"}
    view = view_node(msgspec.convert(things.node("n", "10.0.0.3", **label), Node))
    assert view is not None and view.excluded
