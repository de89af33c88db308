"""Quantiles of samples, and of what is left of samples: tables of percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import msgspec


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed (nearest rank).

    Raises ValueError if there are no values.
    """
    if not values:
        raise ValueError("no values, no quantile")
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


class Spread(msgspec.Struct, frozen=True):
    """The mean of repeated measurements, and half the width of its 95 % confidence interval."""

    mean: float
    margin: float


# Student's t for 95 %, two-sided, by degrees of freedom 1 to 30.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value; the margin of a single one is unknown and given as 0."""
    mean, degrees = fmean(values), len(values) - 1
    if degrees == 0:
        return Spread(mean, 0.0)
    variance = sum((value - mean) ** 2 for value in values) / degrees
    factor = _T[degrees - 1] if degrees <= len(_T) else 1.96
    return Spread(mean, factor * math.sqrt(variance / len(values)))


class Percentiles(msgspec.Struct, frozen=True):
    """What is known of `count` samples: the values at 0 %, 1 % … 99 %."""

    count: int
    values: tuple[float, ...]


def merged_quantile(tables: Sequence[Percentiles], share: float) -> float:
    """The quantile of all samples together: each table's values stand for equal parts of its samples.

    Exact for one table. Raises ValueError if there is nothing.
    """
    parts = sorted((value, table.count / len(table.values)) for table in tables for value in table.values)
    total = sum(weight for _, weight in parts)
    if total <= 0:
        raise ValueError("no values, no quantile")
    below = 0.0
    for value, weight in parts:
        below += weight
        # A table's value at p % has p % of the samples below it, so it ends the part before it.
        if below > share * total * (1 + 1e-9):
            return value
    return parts[-1][0]
