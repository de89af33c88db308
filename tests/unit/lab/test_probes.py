"""Probe thresholds."""

from __future__ import annotations

import pytest

from p4kube.lab.podspec import Probe
from p4kube.lab.probes import Tally, count


@pytest.mark.parametrize(
    ("start", "results", "holds"),
    [
        (False, "+", False),
        (False, "++", True),
        (False, "+-+", False),
        (True, "--", True),
        (True, "---", False),
        (True, "--+--", True),
        (True, "---+", False),
        (True, "---++", True),
    ],
)
def test_thresholds(start: bool, results: str, holds: bool) -> None:
    probe = Probe(success_threshold=2, failure_threshold=3)
    tally = Tally(start)
    for result in results:
        tally = count(tally, result == "+", probe)
    assert tally.holds is holds
