"""Do requests spread over the nodes as the replicas do?"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from p4kube.demo.checks import Check

TOLERANCE_POINTS = 3.0


class NodeRow(msgspec.Struct, frozen=True, rename="camel"):
    """One node; shares in percent."""

    node: str
    replicas: int
    expected: float
    requests: int
    measured: float


def rows(replicas: Mapping[str, int], requests: Mapping[str, int]) -> list[NodeRow]:
    """One row for each node in `replicas`; `requests` counts the answers that came from it."""
    pods, total = sum(replicas.values()), sum(requests.values())
    return [
        NodeRow(
            node,
            count,
            100 * count / pods if pods else 0.0,
            requests.get(node, 0),
            100 * requests.get(node, 0) / total if total else 0.0,
        )
        for node, count in replicas.items()
    ]


def requests_by_node(answers: Mapping[str, int], node_of: Mapping[str, str]) -> dict[str, int]:
    """Answers by pod to answers by node; an answer that names no pod of ours counts for node "?"."""
    counts: dict[str, int] = {}
    for pod, number in answers.items():
        node = node_of.get(pod, "?")
        counts[node] = counts.get(node, 0) + number
    return counts


def check(table: list[NodeRow], requests: Mapping[str, int]) -> list[Check]:
    """Shares as expected, and nothing for nodes without replicas or unknown ones."""
    off = [row for row in table if abs(row.measured - row.expected) > TOLERANCE_POINTS]
    far = ", ".join(f"{row.node} {row.measured:.1f} % for {row.expected:.1f} %" for row in off)
    worst = max((abs(row.measured - row.expected) for row in table), default=0.0)
    shares = Check(
        "shares", not off and bool(sum(requests.values())),
        far or f"every share is within {worst:.1f} points of the expected one (limit {TOLERANCE_POINTS:g})",
    )  # fmt: skip
    known = {row.node for row in table if row.replicas}
    strayed = {node: count for node, count in requests.items() if node not in known and count}
    found = ", ".join(f"{node} got {count} requests" for node, count in strayed.items())
    empty = ", ".join(row.node for row in table if not row.replicas) or "no node"
    return [shares, Check("empty node", not strayed, found or f"{empty}, without replicas, got nothing")]
