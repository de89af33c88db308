"""Metrics and status of a data plane in memory."""

from __future__ import annotations

import io
import urllib.request
from ipaddress import IPv4Address
from pathlib import Path
from socket import socket

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console

from p4kube.switch import metrics, status
from p4kube.switch.agent import Agent
from p4kube.switch.config import Config, Endpoint, Port
from p4kube.switch.errors import SwitchError
from p4kube.switch.metrics import Collector
from p4kube.switch.readings import EVENTS
from p4kube.switch.testing import MemoryKernel, MemoryPlane

CONFIG = Config(
    name="test",
    ports=(Port("p0", 1), Port("p1", 2)),
    update_address=IPv4Address("10.77.0.1"),
    keys_file=Path("unused"),
    pin_path=Path("/unused"),
)


@pytest.fixture
def plane() -> MemoryPlane:
    plane = MemoryPlane()
    plane.counts["events"][7] = (3, 0)
    plane.counts["service_requests"][9] = (5, 700)
    plane.counts["node_requests"][17] = (4, 600)
    plane.registers["update_state", 0] = 6 << 32 | 42
    return plane


def test_event_names_come_from_the_source() -> None:
    assert EVENTS[7] == "update_forged"
    assert EVENTS[17] == "flow_pinned"
    assert list(EVENTS) == list(range(len(EVENTS)))


def test_metrics_say_what_the_maps_hold(plane: MemoryPlane) -> None:
    registry = CollectorRegistry()
    registry.register(Collector(CONFIG, plane, Agent(CONFIG, plane, MemoryKernel())))
    text = generate_latest(registry).decode()
    for line in (
        'p4kube_switch_events_total{event="update_forged"} 3.0',
        'p4kube_switch_events_total{event="no_backend"} 0.0',
        'p4kube_switch_service_request_packets_total{service_id="9"} 5.0',
        'p4kube_switch_service_request_bytes_total{service_id="9"} 700.0',
        'p4kube_switch_node_request_packets_total{node_id="17"} 4.0',
        "p4kube_switch_update_epoch 6.0",
        "p4kube_switch_update_sequence 42.0",
        'p4kube_switch_port_attached{interface="p0",port="1"} 0.0',
        'p4kube_switch_table_entries{table="routes"} 0.0',
        "p4kube_switch_netlink_resyncs_total 0.0",
    ):
        assert line in text.splitlines()
    assert 'service_id="8"' not in text


def test_metrics_are_served_and_a_taken_address_is_an_error(plane: MemoryPlane) -> None:
    collector = Collector(CONFIG, plane, Agent(CONFIG, plane, MemoryKernel()))
    with socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        reserved.listen()
        endpoint = Endpoint("127.0.0.1", reserved.getsockname()[1])
        with pytest.raises(SwitchError, match="cannot serve metrics"), metrics.served(endpoint, collector):
            pass
    with metrics.served(endpoint, collector):
        answer = urllib.request.urlopen(f"http://{endpoint}/metrics", timeout=5).read()
    assert b"p4kube_switch_build_info" in answer


def test_status_as_json_and_as_text(plane: MemoryPlane) -> None:
    found = status.read(CONFIG, plane, {1: 5}, {"p0": 5})
    decoded = msgspec.json.decode(msgspec.json.encode(found))
    assert (decoded["epoch"], decoded["sequence"]) == (6, 42)
    assert decoded["ports"] == [
        {"interface": "p0", "number": 1, "ifindex": 5, "attached": True},
        {"interface": "p1", "number": 2, "ifindex": None, "attached": False},
    ]
    assert decoded["services"]["9"]["requests"] == {"packets": 5, "bytes": 700}
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(status.render(found))
    text = console.export_text()
    assert "no such interface" in text
    assert "update_forged" in text
    assert "no_backend" not in text
