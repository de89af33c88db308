"""Reads one section of an ELF file: the manifest of a compiled program."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec

from p4xdp.targets.xdp import manifest
from p4xdp.targets.xdp.manifest import Manifest


class ObjectError(Exception):
    """A file that is no program compiled by p4xdp; says why."""


def section(data: bytes, name: str) -> bytes | None:
    """The bytes of section `name` of a 64-bit little-endian ELF file (System V ABI, figure 4-8)."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ObjectError("not a 64-bit little-endian ELF file")
    table, entry_size, count, names_index = struct.unpack_from("<Q10xHHH", data, 0x28)
    headers = [struct.unpack_from("<IIQQQQ", data, table + entry_size * i) for i in range(count)]
    names = headers[names_index][4]
    for header in headers:
        start = names + header[0]
        if data[start : data.index(b"\0", start)].decode() == name:
            return data[header[4] : header[4] + header[5]]
    return None


def read_manifest(path: Path) -> Manifest:
    """The manifest of the object at `path`. Raises ObjectError."""
    try:
        found = section(path.read_bytes(), manifest.SECTION)
    except (OSError, struct.error, IndexError, ValueError) as error:
        raise ObjectError(f"{path}: {error}") from error
    if found is None:
        raise ObjectError(f"{path}: no section {manifest.SECTION}: not compiled by p4xdp")
    try:
        decoded = manifest.decode(found.rstrip(b"\0"))
    except msgspec.DecodeError as error:
        raise ObjectError(f"{path}: its manifest is of another version: {error}: compile it again") from error
    if decoded.format != manifest.FORMAT:
        raise ObjectError(
            f"{path}: manifest format {decoded.format}, not {manifest.FORMAT}: compile it again"
        )
    return decoded
