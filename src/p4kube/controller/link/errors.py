"""What can end the work with one switch."""

from __future__ import annotations


class Rebooted(Exception):
    """The switch has another boot id than the messages name: its state is gone."""


class BadKeys(Exception):
    """The keys file cannot be used; says which file and why."""
