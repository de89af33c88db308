"""Link rates as people write them."""

from __future__ import annotations

import pytest

from p4kube.lab.fabric import rate_to_bits


@pytest.mark.parametrize(
    ("rate", "bits"), [("1gbit", 10**9), ("2.5Gbit", 25 * 10**8), ("100mbit", 10**8), ("640kbit", 640_000)]
)
def test_rate(rate: str, bits: int) -> None:
    assert rate_to_bits(rate) == bits


@pytest.mark.parametrize("rate", ["", "fast", "1", "1gb", "-1gbit", "1bit", "gbit"])
def test_nonsense_is_refused(rate: str) -> None:
    with pytest.raises(ValueError):
        rate_to_bits(rate)
