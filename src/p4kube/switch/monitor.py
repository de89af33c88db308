"""Notices that something in the kernel's forwarding changed. What it is now is read anew, not taken from the
event: some changes (routes that go with a link or an address) are never announced, and events can be lost."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable

from p4kube.switch.kernel import Part

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
# RTNLGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _NEXTHOP (linux/rtnetlink.h)
_GROUPS = (1, 3, 5, 7, 32)
_BUFFER_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_READS_AT_ONCE = 64
_HEADER = struct.Struct("=IHHII")
_WITH_LINKS = Part.LINKS | Part.ROUTES | Part.NEIGHBOURS
_PARTS = {
    **dict.fromkeys((16, 17), _WITH_LINKS),  # RTM_NEWLINK, RTM_DELLINK
    **dict.fromkeys((20, 21), Part.ROUTES),  # addresses
    **dict.fromkeys((24, 25), Part.ROUTES),
    **dict.fromkeys((104, 105), Part.ROUTES),  # next hop objects
    **dict.fromkeys((28, 29), Part.NEIGHBOURS),
}


class Monitor:
    """Calls `changed` from the running event loop with what may have changed.

    If events were lost (the socket's buffer overflowed) it calls `lost`, then everything may have.
    """

    def __init__(self, changed: Callable[[Part], None], lost: Callable[[], None]) -> None:
        self._changed, self._lost = changed, lost
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.bind((0, 0))
        for group in _GROUPS:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        parts = Part.NONE
        for _ in range(_READS_AT_ONCE):
            try:
                data = self._socket.recv(_READ_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._lost()
                parts = Part.ALL
                continue
            parts |= parts_of(data)
        if parts:
            self._changed(parts)


def parts_of(data: bytes) -> Part:
    """What the messages of one datagram say may have changed."""
    parts = Part.NONE
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind = _HEADER.unpack_from(data, offset)[:2]
        if length < _HEADER.size:
            return Part.ALL
        parts |= _PARTS.get(kind, Part.NONE)
        offset += length + 3 & ~3
    return parts
