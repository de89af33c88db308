"""What became of the traffic while the Deployment was scaled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

import msgspec

from p4kube.bench.traffic import Failure, LongConnection, SteadyReport
from p4kube.demo.checks import Check


class Outcome(msgspec.Struct, frozen=True, rename="camel"):
    """`broken` are kept connections that ended although their pod lives; `ended` are those whose pod was
    deleted, which may. `slowest` is the longest successful request on a new connection, in seconds."""

    requests: int
    failed: int
    slowest: float
    kept: int
    kept_requests: int
    survived: int
    ended: int
    broken: int
    reasons: dict[str, int]


def outcome(report: SteadyReport, survivors: Set[str]) -> Outcome:
    """`survivors` are the names of the pods that live on."""
    dead = [each for each in report.connections if each.ended is not None]
    broken = [each for each in dead if each.backend in survivors]
    # One that never got an answer had no pod that could excuse it.
    failures = [*report.failures, *(Failure(e.opened, e.reason) for e in dead if not e.backend)]
    return Outcome(
        requests=report.requests,
        failed=len(failures),
        slowest=report.slowest,
        kept=len(report.connections),
        kept_requests=sum(each.requests for each in report.connections),
        survived=len(report.connections) - len(dead),
        ended=sum(1 for each in dead if each.backend and each.backend not in survivors),
        broken=len(broken),
        reasons=reasons([*failures, *broken]),
    )


def reasons(failures: Iterable[Failure | LongConnection]) -> dict[str, int]:
    """How often each reason was given, the most frequent first."""
    return dict(Counter(each.reason for each in failures).most_common())


def check(found: Outcome) -> list[Check]:
    why = "; ".join(f"{count} x {reason}" for reason, count in found.reasons.items())
    failed = Check(
        "requests while scaling",
        found.failed == 0 and found.requests > 0,
        f"{found.failed} of {found.requests} failed" + (f": {why}" if found.failed else ""),
    )
    broken = Check(
        "connections",
        found.broken == 0 and found.kept > 0,
        f"{found.broken} of {found.kept} broke at a surviving replica" + (f": {why}" if found.broken else ""),
    )
    return [failed, broken]
