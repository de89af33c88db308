"""Bit fields of raw header bytes: loads and stores in network order.

A header's bytes lie behind a C pointer, in the packet or in scratch memory; whoever calls has proved them to
be there. A load may read neighbouring bytes of the same header if that saves instructions; a store changes
no bit but its own.
"""

from __future__ import annotations

from p4xdp.targets.xdp.words import c_type, literal

_POWERS = (8, 4, 2, 1)


def load(pointer: str, offset: int, width: int, total: int) -> str:
    """C text of the `width` bits that start `offset` bits behind `pointer`; `total` bits are readable."""
    first, last = offset // 8, (offset + width - 1) // 8
    count = last - first + 1
    if count > 8:
        return _load_halves(pointer, offset, width, total)
    right = 8 * (last + 1) - (offset + width)
    size = next(power for power in reversed(_POWERS) if power >= count)
    if size != count and size * 8 <= total:
        start = min(first, total // 8 - size)
        right += 8 * (start + size - last - 1)
        return _window(pointer, start, size, right, width)
    if size == count:
        return _window(pointer, first, size, right, width)
    return _load_pieces(pointer, first, count, right, width)


def _window(pointer: str, start: int, size: int, right: int, width: int) -> str:
    text = _swapped(_at(pointer, start, size), size)
    if right:
        text = f"({text} >> {right})"
    return f"({text} & {literal(-1, width)})" if 8 * size - right > width else text


def _swapped(text: str, size: int) -> str:
    return f"((u64){text})" if size == 1 else f"((u64)__builtin_bswap{8 * size}({text}))"


def _load_halves(pointer: str, offset: int, width: int, total: int) -> str:
    low = 64 if width > 64 else 32
    to = c_type(width)
    high_text = load(pointer, offset, width - low, total)
    low_text = load(pointer, offset + width - low, low, total)
    return f"(({to}){high_text} << {low} | {low_text})"


def _load_pieces(pointer: str, first: int, count: int, right: int, width: int) -> str:
    """3, 5, 6 or 7 bytes of a header that has no more."""
    parts = []
    for start, size in _chunks(count):
        shift = 8 * (count - start - size)
        part = _swapped(_at(pointer, first + start, size), size)
        parts.append(f"({part} << {shift})" if shift else part)
    return f"(({' | '.join(parts)}) >> {right} & {literal(-1, width)})"


def _chunks(count: int, aligned_from: int | None = None) -> list[tuple[int, int]]:
    """Splits `count` bytes into powers of two: (start, size) from the front. `aligned_from` is the address of
    the first byte where an access has to be aligned (the BPF stack), None where it need not (the packet)."""
    chunks = []
    start = 0
    while start < count:
        fitting = (power for power in _POWERS if power <= count - start)
        size = next(p for p in fitting if aligned_from is None or (aligned_from + start) % p == 0)
        chunks.append((start, size))
        start += size
    return chunks


def store(pointer: str, offset: int, width: int, value: str, aligned_from: int | None = None) -> list[str]:
    """C statements that store `value` (a name, evaluated several times) of `width` bits there."""
    lines = []
    done = min(-offset % 8, width)
    if done:
        lines.append(_store_part(pointer, offset, done, value, width - done))
    whole = (width - done) // 8
    first = (offset + done) // 8
    for start, size in _chunks(whole, None if aligned_from is None else aligned_from + first):
        shift = width - done - 8 * (start + size)
        part = f"({value} >> {shift})" if shift else value
        cut = f"(u{8 * size})({part})"
        swapped = cut if size == 1 else f"__builtin_bswap{8 * size}({cut})"
        lines.append(put(pointer, first + start, size, swapped))
    done += 8 * whole
    if done < width:
        lines.append(_store_part(pointer, offset + done, width - done, value, 0))
    return lines


def _store_part(pointer: str, offset: int, width: int, value: str, shift: int) -> str:
    """Less than a byte: read, replace, write."""
    byte, left = offset // 8, 8 - offset % 8 - width
    mask = ((1 << width) - 1) << left
    part = f"(u64)({value} >> {shift})" if shift else f"(u64){value}"
    kept = f"{_at(pointer, byte, 1)} & {0xFF & ~mask:#x}ull"
    return put(pointer, byte, 1, f"(u8)({kept} | {part} << {left} & {mask:#x}ull)")


def copy(target: str, source: str, size: int) -> list[str]:
    """C statements that copy `size` bytes."""
    return [put(target, start, width, _at(source, start, width)) for start, width in _chunks(size)]


def zero(target: str, size: int) -> list[str]:
    return [put(target, start, width, "0") for start, width in _chunks(size)]


def put(pointer: str, offset: int, size: int, value: str) -> str:
    """C statement that stores `size` bytes as they are. No macro: messages would show its definition."""
    return f"{_at(pointer, offset, size)} = {value};"


def _at(pointer: str, offset: int, size: int) -> str:
    return f"(*(a{8 * size} *)({pointer} + {offset}))"
