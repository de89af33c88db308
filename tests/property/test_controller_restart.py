"""A controller that lived through any history wants the same of the switches as one that starts now."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from p4kube.controller.dataplane import ACCEPTED
from p4kube.controller.metrics import Metrics
from p4kube.controller.run import Controller, Options
from p4kube.controller.testing import FakeDataPlane
from p4kube.kube.client import Client
from p4kube.kube.testing import FakeApi, FakeClock, MemoryTransport, settle, things
from p4kube.kube.testing.api import Failure

NAMES = st.sampled_from("abc")
PORTS = st.lists(
    st.sampled_from(["80:30080", "81:30081", "53:30053/UDP", "9:30009/SCTP", "82"]), min_size=1, unique=True
)
ADDRESS = st.sampled_from([None, "192.0.2.2", "203.0.113.1"])
NODE = st.sampled_from(["n1", "n2", "n3"])
ENDPOINTS = st.lists(
    st.tuples(st.integers(1, 5), NODE, st.sampled_from(["ready", "draining", "not"])), max_size=4
)
STEPS = st.one_of(
    st.tuples(st.just("service"), NAMES, PORTS, ADDRESS, st.sampled_from(["Local", "Cluster"])),
    st.tuples(st.just("type"), NAMES, st.sampled_from(["ClusterIP", "LoadBalancer"])),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("force"), NAMES),
    st.tuples(st.just("slice"), NAMES, st.sampled_from("12"), ENDPOINTS),
    st.tuples(st.just("node"), NODE, st.booleans()),
    st.tuples(st.just("pool"), st.sampled_from(["192.0.2.1-192.0.2.2", "192.0.2.0/28", "203.0.113.0/30"])),
    st.tuples(st.just("conflict"), st.integers(1, 3)),
    st.tuples(st.just("gone")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("acknowledge")),
    st.tuples(st.just("advance"), st.integers(1, 10)),
)
STATES = {
    "ready": {},
    "draining": {"ready": False, "serving": True, "terminating": True},
    "not": {"ready": False},
}


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_history_does_not_matter(steps):
    asyncio.run(compare(steps))


async def compare(steps):
    api, clock = FakeApi(), FakeClock()
    api.put("vippools", things.pool("main", "192.0.2.0/28"))
    plane = FakeDataPlane(automatic=False)
    async with running(api, clock, plane):
        for step in steps:
            await act(api, clock, plane, *step)
        api.heal()
        for _ in range(4):
            await clock.advance(80)
            acknowledge(plane)
            await settle(100)
        lived = {key: ports for key, ports in plane.wanted.items() if ports}
        for thing in api.all("services"):
            assert not thing["metadata"].get("deletionTimestamp"), "cleaned up"
    fresh = FakeDataPlane()
    async with running(api, clock, fresh):
        assert {key: ports for key, ports in fresh.wanted.items() if ports} == lived
        assert fresh.completed == set(lived)
    claims = [(port.vip, port.port, port.protocol) for ports in lived.values() for port in ports]
    assert len(claims) == len(set(claims))


@asynccontextmanager
async def running(api, clock, plane):
    controller = Controller(
        Client(MemoryTransport(api)), plane, clock, Metrics(), Options(lease_namespace=None)
    )
    task = asyncio.create_task(controller.run())
    await settle(150)
    try:
        yield
    finally:
        assert not task.done(), task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def acknowledge(plane):
    for key in list(plane.wanted):
        plane.settle(key, None, ACCEPTED)


async def act(api, clock, plane, what, *detail):
    exists = [thing["metadata"]["name"] for thing in api.all("services")]
    if what == "service":
        name, ports, address, policy = detail
        put_service(api, name, ports, address, policy)
    elif what == "type" and detail[0] in exists:
        kind = {"type": detail[1], "loadBalancerClass": things.CLASS if detail[1] == "LoadBalancer" else None}
        api.change("services", "default", detail[0], spec=kind)
        if detail[1] != "LoadBalancer":
            api.change("services", "default", detail[0], status={"loadBalancer": None})
    elif what in ("delete", "force") and detail[0] in exists:
        if what == "force":
            api.change("services", "default", detail[0], metadata={"finalizers": None})
        api.delete("services", "default", detail[0])
    elif what == "slice":
        name, part, endpoints = detail
        made = [things.endpoint(f"10.1.0.{n}", node, **STATES[state]) for n, node, state in endpoints]
        api.put("endpointslices", things.endpoint_slice(f"{name}-{part}", name, *made))
    elif what == "node":
        label = {"node.kubernetes.io/exclude-from-external-load-balancers": ""} if detail[1] else {}
        api.put("nodes", things.node(detail[0], f"10.0.0.{detail[0][1]}", **label))
    elif what == "pool":
        api.put("vippools", things.pool("main", *detail))
    elif what == "conflict":
        api.refuse("PATCH", "services", Failure(409, "Conflict"), times=detail[0])
    elif what == "gone":
        api.compact()
        for stream in api.streams("services"):
            stream.gone()
    elif what == "settle":
        await settle(60)
    elif what == "acknowledge":
        acknowledge(plane)
    elif what == "advance":
        await clock.advance(detail[0])


def put_service(api, name, ports, address, policy):
    """Create it, or replace its spec and annotation as its owner would, keeping what controllers wrote."""
    annotations = {"p4kube.dev/addresses": address}
    spec = things.service(name, *ports, externalTrafficPolicy=policy)["spec"]
    if any(thing["metadata"]["name"] == name for thing in api.all("services")):
        api.change("services", "default", name, spec=spec, metadata={"annotations": annotations})
    else:
        known = {key: value for key, value in annotations.items() if value}
        api.put("services", things.service(name, *ports, externalTrafficPolicy=policy, annotations=known))
