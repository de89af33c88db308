"""When the slots in transition may be settled."""

from __future__ import annotations

from collections.abc import Mapping

from p4kube.plan import Entry
from p4kube.wire.cells import Frontend


class Transitions:
    """Remembers since when each slot has its previous owner. Times are seconds of any one clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[Frontend, dict[int, float]] = {}

    def observe(self, entries: Mapping[Frontend, Entry], frontend: Frontend, now: float) -> None:
        """Takes note of the slots of `frontend` as they are now."""
        entry = entries.get(frontend)
        before = self._since.pop(frontend, {})
        if entry is None:
            return
        moving = {i: before.get(i, now) for i, slot in enumerate(entry.slots) if slot.previous}
        if moving:
            self._since[frontend] = moving

    def due(self, now: float) -> dict[Frontend, list[int]]:
        """The slots whose transition is over."""
        horizon = now - self._seconds
        due = {f: [i for i, t in moving.items() if t <= horizon] for f, moving in self._since.items()}
        return {frontend: indices for frontend, indices in due.items() if indices}

    def __len__(self) -> int:
        return sum(len(moving) for moving in self._since.values())
