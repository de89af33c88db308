"""One leader at a time, by a Lease (`coordination.k8s.io/v1`).

The protocol is the one of client-go's leader election, so `kubectl get lease` reads as usual. A holder
that could not renew for `renew` seconds stops by itself, before others may take over at `duration`
seconds. Clocks of different machines are never compared: a candidate counts from when *it* saw the Lease
change last.

`leaseTransitions` is raised at every acquisition and given to the leader as its epoch: whoever writes
with an older epoch was deposed. If the Lease itself was deleted, counting would start again below epochs
that are already in use; `LowEpoch`, raised by the leader's work, makes the elector start above them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from p4kube.kube.client import Client
from p4kube.kube.clock import Clock, first_of, micro_time, within
from p4kube.kube.errors import ApiError, KubeError
from p4kube.kube.objects import Lease, LeaseSpec, ObjectMeta
from p4kube.kube.resources import LEASES

log = logging.getLogger(__name__)


class LowEpoch(Exception):
    """Somebody already used epoch `seen`, at least as high as ours: we hold the Lease, so go above it."""

    def __init__(self, seen: int) -> None:
        super().__init__(f"epoch {seen} is in use already")
        self.seen = seen


class LeadershipLost(Exception):
    """The Lease could not be renewed in time, or somebody else holds it."""


@dataclass(frozen=True)
class Terms:
    """Times in seconds: `duration` until others may take over, `renew` until a holder gives up, `retry`."""

    duration: int = 15
    renew: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not self.retry < self.renew < self.duration:
            raise ValueError("a Lease needs retry < renew < duration")


def unique_identity() -> str:
    """Host and process, and a random part: a restarted process is another candidate."""
    return f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4().hex[:12]}"


class LeaseElector:
    """Runs the leader's work while, and only while, this process holds the Lease."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        namespace: str,
        name: str,
        identity: str,
        terms: Terms | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._namespace = namespace
        self._name = name
        self.identity = identity
        self._terms = terms or Terms()
        self._rng = rng or random.Random()
        # Epoch 0 stays free: it is what a data plane has that no leader ever wrote to.
        self._floor = 1
        self._lease: Lease | None = None
        self._seen_at = 0.0
        self._renewed_at = 0.0

    async def run(self, lead: Callable[[int], Awaitable[None]]) -> None:
        """Compete for ever; each time we win, run `lead(epoch)` until it ends or the Lease is lost.

        `lead` is cancelled, and awaited, on loss. Returns when `lead` returns by itself. When cancelled,
        and when `lead` ends, the Lease is given back so that a successor need not wait.
        """
        log.info("competing for Lease %s/%s as %s", self._namespace, self._name, self.identity)
        while True:
            epoch = await self._acquire()
            log.info("leading with epoch %d", epoch)
            try:
                await first_of(self._renew_on_time(), _as_coroutine(lead, epoch))
                return
            except LeadershipLost as error:
                log.warning("no longer leading: %s", error)
                self._lease = None
            except LowEpoch as error:
                log.warning("epoch %d is too low: %s; starting above it", epoch, error)
                self._floor = error.seen + 1
            finally:
                await self._release()

    async def _acquire(self) -> int:
        while True:
            try:
                epoch = await within(self._clock, self._terms.renew, self._try_acquire())
                if epoch is not None:
                    return epoch
            except (KubeError, TimeoutError) as error:
                log.warning("Lease %s/%s: %s", self._namespace, self._name, error)
            await self._clock.sleep(self._terms.retry * self._rng.uniform(1.0, 1.2))

    async def _try_acquire(self) -> int | None:
        """Our new epoch, or None while somebody else's time has not run out."""
        asked_at = self._clock.monotonic()
        try:
            lease = await self._client.get(LEASES, self._namespace, self._name)
        except ApiError as error:
            if not error.not_found:
                raise
            return await self._create(asked_at)
        self._observe(lease)
        spec = lease.spec
        held = spec.holder_identity and spec.holder_identity != self.identity
        # The holder's own duration counts: it may run with other settings than ours.
        age = self._clock.monotonic() - self._seen_at
        if held and age < (spec.lease_duration_seconds or self._terms.duration):
            return None
        epoch = max((spec.lease_transitions or 0) + 1, self._floor)
        return await self._write(lease, self._claim(epoch), asked_at)

    def _observe(self, lease: Lease) -> None:
        known = self._lease.metadata.resource_version if self._lease else None
        if lease.metadata.resource_version != known:
            self._lease, self._seen_at = lease, self._clock.monotonic()

    async def _create(self, asked_at: float) -> int | None:
        meta = ObjectMeta(name=self._name, namespace=self._namespace)
        try:
            lease = await self._client.create(LEASES, Lease(meta, self._claim(self._floor)))
        except ApiError as error:
            if error.conflict:
                return None
            raise
        return self._won(lease, asked_at)

    async def _write(self, lease: Lease, spec: LeaseSpec, asked_at: float) -> int | None:
        try:
            written = await self._patch(lease, spec)
        except ApiError as error:
            if error.conflict:
                return None
            raise
        return self._won(written, asked_at)

    def _won(self, lease: Lease, asked_at: float) -> int:
        # From before the request: the server's time of writing cannot be earlier than that.
        self._lease, self._renewed_at = lease, asked_at
        return lease.spec.lease_transitions or 0

    def _claim(self, epoch: int) -> LeaseSpec:
        now = micro_time(self._clock.now())
        return LeaseSpec(self.identity, self._terms.duration, now, now, epoch)

    async def _patch(self, lease: Lease, spec: Any) -> Lease:
        change = {"metadata": {"resourceVersion": lease.metadata.resource_version}, "spec": spec}
        return await self._client.patch(LEASES, self._namespace, self._name, change)

    async def _renew_on_time(self) -> None:
        """Raises LeadershipLost; never returns."""
        while True:
            await self._clock.sleep(self._terms.retry)
            left = self._terms.renew - (self._clock.monotonic() - self._renewed_at)
            try:
                await within(self._clock, left, self._renew())
            except (KubeError, TimeoutError) as error:
                log.warning("Lease %s/%s: renewing: %s", self._namespace, self._name, error)
                if self._clock.monotonic() - self._renewed_at >= self._terms.renew:
                    raise LeadershipLost(f"not renewed for {self._terms.renew:g} s") from error

    async def _renew(self) -> None:
        assert self._lease is not None
        asked_at = self._clock.monotonic()
        try:
            lease = await self._patch(self._lease, LeaseSpec(renew_time=micro_time(self._clock.now())))
        except ApiError as error:
            if error.not_found:
                raise LeadershipLost("the Lease was deleted") from error
            if not error.conflict:
                raise
            # Our last renewal may have arrived although its answer did not.
            self._lease = await self._client.get(LEASES, self._namespace, self._name)
            if self._lease.spec.holder_identity != self.identity:
                raise LeadershipLost(f"held by {self._lease.spec.holder_identity or 'nobody'}") from error
            await self._renew()
        else:
            self._lease, self._renewed_at = lease, asked_at

    async def _release(self) -> None:
        """Give the Lease back if it is ours; a failure only means that others wait it out."""
        lease, self._lease = self._lease, None
        if lease is None or lease.spec.holder_identity != self.identity:
            return
        try:
            await asyncio.shield(within(self._clock, self._terms.retry, self._give_back(lease)))
            log.info("Lease %s/%s released", self._namespace, self._name)
        except (KubeError, TimeoutError) as error:
            log.warning("Lease %s/%s: releasing: %s", self._namespace, self._name, error)

    async def _give_back(self, lease: Lease) -> None:
        now = micro_time(self._clock.now())
        spec = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now}
        try:
            await self._patch(lease, spec)
        except ApiError as error:
            if not error.conflict:
                raise
            # A renewal that was under way when we stopped may have arrived.
            fresh = await self._client.get(LEASES, self._namespace, self._name)
            if fresh.spec.holder_identity == self.identity:
                await self._patch(fresh, spec)


async def _as_coroutine(lead: Callable[[int], Awaitable[None]], epoch: int) -> None:
    await lead(epoch)
