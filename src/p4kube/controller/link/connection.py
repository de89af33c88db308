"""One controller's conversation with one switch: HELLO, READ and WRITE over UDP, with retransmission.

docs/protocol.md is the specification. WRITEs are sent with a window and repeated from the last one that the
switch took (go-back-N); READs are independent of each other. Nothing gives up: a switch that does not answer
is asked again, at growing intervals, until the caller is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias, cast

from p4kube.controller.dataplane import StaleEpoch
from p4kube.controller.link.errors import Rebooted
from p4kube.wire import contract
from p4kube.wire.message import BadMessage, Cell, Message, Operation, Status, Write, decode, encode

log = logging.getLogger(__name__)

WINDOW = 64
FIRST_TIMEOUT = 0.05
MAX_TIMEOUT = 1.0
_BATCH = contract.UPDATE_ENTRIES


class Datagrams(Protocol):
    """Where requests go: an asyncio.DatagramTransport is one."""

    def sendto(self, data: bytes) -> None: ...


class Connection(asyncio.DatagramProtocol):
    """Use as the protocol of `loop.create_datagram_endpoint`, or set `datagrams` and call
    `datagram_received` by hand. `epoch` is what HELLO raises the switch to."""

    def __init__(self, name: str, key_id: int, key: bytes, epoch: int) -> None:
        self.name = name
        self.epoch = epoch
        self.boot_id = 0
        self.sequence = 0
        self.bad_answers = 0
        self.retransmissions = 0
        self.datagrams: Datagrams | None = None
        self._key_id = key_id
        self._key = key
        self._waiting: dict[int, asyncio.Queue[tuple[int, Message]]] = {}

    # ---------------------------------------------------------------- transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.datagrams = cast(asyncio.DatagramTransport, transport)

    def error_received(self, exc: Exception) -> None:
        log.debug("switch %s: %s", self.name, exc)

    def datagram_received(self, data: bytes, addr: object = None) -> None:
        try:
            message = decode(data, self._key)
        except BadMessage as error:
            self.bad_answers += 1
            log.warning("switch %s: ignored an answer: %s", self.name, error)
            return
        queue = self._waiting.get(message.nonce)
        if message.answer and queue is not None:
            queue.put_nowait((message.nonce, message))

    def _send(self, operation: Operation, sequence: int, nonce: int, entries: _Entries = ()) -> None:
        message = Message(operation, self._key_id, self.epoch, sequence, self.boot_id, nonce, entries)
        if self.datagrams is not None:
            self.datagrams.sendto(encode(message, self._key))

    # ---------------------------------------------------------------- HELLO

    async def hello(self) -> bool:
        """Raises the switch's epoch to ours. True if the switch has another boot id than before.

        Afterwards `sequence` is the last that the switch took in this epoch: 0, unless somebody else writes
        with it. Raises StaleEpoch if the switch has a higher epoch.
        """
        answer = (await self._exchange(Operation.HELLO, [()]))[0]
        if answer.status is Status.EPOCH:
            raise StaleEpoch(answer.epoch)
        rebooted = answer.boot_id != self.boot_id
        self.boot_id = answer.boot_id
        self.sequence = answer.sequence
        return rebooted

    async def probe(self) -> None:
        """Asks whether all is as it was. Raises Rebooted or StaleEpoch if not."""
        boot_id, sequence = self.boot_id, self.sequence
        if await self.hello():
            log.warning("switch %s: boot id %#x, now %#x", self.name, boot_id, self.boot_id)
            raise Rebooted
        if self.sequence != sequence:
            raise StaleEpoch(self.epoch)

    # ---------------------------------------------------------------- READ

    async def read(self, cells: Sequence[Cell]) -> dict[Cell, int]:
        """The values of the cells. Raises Rebooted."""
        requests = [
            tuple((cell.register, cell.index, 0) for cell in cells[i : i + _BATCH])
            for i in range(0, len(cells), _BATCH)
        ]
        values: dict[Cell, int] = {}
        for request, answer in zip(requests, await self._exchange(Operation.READ, requests), strict=True):
            if answer.status is Status.BOOT:
                raise Rebooted
            for (register, index, _), (_, _, value) in zip(request, answer.entries, strict=True):
                values[Cell(register, index)] = value
        return values

    async def _exchange(self, operation: Operation, requests: Sequence[_Entries]) -> list[Message]:
        """Sends each request until it is answered, WINDOW at a time; the answers in the same order."""
        queue: asyncio.Queue[tuple[int, Message]] = asyncio.Queue()
        answers: dict[int, Message] = {}
        open_requests: dict[int, int] = {}
        todo = list(range(len(requests)))[::-1]
        timeout = FIRST_TIMEOUT
        try:
            while len(answers) < len(requests):
                while todo and len(open_requests) < WINDOW:
                    number, nonce = todo.pop(), secrets.randbits(64)
                    open_requests[nonce] = number
                    self._waiting[nonce] = queue
                    self._send(operation, 0, nonce, requests[number])
                try:
                    nonce, answer = await asyncio.wait_for(queue.get(), timeout)
                except TimeoutError:
                    for nonce, number in open_requests.items():
                        self._send(operation, 0, nonce, requests[number])
                    self.retransmissions += len(open_requests)
                    timeout = min(2 * timeout, MAX_TIMEOUT)
                    continue
                if nonce in open_requests:
                    answers[open_requests.pop(nonce)] = answer
                    del self._waiting[nonce]
                    timeout = FIRST_TIMEOUT
        finally:
            for nonce in open_requests:
                self._waiting.pop(nonce, None)
        return [answers[i] for i in range(len(requests))]

    # ---------------------------------------------------------------- WRITE

    async def write(self, writes: Iterable[Write]) -> None:
        """Returns when the switch has taken all of them, in this order.

        Raises Rebooted, or StaleEpoch when another controller took over. Cancelled, it stops sending; any
        number of the writes, from the first on, may then have been taken.
        """
        entries = [(w.cell.register, w.cell.index, w.value) for w in writes]
        batches = [tuple(entries[i : i + _BATCH]) for i in range(0, len(entries), _BATCH)]
        first = self.sequence + 1
        last = self.sequence + len(batches)
        queue: asyncio.Queue[tuple[int, Message]] = asyncio.Queue()
        nonces = [secrets.randbits(64) for _ in batches]
        self._waiting.update(dict.fromkeys(nonces, queue))
        following, timeout, repeated_from, sent = first, FIRST_TIMEOUT, -1, self.sequence
        try:
            while self.sequence < last:
                while following <= min(last, self.sequence + WINDOW):
                    i = following - first
                    self._send(Operation.WRITE, following, nonces[i], batches[i])
                    following += 1
                sent = max(sent, following - 1)
                try:
                    _, answer = await asyncio.wait_for(queue.get(), timeout)
                except TimeoutError:
                    self.retransmissions += following - self.sequence - 1
                    following = self.sequence + 1
                    timeout = min(2 * timeout, MAX_TIMEOUT)
                    continue
                self._check(answer, sent)
                if answer.status is Status.GAP and answer.sequence > repeated_from:
                    # The rest of the window will be answered so too: repeat once for each loss.
                    repeated_from = answer.sequence
                    self.retransmissions += following - answer.sequence - 1
                    following = answer.sequence + 1
                if answer.sequence > self.sequence:
                    self.sequence = min(answer.sequence, last)
                    timeout = FIRST_TIMEOUT
                following = max(following, self.sequence + 1)
        finally:
            for nonce in nonces:
                self._waiting.pop(nonce, None)

    def _check(self, answer: Message, sent: int) -> None:
        if answer.status is Status.BOOT:
            raise Rebooted
        if answer.status is Status.OK and answer.sequence > sent:
            # Somebody else writes with our epoch: what we write is taken for a repetition.
            raise StaleEpoch(self.epoch)
        if answer.status is Status.EPOCH:
            if answer.epoch > self.epoch:
                raise StaleEpoch(answer.epoch)
            raise Rebooted


_Entries: TypeAlias = tuple[tuple[int, int, int], ...]
