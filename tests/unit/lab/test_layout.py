"""The address plan: no overlaps, whatever the number of nodes."""

from __future__ import annotations

from itertools import combinations

import pytest

from p4kube.lab import layout
from p4kube.lab.errors import LabError
from p4kube.lab.layout import MAX_NODES, Layout
from p4kube.lab.state import LabConfig


def test_networks_of_the_largest_lab_do_not_overlap() -> None:
    plan = Layout(MAX_NODES)
    networks = [link.subnet for link in plan.links]
    networks += [node.pod_cidr for node in plan.nodes]
    networks += [layout.VIP_POOL, layout.SERVICE_NETWORK]
    assert not [pair for pair in combinations(networks, 2) if pair[0].overlaps(pair[1])]
    assert all(layout.UPDATE_ADDRESS not in network for network in networks)


def test_ports_and_namespaces_are_unique_and_numbered_from_one() -> None:
    plan = Layout(MAX_NODES)
    assert [link.number for link in plan.links] == list(range(1, MAX_NODES + 3))
    assert len({link.port for link in plan.links}) == len(plan.links)
    assert len(set(plan.namespaces)) == len(plan.namespaces)
    assert all(name.startswith(layout.PREFIX) for name in plan.namespaces)
    assert all(len(link.port) <= 15 for link in plan.links)


def test_second_node_stands_where_the_documentation_says() -> None:
    node = Layout(2).nodes[1]
    assert (str(node.address), str(node.link.switch_address)) == ("10.77.102.2", "10.77.102.1")
    assert (str(node.pod_cidr), node.link.port, node.link.number) == ("10.78.2.0/24", "pn2", 4)


@pytest.mark.parametrize("nodes", [0, -1, MAX_NODES + 1])
def test_impossible_number_of_nodes_is_refused(nodes: int) -> None:
    with pytest.raises(LabError, match="1 to 99"):
        LabConfig(nodes=nodes).check()


@pytest.mark.parametrize(
    ("where", "namespace"),
    [
        ("client", "p4k-client"),
        ("cp", "p4k-cp"),
        ("node12", "p4k-node12"),
        ("nodeX", None),
        ("default/a", None),
    ],
)
def test_places_by_name(where: str, namespace: str | None) -> None:
    assert layout.node_name_to_namespace(where) == namespace
