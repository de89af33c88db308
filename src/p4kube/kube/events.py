"""Events (`events.k8s.io/v1`): what we did to an object and why, for `kubectl describe`.

Repetitions of one event become one object with a growing `series.count`. Recording never waits and never
fails: events are a courtesy, traffic does not depend on them.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from p4kube.kube.client import Client
from p4kube.kube.clock import Clock, micro_time
from p4kube.kube.errors import ApiError, KubeError
from p4kube.kube.objects import Event, EventSeries, KubeObject, ObjectMeta, ObjectReference
from p4kube.kube.resources import EVENTS, Resource
from p4kube.kube.workqueue import WorkQueue

log = logging.getLogger(__name__)
K = TypeVar("K", bound=KubeObject)

NOTE_LIMIT = 1024
SERIES_SECONDS = 360.0
"""An event that does not repeat for so long begins anew (client-go uses the same time)."""
UPDATE_SECONDS = 30.0
"""A running series is written to the API at most this often."""
KNOWN_LIMIT = 4096


@dataclass(frozen=True)
class EventKey:
    """What makes two events the same event."""

    regarding: ObjectReference
    type: str
    reason: str
    action: str
    note: str


@dataclass
class _Series:
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    first: str = ""
    last: str = ""
    seen_at: float = 0.0
    written_at: float = 0.0
    count: int = 0
    written: int = 0


class EventRecorder:
    """Records events in memory; `run` sends them."""

    def __init__(self, client: Client, clock: Clock, *, controller: str, instance: str) -> None:
        self._client = client
        self._clock = clock
        self._controller = controller
        self._instance = instance[:128]
        self._queue: WorkQueue[EventKey] = WorkQueue(clock, retry_base=1.0)
        self._series: OrderedDict[EventKey, _Series] = OrderedDict()

    def record(
        self,
        resource: Resource[K],
        thing: K,
        kind: Literal["Normal", "Warning"],
        reason: str,
        action: str,
        note: str,
    ) -> None:
        """`reason` and `action` are CamelCase words; `note` is for people and cut at 1 kB."""
        key = EventKey(resource.reference(thing), kind, reason, action, note[:NOTE_LIMIT])
        now = self._clock.monotonic()
        series = self._series.get(key)
        if series is None or now - series.seen_at > SERIES_SECONDS:
            series = self._series[key] = _Series(first=micro_time(self._clock.now()))
        series.count += 1
        series.seen_at, series.last = now, micro_time(self._clock.now())
        self._series.move_to_end(key)
        while len(self._series) > KNOWN_LIMIT:
            self._series.popitem(last=False)
        if series.written == 0:
            self._queue.add(key)
        else:
            self._queue.add_after(key, max(0.0, series.written_at + UPDATE_SECONDS - now))

    async def run(self) -> None:
        """Sends events one after the other; never returns."""
        try:
            while True:
                key = await self._queue.get()
                await self._send(key)
                self._queue.done(key)
        finally:
            self._queue.close()

    async def _send(self, key: EventKey) -> None:
        series = self._series.get(key)
        if series is None or series.written == series.count:
            return
        count = series.count
        try:
            if series.written == 0:
                await self._create(key, series)
                count = 1
            else:
                await self._update(key, series, count)
        except KubeError as error:
            log.warning("event %s for %s: %s", key.reason, key.regarding.name, error)
            if isinstance(error, ApiError) and error.code < 500 and error.code != 429:
                # The server will say the same again (forbidden, the namespace ends): drop it.
                self._series.pop(key, None)
            else:
                self._queue.retry(key)
            return
        self._queue.succeeded(key)
        series.written, series.written_at = count, self._clock.monotonic()
        if series.count > count:
            self._queue.add_after(key, UPDATE_SECONDS)

    async def _create(self, key: EventKey, series: _Series) -> None:
        where = key.regarding.namespace or "default"
        # Names of Services have at most 63 characters, an Event's may have 253.
        meta = ObjectMeta(name=f"{key.regarding.name[:200]}.{series.name}", namespace=where)
        event = Event(
            meta,
            event_time=series.first,
            reporting_controller=self._controller,
            reporting_instance=self._instance,
            action=key.action,
            reason=key.reason,
            regarding=key.regarding,
            note=key.note,
            type=key.type,
        )
        await self._client.create(EVENTS, event)

    async def _update(self, key: EventKey, series: _Series, count: int) -> None:
        change = {"series": EventSeries(count, series.last)}
        name = f"{key.regarding.name[:200]}.{series.name}"
        await self._client.patch(EVENTS, key.regarding.namespace or "default", name, change)
