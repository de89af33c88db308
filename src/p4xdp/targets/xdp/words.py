"""C integers that hold bit strings.

A value of `bit<W>` or `int<W>` is held in a u64, or in a u128 if W > 64, zero-extended: the two's complement
pattern of a signed value, too. All other modules keep to that form. There are no 32-bit variables, since
clang would spill them to half stack slots, of which the kernel's verifier forgets what they hold.
"""

from __future__ import annotations

import re

from p4xdp.source import Span, Unsupported

WIDEST = 128


def storage_bits(width: int) -> int:
    """Bits of the C type that holds `width` bits."""
    return 64 if width <= 64 else 128


def c_type(width: int) -> str:
    return f"u{storage_bits(width)}"


def signed_c_type(width: int) -> str:
    return f"i{storage_bits(width)}"


def literal(value: int, width: int) -> str:
    """`value` reduced to `width` bits as a C constant of its type."""
    value &= (1 << width) - 1
    if storage_bits(width) == 64:
        return f"{value:#x}ull" if value > 9 else f"{value}ull"
    high, low = value >> 64, value & (1 << 64) - 1
    if high == 0:
        return f"((u128){low:#x}ull)"
    return f"((u128){high:#x}ull << 64 | {low:#x}ull)"


def masked(text: str, width: int) -> str:
    """`text`, of the type for `width`, reduced to `width` bits."""
    if width == storage_bits(width):
        return text
    return f"({text} & {literal(-1, width)})"


def sign_extended(text: str, width: int) -> str:
    """`text` as a C signed integer of the same size."""
    shift = storage_bits(width) - width
    signed = signed_c_type(width)
    if shift == 0:
        return f"({signed})({text})"
    return f"((({signed})({text} << {shift})) >> {shift})"


def check_width(width: int, span: Span, what: str) -> None:
    if width > WIDEST:
        raise Unsupported(
            span, f"the XDP target computes with at most {WIDEST} bits, this {what} has {width}: split it"
        )


def c_name(prefix: str, index: int, name: str) -> str:
    """A unique C identifier in which a reader recognises `name`."""
    return f"{prefix}{index}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}"
