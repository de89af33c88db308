"""How long the data plane takes to follow the API: from two records of the same scaling.

One is our own watch of EndpointSlices, the other the controller's log, where a line "programmed" is written
when every switch has acknowledged the update packets. A change counts from the moment that either of the two
watches had it, whichever was first; the API server sends it to watches as soon as it is committed. Both
clocks are the machine's; the log's times have a resolution of 1 ms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median

import msgspec

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \w+ \S+ (\{.*\})$")
# Further apart than this, an acknowledgement was not for a change of endpoints.
_NEAR_SECONDS = 0.25


class EndpointChange(msgspec.Struct, frozen=True):
    """An EndpointSlice as a watch showed it; `at` is in seconds since the epoch."""

    at: float
    slice: str
    version: str
    ready: int
    serving: int
    terminating: int


class Programmed(msgspec.Struct, frozen=True):
    """A line of the controller's log. `at`: seconds since the epoch; `seconds`: since its own watch event."""

    at: float
    seconds: float


class Programming(msgspec.Struct, frozen=True, rename="camel"):
    """In milliseconds, over `changes` acknowledged changes (0 for none)."""

    changes: int
    median_ms: float
    worst_ms: float


class _Fields(msgspec.Struct):
    msg: str = ""
    service: str = ""
    duration_ms: float = 0.0


def read_log(lines: Iterable[str], service: str) -> list[Programmed]:
    """The acknowledged changes of one Service ("namespace/name"); other lines are passed over."""
    found = []
    for line in lines:
        match = _LINE.match(line.strip())
        if match is None:
            continue
        try:
            fields = msgspec.json.decode(match[3], type=_Fields)
        except msgspec.DecodeError:
            continue
        if fields.msg == "programmed" and fields.service == service:
            moment = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").timestamp() + int(match[2]) / 1000
            found.append(Programmed(moment, fields.duration_ms / 1000))
    return found


def durations(changes: Sequence[EndpointChange], acknowledged: Iterable[Programmed]) -> list[float]:
    """Seconds from acceptance to acknowledgement, one for each acknowledgement.

    Changes that came so close together that one acknowledgement covers them count once, from the first.
    """
    result = []
    for each in acknowledged:
        received = each.at - each.seconds
        near = min((change.at for change in changes), key=lambda at: abs(at - received), default=None)
        if near is not None and abs(near - received) <= _NEAR_SECONDS:
            received = min(near, received)
        result.append(each.at - received)
    return result


def summary(seconds: Sequence[float]) -> Programming:
    if not seconds:
        return Programming(0, 0.0, 0.0)
    return Programming(len(seconds), 1000 * median(seconds), 1000 * max(seconds))
