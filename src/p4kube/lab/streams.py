"""`kubectl exec` into a container: one process, its streams over a WebSocket.

The API server passes the WebSocket of its client through to a kubelet whose Node declares the feature
ExtendWebSocketsToKubelet. Protocol v5.channel.k8s.io: the first byte of a binary message is the channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_CHUNK = 32 * 1024

Send = Callable[[int, bytes], Awaitable[None]]


class Command(msgspec.Struct, frozen=True):
    """What to run (already inside the container's namespaces) and which streams are wanted."""

    argv: Sequence[str]
    environment: dict[str, str]
    stdin: bool
    tty: bool


class _Size(msgspec.Struct, rename="pascal"):
    width: int
    height: int


class Session(Protocol):
    """A started command: `receive` takes messages, `finish` streams output and gives the exit code."""

    def receive(self, channel: int, data: bytes) -> None: ...

    async def finish(self, send: Send) -> int: ...

    def kill(self) -> None: ...


def outcome(code: int) -> bytes:
    """The metav1.Status that ends a session, for the error channel."""
    if code == 0:
        return msgspec.json.encode({"metadata": {}, "status": "Success"})
    text = f"command terminated with non-zero exit code: {code}"
    details = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
    status = {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode"}
    return msgspec.json.encode({**status, "message": text, "details": details})


async def start(command: Command) -> Session:
    """Start a command. Raises OSError."""
    return await (_Terminal.start(command) if command.tty else _Pipes.start(command))


class _Pipes:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Command) -> _Pipes:
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=command.environment,
            start_new_session=True,
        )
        return cls(process)

    def receive(self, channel: int, data: bytes) -> None:
        writer = self._process.stdin
        if writer is None:
            return
        if channel == STDIN:
            writer.write(data)
        elif channel == CLOSE and data[:1] == bytes([STDIN]):
            writer.close()

    async def finish(self, send: Send) -> int:
        async def copy(reader: asyncio.StreamReader | None, channel: int) -> None:
            while reader is not None and (data := await reader.read(_CHUNK)):
                await send(channel, data)

        await asyncio.gather(copy(self._process.stdout, STDOUT), copy(self._process.stderr, STDERR))
        code = await self._process.wait()
        return 128 - code if code < 0 else code

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


class _Terminal:
    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process = process
        self._master = master

    @classmethod
    async def start(cls, command: Command) -> _Terminal:
        master, slave = pty.openpty()
        # setsid makes the terminal the controlling one, so that Ctrl-C reaches the program.
        try:
            process = await asyncio.create_subprocess_exec(
                *("setsid", "--ctty", "--wait", *command.argv),
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={"TERM": "xterm", **command.environment},
                start_new_session=True,
            )
        finally:
            os.close(slave)
        return cls(process, master)

    def receive(self, channel: int, data: bytes) -> None:
        if channel == STDIN:
            os.write(self._master, data)
        elif channel == RESIZE:
            with contextlib.suppress(msgspec.DecodeError):
                size = msgspec.json.decode(data, type=_Size)
                packed = struct.pack("HHHH", size.height, size.width, 0, 0)
                fcntl.ioctl(self._master, termios.TIOCSWINSZ, packed)

    async def finish(self, send: Send) -> int:
        loop = asyncio.get_running_loop()
        try:
            # Reading fails with EIO when the last holder of the other end is gone.
            with contextlib.suppress(OSError):
                while data := await loop.run_in_executor(None, os.read, self._master, _CHUNK):
                    await send(STDOUT, data)
            code = await self._process.wait()
        finally:
            os.close(self._master)
        return 128 - code if code < 0 else code

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
