"""The keys file that a switch and its controllers share: YAML, mode 0600.

updateKeys: {1: <32 hex digits>, 2: …}   # 128-bit MAC keys by id (0 to 255)
flowSecret: <64 hex digits>              # the switch's own; a controller does not read it
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import yaml

from p4kube.controller.link.errors import BadKeys
from p4kube.wire.siphash import KEY_BYTES


def load_update_keys(path: Path) -> dict[int, bytes]:
    """Keys by id, at least one. Raises BadKeys."""
    try:
        mode = path.stat().st_mode
        document: Any = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise BadKeys(f"{path}: cannot be read: {error}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise BadKeys(f"{path}: others may read it; set its mode to 0600")
    keys = document.get("updateKeys") if isinstance(document, dict) else None
    if not isinstance(keys, dict) or not keys:
        raise BadKeys(f"{path}: updateKeys: must map key ids to {2 * KEY_BYTES} hex digits")
    return {_key_id(path, number): _key(path, number, text) for number, text in keys.items()}


def _key_id(path: Path, number: object) -> int:
    if isinstance(number, int) and 0 <= number <= 255:
        return number
    raise BadKeys(f"{path}: updateKeys: {number!r} is not a key id (0 to 255)")


def _key(path: Path, number: object, text: object) -> bytes:
    # YAML reads digits without letters as a number; quoting them is the way to write such a key.
    try:
        key = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadKeys(f"{path}: updateKeys[{number}]: must be a string of {2 * KEY_BYTES} hex digits")
    return key
