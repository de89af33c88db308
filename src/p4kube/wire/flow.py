"""Which slot a flow falls into: the data plane's keyed permutation, for those who hold the secret.

Source: `permute` in p4/control/connections.p4.
"""

from __future__ import annotations

from ipaddress import IPv4Address

import msgspec

_WORD = (1 << 60) - 1


class FlowSecret(msgspec.Struct, frozen=True):
    """Four 60-bit words: the action data of the table `flow_secret`."""

    addend0: int
    multiplier0: int
    addend1: int
    multiplier1: int

    @classmethod
    def from_bytes(cls, secret: bytes) -> FlowSecret:
        """From the 32 bytes of a keys file: four big-endian words, the low 60 bits of each."""
        if len(secret) != 32:
            raise ValueError(f"a flow secret has 32 bytes, not {len(secret)}")
        words = [int.from_bytes(secret[i : i + 8], "big") & _WORD for i in range(0, 32, 8)]
        return cls(*words)


def permute(key: int, secret: FlowSecret) -> int:
    """A bijection of 60-bit numbers."""
    x = (key ^ secret.addend0) * (secret.multiplier0 | 1) & _WORD
    x = ((x ^ x >> 32) + secret.addend1) * (secret.multiplier1 | 1) & _WORD
    return x ^ x >> 29


def flow_key(client: IPv4Address, client_port: int, service_id: int) -> int:
    return int(client) << 28 | client_port << 12 | service_id


def slot_index(client: IPv4Address, client_port: int, service_id: int, log2: int, secret: FlowSecret) -> int:
    """The slot within the service port's region of 2^log2."""
    return permute(flow_key(client, client_port, service_id), secret) >> 40 & (1 << log2) - 1
