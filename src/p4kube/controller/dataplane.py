"""The seam between the controller, which knows Kubernetes, and whatever programs the switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from p4kube.model import ServiceKey, ServicePort


class ProgramResult(msgspec.Struct, frozen=True):
    """What became of one generation of a Service.

    `accepted` means that every switch acknowledged it. Otherwise `reason` is a CamelCase word for
    `status.conditions[].reason`, and `message` says what is wrong and what to do.
    """

    accepted: bool
    reason: str = ""
    message: str = ""


ACCEPTED = ProgramResult(accepted=True)

Callback = Callable[[ServiceKey, int, ProgramResult], None]


class StaleEpoch(Exception):
    """A switch obeys epoch `seen` already, and ours is not above it.

    Raised out of `DataPlane.run`. The controller takes it as: we hold the Lease, but counting began anew
    (the Lease was deleted); it gives the Lease back and takes it again with an epoch above `seen`.
    """

    def __init__(self, seen: int) -> None:
        super().__init__(f"a switch obeys epoch {seen} already")
        self.seen = seen


class DataPlane(Protocol):
    """What the controller asks of the data plane. Everything happens in one event loop's thread.

    One *term* is one call of `run`. In each term the controller submits every Service once, then calls
    `complete`, then submits changes as they come.
    """

    def submit(self, service: ServiceKey, ports: tuple[ServicePort, ...]) -> int:
        """Replace all that `service` wants of the switches; `()` removes it. Never blocks.

        Returns the generation: a number that grows with every submission of this Service. A newer
        generation makes an older one, done or not, irrelevant. A removal is never refused. Taken in the
        order of submission, no two Services claim the same (vip, port, protocol) at a time, but one can
        get what another just gave up.
        """
        ...

    def subscribe(self, callback: Callback) -> None:
        """Have `callback(service, generation, result)` called once a generation is settled.

        A generation that was overtaken need not be reported. Callbacks must not come from within
        `submit`, and must not block. The acknowledgement of `()` means that no switch serves
        anything of that Service any more; before `complete` it therefore has to wait, since what a
        switch still holds from before this process may belong to it.
        """
        ...

    def complete(self, services: frozenset[ServiceKey]) -> None:
        """`services` are all that shall be served: from now on what a switch holds beyond them is a
        leftover, and is removed. Before this call nothing may be removed that was not submitted as `()`.
        """
        ...

    async def run(self, epoch: int) -> None:
        """Program the switches as leader with `epoch`, until cancelled.

        Forgets earlier terms before its first await. When cancelled it stops writing at once and leaves
        the switches as they are. Raises StaleEpoch if a switch has a higher epoch.
        """
        ...
