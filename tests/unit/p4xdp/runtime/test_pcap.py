"""The pcap reader: both byte orders, and files that are something else."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from p4xdp.runtime.pcap import PcapError, read

FRAMES = [b"a" * 60, b"b" * 14]


def capture(order: str, link: int = 1) -> bytes:
    data = struct.pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for frame in FRAMES:
        data += struct.pack(f"{order}IIII", 1, 2, len(frame), 1500) + frame
    return data


@pytest.mark.parametrize("order", ["<", ">"])
def test_reads_frames(order: str, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(capture(order))
    assert list(read(tmp_path / "x.pcap")) == FRAMES


@pytest.mark.parametrize(
    "data, complaint",
    [
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "no pcap file"),
        (capture("<", 113), "link type 113"),
        (capture("<")[:-1], "within a frame"),
        (capture("<")[:30], "within a record's head"),
    ],
)
def test_complains(data: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(data)
    with pytest.raises(PcapError, match=complaint):
        list(read(tmp_path / "x.pcap"))
