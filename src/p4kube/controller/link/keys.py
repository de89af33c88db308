"""The keys with which a controller signs its updates; the file is the switch's own (docs/switch.md)."""

from __future__ import annotations

from pathlib import Path

from p4kube.controller.link.errors import BadKeys
from p4kube.switch.errors import ConfigError
from p4kube.switch.keys import load


def load_update_keys(path: Path) -> dict[int, bytes]:
    """Keys of 16 bytes by id, at least one. Raises BadKeys."""
    try:
        keys = load(path, secret=False)
    except ConfigError as error:
        raise BadKeys(str(error)) from error
    return {number: bytes.fromhex(text) for number, text in keys.update_keys.items()}
