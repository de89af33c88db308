"""The lab: a real Kubernetes cluster in network namespaces, with P4Kube's switch in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p4kube.lab.errors import LabError
from p4kube.lab.state import LabConfig

if TYPE_CHECKING:
    from p4kube.lab.lab import Lab

__all__ = ["Lab", "LabConfig", "LabError"]


def __getattr__(name: str) -> Any:
    """`Lab`, on first use: the lab's own processes import this package and need none of what it needs."""
    if name == "Lab":
        from p4kube.lab.lab import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
