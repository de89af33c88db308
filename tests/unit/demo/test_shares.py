"""Shares of requests, and the verdict on them."""

from __future__ import annotations

from p4kube.demo import shares
from p4kube.demo.shares import NodeRow

REPLICAS = {"node1": 4, "node2": 2, "node3": 1, "node4": 0}
NODE_OF = {"web-a": "node1", "web-b": "node1", "web-c": "node2", "web-d": "node3"}


def test_answers_are_counted_by_node() -> None:
    found = shares.requests_by_node({"web-a": 3, "web-b": 2, "web-c": 1, "stranger": 4}, NODE_OF)
    assert found == {"node1": 5, "node2": 1, "?": 4}


def test_rows_have_expected_and_measured_shares() -> None:
    found = shares.rows({"node1": 3, "node2": 1}, {"node1": 60, "node2": 40})
    assert found == [NodeRow("node1", 3, 75.0, 60, 60.0), NodeRow("node2", 1, 25.0, 40, 40.0)]


def verdicts(requests: dict[str, int]) -> dict[str, bool]:
    checks = shares.check(shares.rows(REPLICAS, requests), requests)
    return {check.name: check.passed for check in checks}


def test_shares_within_three_points_pass() -> None:
    assert verdicts({"node1": 2857, "node2": 1429, "node3": 714}) == {"shares": True, "empty node": True}
    assert verdicts({"node1": 2720, "node2": 1500, "node3": 780})["shares"]


def test_a_share_that_is_off_fails() -> None:
    assert not verdicts({"node1": 2600, "node2": 1600, "node3": 800})["shares"]


def test_a_request_at_the_empty_node_fails() -> None:
    assert not verdicts({"node1": 2857, "node2": 1429, "node3": 713, "node4": 1})["empty node"]


def test_no_requests_at_all_fail() -> None:
    assert not verdicts({})["shares"]
