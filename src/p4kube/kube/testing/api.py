"""An API server in memory: objects with versions, watches with history, and faults on demand."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str]

PLURALS = ("services", "endpointslices", "nodes", "leases", "events", "vippools")


class Failure(Exception):
    """An HTTP error answer."""

    def __init__(self, code: int, reason: str, message: str = "", retry_after: str = "") -> None:
        super().__init__(message or reason)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after

    @property
    def body(self) -> Json:
        return {"kind": "Status", "code": self.code, "reason": self.reason, "message": str(self)}


class Broken(Exception):
    """The connection breaks."""


@dataclass(eq=False)
class Stream:
    """One watch in progress, as the server sees it. Tests use it to misbehave."""

    plural: str
    query: dict[str, str]
    chunks: asyncio.Queue[bytes | Broken | None] = field(default_factory=asyncio.Queue)
    muted: bool = False

    def send(self, kind: str, thing: Json) -> None:
        self.raw(json.dumps({"type": kind, "object": thing}).encode() + b"\n")

    def raw(self, data: bytes) -> None:
        """Bytes that need not be a whole event, nor an event at all."""
        if not self.muted:
            self.chunks.put_nowait(data)

    def end(self) -> None:
        """The server ends the watch in good order, as it does when timeoutSeconds are over."""
        self.chunks.put_nowait(None)

    def drop(self) -> None:
        """The connection breaks."""
        self.chunks.put_nowait(Broken())

    def hang(self) -> None:
        """Nothing comes any more, and nobody says so."""
        self.muted = True

    def gone(self) -> None:
        """The server says in the stream that the history is lost, and ends."""
        self.send("ERROR", Failure(410, "Expired", "too old resource version").body)
        self.end()


class FakeApi:
    """The state and the behaviour of a small API server.

    Writes made through methods of this class look to a client like those of another client. `requests`
    lists what was asked, as "VERB path". `refuse(...)` makes requests fail; `streams(plural)` are the
    watches that run now.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._version = 100
        self._objects: dict[str, dict[Key, Json]] = {plural: {} for plural in PLURALS}
        self._history: list[tuple[int, str, str, Json]] = []
        self._oldest = 0
        self._streams: list[Stream] = []
        self._faults: list[tuple[Callable[[str, str], bool], Exception, int]] = []

    # What tests do

    def put(self, plural: str, thing: Json) -> Json:
        """Create or replace an object; the server fills in uid and resourceVersion."""
        thing = copy.deepcopy(thing)
        meta = thing.setdefault("metadata", {})
        key = (meta.get("namespace", ""), meta["name"])
        old = self._objects[plural].get(key)
        meta.setdefault("uid", old["metadata"]["uid"] if old else f"uid-{self._version + 1}")
        return self._store(plural, key, thing, "MODIFIED" if old else "ADDED")

    def change(self, plural: str, namespace: str, name: str, **fields: Any) -> Json:
        """Merge `fields` into an object, as a merge patch by another client."""
        return self.put(plural, merge(self.read(plural, namespace, name), fields))

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """Delete; with finalizers only mark as being deleted."""
        key = (namespace, name)
        thing = copy.deepcopy(self._objects[plural][key])
        if thing["metadata"].get("finalizers"):
            thing["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self._store(plural, key, thing, "MODIFIED")
        else:
            self._remove(plural, key)

    def read(self, plural: str, namespace: str, name: str) -> Json:
        return copy.deepcopy(self._objects[plural][(namespace, name)])

    def all(self, plural: str) -> list[Json]:
        return [copy.deepcopy(thing) for _, thing in sorted(self._objects[plural].items())]

    def streams(self, plural: str) -> list[Stream]:
        return [stream for stream in self._streams if stream.plural == plural]

    def bookmark(self, plural: str) -> None:
        for stream in self.streams(plural):
            stream.send("BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})

    def compact(self) -> None:
        """Forget the history: watches from older versions get 410."""
        self._oldest = self._version
        self._history.clear()

    def refuse(self, verb: str, part: str, error: Exception, times: int = 1) -> None:
        """The next `times` requests of `verb` ("*" for any) with `part` in the path fail with `error`."""
        self._faults.append((lambda v, p: verb in ("*", v) and part in p, error, times))

    def heal(self) -> None:
        """Requests do not fail any more."""
        self._faults.clear()

    def outage(self) -> None:
        """Every connection breaks, and none can be made until `heal`."""
        self.refuse("*", "", Broken("connection refused"), times=10**9)
        for stream in list(self._streams):
            stream.drop()

    # What the transports do

    def handle(self, verb: str, path: str, query: dict[str, str], body: bytes) -> bytes:
        """One request and its answer; raises Failure or Broken."""
        self._ask(verb, path)
        plural, namespace, name, subresource = parse(path)
        if verb == "GET":
            answer = self._get(plural, namespace, name) if name else self._list(plural, query)
        elif verb == "POST":
            answer = self._create(plural, namespace, json.loads(body))
        elif verb == "PATCH":
            answer = self._patch(plural, (namespace, name), subresource, json.loads(body))
        else:
            raise Failure(405, "MethodNotAllowed")
        return json.dumps(answer).encode()

    def watch(self, path: str, query: dict[str, str]) -> Stream:
        """A watch with everything in it that happened since its resourceVersion."""
        self._ask("WATCH", path)
        plural = parse(path)[0]
        since = int(query["resourceVersion"])
        if since < self._oldest:
            raise Failure(410, "Expired", f"too old resource version: {since} ({self._oldest})")
        stream = Stream(plural, dict(query))
        for version, kind, of, thing in self._history:
            if of == plural and version > since and selected(thing, query.get("labelSelector", "")):
                stream.send(kind, thing)
        self._streams.append(stream)
        return stream

    def close(self, stream: Stream) -> None:
        if stream in self._streams:
            self._streams.remove(stream)

    def _ask(self, verb: str, path: str) -> None:
        self.requests.append(f"{verb} {path}")
        for index, (matches, error, times) in enumerate(self._faults):
            if matches(verb, path):
                if times <= 1:
                    del self._faults[index]
                else:
                    self._faults[index] = (matches, error, times - 1)
                raise error

    def _get(self, plural: str, namespace: str, name: str) -> Json:
        try:
            return self._objects[plural][(namespace, name)]
        except KeyError:
            raise Failure(404, "NotFound", f"{plural} {namespace}/{name} not found") from None

    def _list(self, plural: str, query: dict[str, str]) -> Json:
        selector = query.get("labelSelector", "")
        things = [thing for _, thing in sorted(self._objects[plural].items()) if selected(thing, selector)]
        version, start = self._version, 0
        if token := query.get("continue"):
            version, start = (int(part) for part in token.split(":"))
            if version < self._oldest:
                raise Failure(410, "Expired", "the provided continue parameter is too old")
        end = start + int(query.get("limit") or len(things) or 1)
        meta = {"resourceVersion": str(version)}
        if end < len(things):
            meta["continue"] = f"{version}:{end}"
        return {"metadata": meta, "items": things[start:end] or None}

    def _create(self, plural: str, namespace: str, thing: Json) -> Json:
        key = (namespace, thing["metadata"]["name"])
        if key in self._objects[plural]:
            raise Failure(409, "AlreadyExists", f"{plural} {key} already exists")
        thing["metadata"]["namespace"] = namespace
        return self.put(plural, thing)

    def _patch(self, plural: str, key: Key, subresource: str, change: Json) -> Json:
        old = self._get(plural, *key)
        wanted = change.get("metadata", {}).pop("resourceVersion", None)
        if wanted is not None and wanted != old["metadata"]["resourceVersion"]:
            raise Failure(409, "Conflict", f"{key}: the object has been modified")
        if subresource == "status":
            change = {"status": change.get("status", {})}
        else:
            change.pop("status", None)
        thing = merge(old, change)
        if thing["metadata"].get("deletionTimestamp") and not thing["metadata"].get("finalizers"):
            self._remove(plural, key)
            return thing
        return self._store(plural, key, thing, "MODIFIED")

    def _store(self, plural: str, key: Key, thing: Json, kind: str) -> Json:
        self._version += 1
        thing["metadata"]["resourceVersion"] = str(self._version)
        old = self._objects[plural].get(key)
        self._objects[plural][key] = thing
        self._tell(plural, kind, thing, old)
        return copy.deepcopy(thing)

    def _remove(self, plural: str, key: Key) -> None:
        thing = copy.deepcopy(self._objects[plural].pop(key))
        self._version += 1
        thing["metadata"]["resourceVersion"] = str(self._version)
        self._tell(plural, "DELETED", thing, thing)

    def _tell(self, plural: str, kind: str, thing: Json, old: Json | None) -> None:
        self._history.append((self._version, kind, plural, copy.deepcopy(thing)))
        for stream in self.streams(plural):
            selector = stream.query.get("labelSelector", "")
            was, is_now = old is not None and selected(old, selector), selected(thing, selector)
            if was and not is_now:
                stream.send("DELETED", thing)
            elif is_now:
                stream.send(kind if was or kind != "MODIFIED" else "ADDED", thing)


def parse(path: str) -> tuple[str, str, str, str]:
    """(plural, namespace, name, subresource) of a URL path."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource = (*parts, "", "")[:3]
    return plural, namespace, name, subresource


def merge(old: Json, change: Json) -> Json:
    """RFC 7386."""
    result = copy.deepcopy(old)
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            inner = result.get(name)
            result[name] = merge(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def selected(thing: Json, selector: str) -> bool:
    """Whether a label selector of the forms `a`, `!a` and `a=b`, joined by commas, matches."""
    labels = thing["metadata"].get("labels") or {}
    for term in filter(None, selector.split(",")):
        name, equals, value = term.partition("=")
        if equals:
            matches = labels.get(name) == value
        elif name.startswith("!"):
            matches = name[1:] not in labels
        else:
            matches = name in labels
        if not matches:
            return False
    return True
