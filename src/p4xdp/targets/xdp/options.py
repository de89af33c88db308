"""How a program is to be carried by XDP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["switch", "test", "bench"]
Clock = Literal["coarse", "precise"]


@dataclass(frozen=True, slots=True)
class XdpOptions:
    """`mode` says where ports and time come from: "switch" from interfaces and the kernel's clock, "test"
    from a few bytes of memory that BPF_PROG_TEST_RUN's caller sets, "bench" is "test" with a prologue that
    restores the packet before every run. `clock` "coarse" is cheap and advances with the kernel's tick
    (1-4 ms, Linux 5.11), "precise" costs some 20 ns and is exact.
    """

    mode: Mode = "switch"
    clock: Clock = "coarse"
