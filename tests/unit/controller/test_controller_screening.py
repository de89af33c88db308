"""What can be served of a Service at all."""

from __future__ import annotations

import msgspec
import pytest

from p4kube.controller.refusal import Refusal
from p4kube.controller.screening import ADDRESSES_ANNOTATION, SOURCE_RANGES_ANNOTATION, screen
from p4kube.kube.objects import Service
from p4kube.kube.testing import things


def screened(*ports, **fields):
    return screen(msgspec.convert(things.service("web", *ports, **fields), Service))


def test_tcp_and_udp_with_a_node_port_are_served():
    found = screened("80:30080", "53:30053/UDP")
    assert [(port.port, port.protocol.name, port.node_port) for port in found.servable] == [
        (80, "TCP", 30080),
        (53, "UDP", 30053),
    ]
    assert not found.refused and found.wanted is None and not found.notes


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ipFamilies": ["IPv6"]}, "AddressFamilyNotSupported"),
        ({"loadBalancerSourceRanges": ["10.0.0.0/8"]}, "SourceRangesNotSupported"),
        (
            {"annotations": {SOURCE_RANGES_ANNOTATION: "10.0.0.0/8, 172.16.0.0/12"}},
            "SourceRangesNotSupported",
        ),
    ],
)
def test_what_refuses_the_whole_service(fields, reason):
    found = screened("80:30080", "81:30081", **fields)
    assert found.refusal.reason == reason and not found.servable
    assert [port.refusal.reason for port in found.refused] == [reason, reason]
    assert found.refused[0].refusal.port_error == f"p4kube.dev/{reason}"


def test_ranges_that_allow_everybody_restrict_nothing():
    assert screened(loadBalancerSourceRanges=["10.0.0.0/8", "0.0.0.0/0"]).refusal is None
    assert screened(annotations={SOURCE_RANGES_ANNOTATION: "0.0.0.0/0"}).refusal is None


def test_wishes_that_are_not_fulfilled_are_noted():
    found = screened(sessionAffinity="ClientIP", ipFamilies=["IPv4", "IPv6"])
    assert len(found.notes) == 2 and found.servable


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"annotations": {ADDRESSES_ANNOTATION: " 192.0.2.7 "}, "loadBalancerIP": "192.0.2.8"}, "192.0.2.7"),
        ({"loadBalancerIP": "192.0.2.8"}, "192.0.2.8"),
        ({}, "None"),
    ],
)
def test_the_address_asked_for(fields, expected):
    assert str(screened(**fields).wanted) == expected


@pytest.mark.parametrize("text", ["192.0.2.7,192.0.2.8", "fd00::1", "web.example.com"])
def test_a_request_that_cannot_be_read_names_its_field(text):
    wanted = screened(annotations={ADDRESSES_ANNOTATION: text}).wanted
    assert isinstance(wanted, Refusal) and wanted.reason == "InvalidAddress"
    assert ADDRESSES_ANNOTATION in wanted.message and text in wanted.message
