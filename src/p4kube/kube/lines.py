"""A watch is one JSON document a line; this finds the lines in whatever chunks the network delivers."""

from __future__ import annotations

from p4kube.kube.errors import Malformed


class LineSplitter:
    """Splits a byte stream at newlines, keeping an unfinished line for the next chunk.

    An object in etcd is at most 1.5 MiB by default, so a line longer than `limit` bytes is not a watch
    event but a broken peer: `Malformed` is raised instead of filling the memory.
    """

    def __init__(self, limit: int = 16 * 2**20) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their newlines; empty lines are dropped."""
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = b"".join((*self._parts, whole[0]))
            self._parts.clear()
            self._held = 0
        if rest:
            self._parts.append(rest)
            self._held += len(rest)
        if self._held > self._limit:
            raise Malformed(f"the API server sent a line of more than {self._limit} bytes")
        return [line for line in whole if line.strip()]

    @property
    def unfinished(self) -> int:
        """Bytes held of a line whose end has not come."""
        return self._held
