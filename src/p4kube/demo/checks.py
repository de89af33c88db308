"""What the demonstration holds itself to."""

from __future__ import annotations

import msgspec


class Check(msgspec.Struct, frozen=True):
    """`detail` says what was found, whichever way it went."""

    name: str
    passed: bool
    detail: str
