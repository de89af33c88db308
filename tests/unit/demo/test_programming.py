"""Times from the API to the data plane, out of the controller's log and a watch."""

from __future__ import annotations

from datetime import datetime

import pytest

from p4kube.demo import programming
from p4kube.demo.programming import EndpointChange, Programmed
from p4kube.demo.watch import change_of

LOG = [
    "2026-01-02 03:04:05,678 INFO p4kube.controller.term "
    '{"msg":"programmed","service":"demo/web","generation":2,"duration_ms":3.5,"ports":1}',
    '2026-01-02 03:04:05,700 INFO p4kube.controller.term {"msg":"programmed","service":"demo/other"}',
    '2026-01-02 03:04:05,700 INFO p4kube.controller.term {"msg":"rejected","service":"demo/web"}',
    "2026-01-02 03:04:05,700 INFO p4kube.controller.term complete: 1 Services",
    "2026-01-02 03:04:05,700 INFO p4kube.controller.term {broken}",
    "Traceback (most recent call last):",
]


def change(at: float) -> EndpointChange:
    return EndpointChange(at, "web-x", "1", 1, 1, 0)


def test_only_the_services_own_acknowledgements_are_read() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5).timestamp() + 0.678
    assert programming.read_log(LOG, "demo/web") == [Programmed(pytest.approx(moment), 0.0035)]


def test_a_change_counts_from_whoever_saw_it_first() -> None:
    ours_first = programming.durations([change(10.0)], [Programmed(10.010, 0.004)])
    theirs_first = programming.durations([change(10.008)], [Programmed(10.010, 0.004)])
    assert ours_first == pytest.approx([0.010])
    assert theirs_first == pytest.approx([0.004])


def test_an_acknowledgement_belongs_to_the_nearest_change() -> None:
    changes = [change(10.0), change(10.1), change(10.2)]
    found = programming.durations(changes, [Programmed(10.105, 0.004), Programmed(10.203, 0.002)])
    assert found == pytest.approx([0.005, 0.003])


def test_an_acknowledgement_far_from_any_change_has_only_the_controllers_word() -> None:
    assert programming.durations([change(10.0)], [Programmed(20.0, 0.003)]) == pytest.approx([0.003])
    assert programming.durations([], [Programmed(20.0, 0.003)]) == pytest.approx([0.003])


def test_summary() -> None:
    found = programming.summary([0.003, 0.001, 0.002])
    assert (found.changes, found.median_ms, found.worst_ms) == (3, 2.0, 3.0)
    assert programming.summary([]).changes == 0


def test_an_endpoint_slice_is_counted() -> None:
    endpoints = [
        {"conditions": {"ready": True, "serving": True, "terminating": False}},
        {"conditions": {"ready": False, "serving": True, "terminating": True}},
        {"conditions": {"ready": False, "serving": False, "terminating": False}},
        {},
    ]
    item = {"metadata": {"name": "web-x", "resourceVersion": "7"}, "endpoints": endpoints}
    assert change_of(item, 1.5) == EndpointChange(1.5, "web-x", "7", 2, 3, 1)
