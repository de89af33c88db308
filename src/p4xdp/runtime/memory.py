"""The state memory of a program, mapped: registers, port numbers, and the tables with narrow keys.

Accesses of 1, 2, 4 and 8 bytes at aligned offsets are single loads and stores, so the program and this side
see each other's values whole.
"""

from __future__ import annotations

import ctypes
import mmap
import os

_CELLS = {1: ctypes.c_uint8, 2: ctypes.c_uint16, 4: ctypes.c_uint32, 8: ctypes.c_uint64}


class StateMemory:
    """`size` bytes of the map behind `fd` (which may be closed afterwards)."""

    def __init__(self, fd: int, size: int) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        self._map = mmap.mmap(fd, -(-size // page) * page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)

    def read(self, offset: int, size: int) -> int:
        if size == 16:
            return self.read(offset, 8) | self.read(offset + 8, 8) << 64
        return _CELLS[size].from_buffer(self._map, offset).value

    def write(self, offset: int, size: int, value: int) -> None:
        if size == 16:
            self.write(offset, 8, value & (1 << 64) - 1)
            self.write(offset + 8, 8, value >> 64)
        else:
            _CELLS[size].from_buffer(self._map, offset).value = value

    def fill(self, offset: int, cell: bytes, count: int) -> None:
        """`count` cells from `offset` become `cell`."""
        self._map[offset : offset + count * len(cell)] = cell * count

    def put(self, offset: int, data: bytes) -> None:
        self._map[offset : offset + len(data)] = data

    def get(self, offset: int, size: int) -> bytes:
        return self._map[offset : offset + size]

    def close(self) -> None:
        self._map.close()
