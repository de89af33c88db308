"""Paces the requests to resolve neighbours: none too often, and not all at once."""

from __future__ import annotations

from collections.abc import Set

from p4kube.switch.kernel import NeighbourKey

# A request starts up to three ARP requests a second apart; the kernel's own DELAY lasts five seconds.
AGAIN_SECONDS = 5.0
AT_ONCE = 256


class Pacer:
    """Remembers when each neighbour was asked for last."""

    def __init__(self, again: float = AGAIN_SECONDS, at_once: int = AT_ONCE) -> None:
        self._again, self._at_once = again, at_once
        self._asked: dict[NeighbourKey, float] = {}

    def due(self, candidates: Set[NeighbourKey], now: float) -> tuple[NeighbourKey, ...]:
        """Which of the candidates to ask for now (`now` in seconds, monotonic)."""
        self._asked = {key: at for key, at in self._asked.items() if now - at < self._again}
        due = sorted(candidates - self._asked.keys())[: self._at_once]
        self._asked |= dict.fromkeys(due, now)
        return tuple(due)
