"""How long to wait before trying again."""

from __future__ import annotations

import random


class Backoff:
    """Exponential delays from `base` to `cap` seconds, each jittered down by up to half.

    The jitter keeps many clients that lost the same API server from returning in the same instant.
    """

    def __init__(self, base: float, cap: float, rng: random.Random | None = None) -> None:
        self._base = base
        self._cap = cap
        self._rng = rng or random.Random()
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures since the last `reset`."""
        return self._failures

    def next(self, at_least: float = 0.0) -> float:
        """The delay in seconds before the next try; counts a failure.

        `at_least` is what the server asked for (Retry-After); it is honoured up to ten times the cap.
        """
        # 2**32 is past any cap; the bound only keeps the float from overflowing after days of failure.
        delay = min(self._cap, self._base * 2.0 ** min(self._failures, 32))
        self._failures += 1
        jittered = delay * self._rng.uniform(0.5, 1.0)
        return max(jittered, min(at_least, 10 * self._cap))

    def reset(self) -> None:
        self._failures = 0
