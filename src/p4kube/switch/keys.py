"""The keys file of a switch and its controllers: the keys of update messages, the secret of the flow hash."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from p4kube.switch.config import read_struct
from p4kube.switch.errors import ConfigError
from p4kube.wire.flow import FlowSecret

_KeyId = Annotated[int, msgspec.Meta(ge=0, le=255)]
_Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{32}$")]
_Secret = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]


class KeyWords(NamedTuple):
    """The arguments of the action `set_key`: a key's bytes 0-7 and 8-15 as little-endian numbers."""

    k0: int
    k1: int


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """As in the file: 128-bit keys by id, and 256 random bits (a controller needs none), in hexadecimal."""

    update_keys: Annotated[dict[_KeyId, _Key], msgspec.Meta(min_length=1)]
    flow_secret: _Secret = ""

    def __repr__(self) -> str:
        return f"Keys(update_keys={sorted(self.update_keys)}, …)"

    def secret(self) -> FlowSecret:
        return FlowSecret.from_bytes(bytes.fromhex(self.flow_secret))

    def words(self) -> dict[int, KeyWords]:
        return {id: key_words(bytes.fromhex(key)) for id, key in self.update_keys.items()}


def load(path: Path, *, secret: bool = True) -> Keys:
    """Raises ConfigError, also if anyone but the owner may read the file. A switch needs the `secret`."""
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror} (keysFile)") from None
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid():
        raise ConfigError(
            f"{path}: belongs to user {status.st_uid}, and this runs as {os.geteuid()}: chown it"
        )
    if mode != 0o600:
        raise ConfigError(f"{path}: has mode {mode:04o}, and holds secrets: chmod 600 {path}")
    keys = read_struct(path, Keys)
    if secret and not keys.flow_secret:
        raise ConfigError(
            f"{path}: flowSecret: missing; a switch needs 64 hex digits, the same as its peers'"
        )
    return keys


def key_words(key: bytes) -> KeyWords:
    return KeyWords(int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little"))
