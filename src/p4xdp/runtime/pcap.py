"""Reads classic pcap files (libpcap's savefile format, not pcapng)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_MAGIC = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}
_ETHERNET = 1


class PcapError(Exception):
    """A file that is no capture of Ethernet frames; says why."""


def read(path: Path) -> Iterator[bytes]:
    """The frames of the capture, in order, as captured. Raises PcapError, OSError."""
    data = path.read_bytes()
    order = _MAGIC.get(data[:4])
    if order is None or len(data) < 24:
        raise PcapError(f"{path}: no pcap file (pcapng files: `tcpdump -r FILE -w OUT.pcap` converts them)")
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0x0FFFFFFF
    if link != _ETHERNET:
        raise PcapError(f"{path}: link type {link}, not Ethernet (1)")
    place = 24
    while place < len(data):
        if place + 16 > len(data):
            raise PcapError(f"{path}: cut off within a record's head")
        length = struct.unpack_from(f"{order}I", data, place + 8)[0]
        place += 16
        if place + length > len(data):
            raise PcapError(f"{path}: cut off within a frame")
        yield data[place : place + length]
        place += length
