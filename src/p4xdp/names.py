"""Control-plane names, as people shorten them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from p4xdp.device import DeviceError

Named = TypeVar("Named")


def find(kind: str, name: str, known: Mapping[str, Named]) -> Named:
    """The one thing with this name, or whose name ends in `.name`. Raises DeviceError."""
    if name in known:
        return known[name]
    matches = [full for full in known if full.endswith("." + name)]
    if len(matches) == 1:
        return known[matches[0]]
    if matches:
        raise DeviceError(f"{kind} name {name!r} is ambiguous: it may be {', '.join(sorted(matches))}")
    raise DeviceError(f"no {kind} named {name!r}; the program has {', '.join(sorted(known)) or 'none'}")
