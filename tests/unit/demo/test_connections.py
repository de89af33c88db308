"""The verdict on traffic during scaling."""

from __future__ import annotations

from p4kube.bench.traffic import Failure, LongConnection, SteadyReport
from p4kube.demo import connections
from p4kube.demo.connections import Outcome


def report(*kept: LongConnection, failures: list[Failure] | None = None) -> SteadyReport:
    return SteadyReport(1000, 10.0, 0.2, failures or [], list(kept))


def passed(found: Outcome) -> dict[str, bool]:
    return {check.name: check.passed for check in connections.check(found)}


ALIVE = LongConnection(0.0, "web-a", 50)
ENDED = LongConnection(0.0, "web-gone", 20, 5.0, "connection closed")
BROKEN = LongConnection(0.0, "web-a", 20, 5.0, "connection reset by peer")
NEVER = LongConnection(0.0, "", 0, 1.0, "connecting: connection refused")


def test_a_connection_may_end_with_its_pod() -> None:
    found = connections.outcome(report(ALIVE, ENDED), {"web-a"})
    assert (found.survived, found.ended, found.broken, found.failed) == (1, 1, 0, 0)
    assert all(passed(found).values())


def test_a_connection_may_not_end_while_its_pod_lives() -> None:
    found = connections.outcome(report(ALIVE, BROKEN), {"web-a"})
    assert found.broken == 1
    assert found.reasons == {"connection reset by peer": 1}
    assert passed(found) == {"requests while scaling": True, "connections": False}


def test_a_connection_that_never_stood_is_a_failed_request() -> None:
    found = connections.outcome(report(ALIVE, NEVER), {"web-a"})
    assert (found.failed, found.ended, found.broken) == (1, 0, 0)
    assert not passed(found)["requests while scaling"]


def test_a_failed_request_is_told_with_its_reason() -> None:
    found = connections.outcome(report(ALIVE, failures=[Failure(1.0, "no answer within 5 s")]), {"web-a"})
    check = connections.check(found)[0]
    assert not check.passed
    assert check.detail == "1 of 1000 failed: 1 x no answer within 5 s"


def test_no_traffic_proves_nothing() -> None:
    found = connections.outcome(SteadyReport(0, 0.0, 0.0, [], []), set())
    assert not any(passed(found).values())
