"""What the traffic generator reports. Times are seconds: `at`, `opened` and `ended` since the epoch."""

from __future__ import annotations

import msgspec


class Failure(msgspec.Struct, frozen=True):
    """One request that got no good answer."""

    at: float
    reason: str


class BurstReport(msgspec.Struct, frozen=True):
    """A number of requests, each on a new connection; `answers` counts them by the body of the answer."""

    requests: int
    seconds: float
    answers: dict[str, int]
    failures: list[Failure]


class LongConnection(msgspec.Struct, frozen=True):
    """A connection that was kept; `backend` is its first answer. `ended` is None if it lived to the end."""

    opened: float
    backend: str
    requests: int
    ended: float | None = None
    reason: str = ""


class SteadyReport(msgspec.Struct, frozen=True):
    """`requests` and `failures` are those on new connections; the kept ones report for themselves."""

    requests: int
    seconds: float
    slowest: float
    failures: list[Failure]
    connections: list[LongConnection]
