"""What the lab reports to the person who runs it."""

from __future__ import annotations


class LabError(Exception):
    """Something the user can act on: what failed, where, and what to do next."""
