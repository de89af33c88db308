"""A bit range of a cell, as the P4 source writes it: high:low, both included."""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    high: int
    low: int

    @property
    def width(self) -> int:
        return self.high - self.low + 1

    def get(self, cell: int) -> int:
        return cell >> self.low & (1 << self.width) - 1

    def put(self, value: int) -> int:
        """`value` in its place, to be combined with others by `|`. Raises ValueError if it does not fit."""
        if not 0 <= value < 1 << self.width:
            raise ValueError(f"{value} does not fit into bits {self.high}:{self.low}")
        return value << self.low
