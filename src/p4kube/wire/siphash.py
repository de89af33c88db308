"""The MAC of update messages: SipHash-2-4 through the C extension `siphash24`."""

from __future__ import annotations

import hmac

import siphash24

MAC_BYTES = 8
KEY_BYTES = 16


def mac(key: bytes, message: bytes) -> bytes:
    """SipHash-2-4 of `message` as 8 bytes, least significant first. `key` has 16 bytes."""
    result: bytes = siphash24.siphash24(message, key=key).digest()
    return result


def verify(key: bytes, message: bytes, tag: bytes) -> bool:
    return hmac.compare_digest(mac(key, message), tag)
