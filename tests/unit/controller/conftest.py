"""Runs `async def` tests, and builds a controller around a fake API, a fake data plane, a fake clock."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from p4kube.controller.metrics import Metrics
from p4kube.controller.run import Controller, Options
from p4kube.controller.testing import FakeDataPlane
from p4kube.kube.client import Client
from p4kube.kube.testing import FakeApi, FakeClock, MemoryTransport, settle, things
from p4kube.model import ServiceKey


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


class Rig:
    """Everything around a controller. Two nodes and a pool 192.0.2.0/29 exist from the start."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.clock = FakeClock()
        self.plane = FakeDataPlane()
        self.metrics = Metrics()
        self.api.put("nodes", things.node("n1", "10.0.0.1"))
        self.api.put("nodes", things.node("n2", "10.0.0.2"))
        self.api.put("vippools", things.pool("main", "192.0.2.0/29"))

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Controller]:
        self.transport = MemoryTransport(self.api)
        self.metrics = Metrics()
        controller = Controller(
            Client(self.transport), self.plane, self.clock, self.metrics, Options(**options)
        )
        task = asyncio.create_task(controller.run())
        try:
            await self.settle()
            yield controller
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def settle(self) -> None:
        await settle(200)

    def web(self, *ports: Any, **fields: Any) -> None:
        """Service default/web with one ready endpoint on n1."""
        self.api.put("services", things.service("web", *ports, **fields))
        self.api.put(
            "endpointslices", things.endpoint_slice("web-a", "web", things.endpoint("10.1.0.1", "n1"))
        )

    def read(self, name: str = "web") -> dict[str, Any]:
        return self.api.read("services", "default", name)

    def ingress(self, name: str = "web") -> list[dict[str, Any]]:
        return self.read(name)["status"].get("loadBalancer", {}).get("ingress") or []

    def condition(self, name: str = "web") -> dict[str, Any] | None:
        conditions = self.read(name)["status"].get("conditions") or []
        return next((c for c in conditions if c["type"] == "p4kube.dev/Programmed"), None)

    def shares(self, name: str = "web", port: int = 0) -> dict[str, tuple[int, int]]:
        """{node address: (ready, draining)} of what the data plane was told last."""
        ports = self.plane.wanted[ServiceKey("default", name)]
        return {str(share.address): (share.ready, share.draining) for share in ports[port].shares}

    def events(self, reason: str) -> list[dict[str, Any]]:
        return [event for event in self.api.all("events") if event["reason"] == reason]

    def writes(self) -> list[str]:
        return [request for request in self.api.requests if request.startswith(("PATCH", "POST", "PUT"))]


@pytest.fixture
def rig() -> Rig:
    return Rig()
