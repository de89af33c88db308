"""Quantiles of samples and of tables of percentiles."""

from __future__ import annotations

import random

import pytest

from p4kube.bench.quantiles import Percentiles, merged_quantile, quantile, spread


def table(values: list[float]) -> Percentiles:
    """As `ab` makes it: the value below which 0 %, 1 % … 99 % of the samples lie."""
    ranked = sorted(values)
    return Percentiles(len(ranked), tuple(ranked[len(ranked) * p // 100] for p in range(100)))


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 5), (0.51, 6), (0.99, 10), (1.0, 10)])
def test_nearest_rank(share: float, expected: int) -> None:
    assert quantile([3, 1, 2, 10, 9, 8, 7, 6, 5, 4], share) == expected


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)
    with pytest.raises(ValueError, match="no values"):
        merged_quantile([], 0.5)


def test_one_table_gives_its_own_percentiles() -> None:
    values = [float(i) for i in range(1000)]
    for percent in (0, 1, 50, 99):
        assert merged_quantile([table(values)], percent / 100) == 10 * percent


def test_tables_count_by_their_samples() -> None:
    """A slow run of few requests does not weigh as much as a fast one of many."""
    fast, slow = table([1.0] * 990), table([100.0] * 10)
    assert merged_quantile([fast, slow], 0.98) == 1.0
    assert merged_quantile([fast, slow], 0.995) == 100.0


def test_merged_tables_are_near_the_quantile_of_all_samples() -> None:
    chance = random.Random(1)
    runs = [[chance.expovariate(1 / mean) for _ in range(2000)] for mean in (1.0, 2.0, 3.0)]
    exact = quantile([value for run in runs for value in run], 0.9)
    assert merged_quantile([table(run) for run in runs], 0.9) == pytest.approx(exact, rel=0.05)


def test_spread_of_known_values() -> None:
    """Four values with mean 5 and standard deviation 2: t for 3 degrees of freedom is 3.182."""
    found = spread([3.0, 3.0, 7.0, 7.0])
    assert found.mean == 5
    assert found.margin == pytest.approx(3.182 * (16 / 3) ** 0.5 / 2)


def test_a_single_value_has_no_margin() -> None:
    assert spread([4.0]).margin == 0
