"""What the agent reports to the person who runs it."""

from __future__ import annotations


class SwitchError(Exception):
    """Something the user can act on: what failed, where, and what to do next."""


class ConfigError(SwitchError):
    """A file of the user's is not as it must be; the text names the file and the field."""
