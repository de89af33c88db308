"""One leader at a time, rising epochs, an orderly handover."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from p4kube.kube.client import Client
from p4kube.kube.election import LeaseElector, LowEpoch, Terms, unique_identity
from p4kube.kube.testing import FakeApi, FakeClock, MemoryTransport, settle
from p4kube.kube.testing.api import Broken, Failure


class Candidate:
    """A process that wants to lead; `epochs` are those it led with, `leading` whether it does now."""

    def __init__(self, api: FakeApi, clock: FakeClock, identity: str) -> None:
        self.transport = MemoryTransport(api)
        self.elector = LeaseElector(
            Client(self.transport), clock, namespace="kube-system", name="p4kube", identity=identity
        )
        self.epochs: list[int] = []
        self.leading = False
        self.fail: Exception | None = None

    async def lead(self, epoch: int) -> None:
        self.epochs.append(epoch)
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error
        self.leading = True
        try:
            await asyncio.Event().wait()
        finally:
            self.leading = False

    @asynccontextmanager
    async def running(self):
        self.task = asyncio.create_task(self.elector.run(self.lead))
        await settle()
        try:
            yield self
        finally:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


class Field:
    def __init__(self) -> None:
        self.api, self.clock = FakeApi(), FakeClock()
        self.a, self.b = (Candidate(self.api, self.clock, name) for name in "ab")

    @property
    def spec(self):
        return self.api.read("leases", "kube-system", "p4kube")["spec"]


@pytest.fixture
def field() -> Field:
    return Field()


async def test_the_first_leads_with_epoch_1_and_keeps_renewing(field):
    async with field.a.running():
        assert field.a.epochs == [1] and field.spec["holderIdentity"] == "a"
        assert field.spec["leaseDurationSeconds"] == 15
        await field.clock.advance(100)
        assert field.a.leading and field.a.epochs == [1]
        assert field.spec["renewTime"].startswith("2026-01-01T00:01:4")


async def test_the_second_waits_and_takes_over_at_once_after_a_release(field):
    async with field.b.running():
        async with field.a.running():
            pass
        assert field.b.leading and not field.a.leading
    field = Field()
    async with field.a.running(), field.b.running():
        await field.clock.advance(60)
        assert field.a.leading and field.b.epochs == []
        field.a.task.cancel()
        await field.clock.advance(3)
        assert field.b.epochs == [2]


async def test_a_dead_holder_is_replaced_after_its_duration_not_before(field):
    async with field.a.running():
        field.a.transport.block()
        async with field.b.running():
            await field.clock.advance(12)
            assert not field.a.leading and field.b.epochs == []
            await field.clock.advance(6)
            assert field.b.leading
            field.a.transport.unblock()
            await field.clock.advance(30)
            assert field.b.leading and not field.a.leading


async def test_never_two_leaders_while_the_network_comes_and_goes(field):
    async with field.a.running(), field.b.running():
        for step in range(400):
            candidate = (field.a, field.b)[step // 7 % 2]
            (candidate.transport.block if step % 3 else candidate.transport.unblock)()
            await field.clock.advance(1)
            assert not (field.a.leading and field.b.leading)
        field.a.transport.unblock()
        field.b.transport.unblock()
    epochs = field.a.epochs + field.b.epochs
    assert len(set(epochs)) == len(epochs) >= 2


async def test_a_holder_that_cannot_renew_stops_before_the_deadline(field):
    async with field.a.running():
        field.api.refuse("PATCH", "leases", Broken(), times=1000)
        await field.clock.advance(8)
        assert field.a.leading
        await field.clock.advance(4)
        assert not field.a.leading
        field.api.heal()
        await field.clock.advance(20)
        assert field.a.epochs == [1, 2]


async def test_a_lost_answer_to_a_renewal_is_not_a_loss(field):
    async with field.a.running():
        field.api.change("leases", "kube-system", "p4kube", metadata={"labels": {"touched": "yes"}})
        await field.clock.advance(30)
        assert field.a.leading and field.a.epochs == [1]


async def test_a_lease_taken_by_another_stops_us(field):
    async with field.a.running():
        field.api.change("leases", "kube-system", "p4kube", spec={"holderIdentity": "thief"})
        await field.clock.advance(3)
        assert not field.a.leading and field.spec["holderIdentity"] == "thief"


async def test_a_deleted_lease_stops_us_and_is_made_anew(field):
    async with field.a.running():
        field.api.delete("leases", "kube-system", "p4kube")
        await field.clock.advance(6)
        assert field.a.leading and len(field.a.epochs) == 2


async def test_a_low_epoch_is_raised_above_what_is_in_use(field):
    field.a.fail = LowEpoch(seen=77)
    async with field.a.running():
        await field.clock.advance(5)
        assert field.a.epochs == [1, 78] and field.spec["leaseTransitions"] == 78


async def test_losing_the_race_to_create_or_to_update(field):
    field.api.refuse("POST", "leases", Failure(409, "AlreadyExists"), times=1)
    async with field.a.running():
        assert field.a.epochs == []
        await field.clock.advance(3)
        assert field.a.epochs == [1]


async def test_release_leaves_a_lease_that_nobody_holds(field):
    async with field.a.running():
        pass
    assert field.spec["holderIdentity"] == "" and field.spec["leaseTransitions"] == 1


async def test_an_error_of_the_work_ends_the_elector_and_releases(field):
    field.a.fail = RuntimeError("bug")
    async with field.a.running():
        await settle()
        assert isinstance(field.a.task.exception(), RuntimeError)
    assert field.spec["holderIdentity"] == ""


def test_identities_are_unique_and_terms_are_checked():
    assert unique_identity() != unique_identity()
    with pytest.raises(ValueError, match="retry < renew < duration"):
        Terms(duration=10, renew=10)
