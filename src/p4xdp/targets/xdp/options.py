"""How a program is to be carried by XDP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["switch", "test", "bench"]
Clock = Literal["coarse", "precise"]


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes of a packet that a benchmark restores before every run: 1, 2, 4 or 8 of them."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class XdpOptions:
    """`mode` says where ports and time come from: "switch" from interfaces and the kernel's clock, "test"
    from a few bytes of memory that BPF_PROG_TEST_RUN's caller sets. "bench" is like "test" but for the
    clock, and restores `patches` and the packet's `length` before every run once it is told to. `clock`
    "coarse" is cheap and advances with the kernel's tick (1-4 ms, Linux 5.11), "precise" costs some 20 ns
    and is exact.
    """

    mode: Mode = "switch"
    clock: Clock = "coarse"
    patches: tuple[Patch, ...] = ()
    length: int = 0
