"""Events are created once, counted after that, and never in the way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec

from p4kube.kube.client import Client
from p4kube.kube.events import EventRecorder
from p4kube.kube.objects import Service, VIPPool
from p4kube.kube.resources import SERVICES, VIP_POOLS
from p4kube.kube.testing import FakeApi, FakeClock, MemoryTransport, settle, things
from p4kube.kube.testing.api import Broken, Failure

WEB = msgspec.convert(things.service("web"), Service)


class Recording:
    def __init__(self) -> None:
        self.api, self.clock = FakeApi(), FakeClock()
        client = Client(MemoryTransport(self.api))
        self.recorder = EventRecorder(client, self.clock, controller="p4kube.dev/controller", instance="me")

    def say(self, note="hello", thing=WEB, resource=SERVICES) -> None:
        self.recorder.record(resource, thing, "Normal", "Said", "Say", note)

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.recorder.run())
        await settle()
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_an_event_has_all_that_the_api_demands():
    async with Recording().running() as recording:
        recording.say("x" * 2000)
        await settle()
        (event,) = recording.api.all("events")
        assert event["apiVersion"] == "events.k8s.io/v1" and event["kind"] == "Event"
        assert event["metadata"]["namespace"] == "default"
        assert event["regarding"] == {
            "apiVersion": "v1",
            "kind": "Service",
            "namespace": "default",
            "name": "web",
        }
        assert event["eventTime"] == "2026-01-01T00:00:00.000000Z"
        assert (event["type"], event["reason"], event["action"]) == ("Normal", "Said", "Say")
        assert event["reportingController"] == "p4kube.dev/controller"
        assert event["reportingInstance"] == "me" and len(event["note"]) == 1024
        assert "series" not in event


async def test_repetitions_are_counted_in_one_object_with_few_writes():
    async with Recording().running() as recording:
        for _ in range(100):
            recording.say()
            await recording.clock.advance(1)
        await recording.clock.advance(60)
        (event,) = recording.api.all("events")
        assert event["series"]["count"] == 100
        assert sum(request.startswith("PATCH") for request in recording.api.requests) <= 5


async def test_an_event_begins_anew_after_a_long_time():
    async with Recording().running() as recording:
        recording.say()
        await recording.clock.advance(400)
        recording.say()
        await recording.clock.advance(1)
        assert len(recording.api.all("events")) == 2


async def test_events_of_cluster_scoped_objects_stand_in_default():
    async with Recording().running() as recording:
        recording.say(thing=msgspec.convert(things.pool("main"), VIPPool), resource=VIP_POOLS)
        await settle()
        assert recording.api.all("events")[0]["metadata"]["namespace"] == "default"


async def test_an_event_survives_an_outage_but_not_a_refusal():
    async with Recording().running() as recording:
        recording.api.refuse("POST", "events", Broken(), times=2)
        recording.say("one")
        await recording.clock.advance(10)
        recording.api.refuse("POST", "events", Failure(403, "Forbidden"), times=1)
        recording.say("two")
        recording.say("three")
        await recording.clock.advance(10)
        assert sorted(event["note"] for event in recording.api.all("events")) == ["one", "three"]
