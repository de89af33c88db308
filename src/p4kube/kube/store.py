"""The local copy of one resource, with indexes, and the news of every change to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from p4kube.kube.objects import KubeObject

K = TypeVar("K", bound=KubeObject)
Key = tuple[str, str]
IndexFunction = Callable[[K], Iterable[str]]


@dataclass(frozen=True)
class Change(Generic[K]):
    """One object appeared (`old` None), changed, or went (`new` None).

    `received` is the monotonic time in seconds at which the news reached this process.
    """

    old: K | None
    new: K | None
    received: float

    @property
    def current(self) -> K:
        """The newest state known, for a deletion the last one."""
        thing = self.new if self.new is not None else self.old
        assert thing is not None
        return thing


class Store(Generic[K]):
    """Objects by (namespace, name). Only a reflector writes to it.

    Subscribers are called in the order of the changes, after the store has changed; they must not block
    and must not raise.
    """

    def __init__(self, indexes: Mapping[str, IndexFunction[K]] | None = None) -> None:
        self._objects: dict[Key, K] = {}
        self._functions = dict(indexes or {})
        self._indexes: dict[str, dict[str, set[Key]]] = {name: {} for name in self._functions}
        self._subscribers: list[Callable[[Change[K]], None]] = []

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[K]:
        return iter(list(self._objects.values()))

    def get(self, namespace: str, name: str) -> K | None:
        return self._objects.get((namespace, name))

    def by_index(self, index: str, value: str) -> list[K]:
        """The objects for which the index function yields `value`, sorted by key."""
        return [self._objects[key] for key in sorted(self._indexes[index].get(value, ()))]

    def subscribe(self, subscriber: Callable[[Change[K]], None]) -> Callable[[], None]:
        """Calls `subscriber` for every later change, until the returned function is called."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def put(self, thing: K, received: float) -> None:
        """Add or change one object.

        An object that was deleted and created again under the same name has another uid; subscribers see
        both, whatever was missed in between.
        """
        old = self._objects.get(thing.key)
        if old is not None and old.metadata.resource_version == thing.metadata.resource_version != "":
            return
        if old is not None and old.metadata.uid != thing.metadata.uid:
            self.remove(old.key, received)
            old = None
        self._unindex(old)
        self._objects[thing.key] = thing
        self._index(thing)
        self._tell(Change(old, thing, received))

    def remove(self, key: Key, received: float) -> None:
        """Remove one object; nothing happens if it is not there."""
        old = self._objects.pop(key, None)
        if old is not None:
            self._unindex(old)
            self._tell(Change(old, None, received))

    def replace(self, things: Iterable[K], received: float, keep: Iterable[Key] = ()) -> None:
        """Make the store equal to a fresh list: what is not in it was deleted while nobody watched.

        `keep` names objects that are in the list but could not be read: their last good state stays.
        """
        fresh = {thing.key: thing for thing in things}
        spared = set(keep)
        for key in [key for key in self._objects if key not in fresh and key not in spared]:
            self.remove(key, received)
        for thing in fresh.values():
            self.put(thing, received)

    def _tell(self, change: Change[K]) -> None:
        for subscriber in list(self._subscribers):
            subscriber(change)

    def _index(self, thing: K) -> None:
        for name, function in self._functions.items():
            for value in function(thing):
                self._indexes[name].setdefault(value, set()).add(thing.key)

    def _unindex(self, thing: K | None) -> None:
        if thing is None:
            return
        for name, function in self._functions.items():
            for value in function(thing):
                bucket = self._indexes[name].get(value)
                if bucket is not None:
                    bucket.discard(thing.key)
                    if not bucket:
                        del self._indexes[name][value]
