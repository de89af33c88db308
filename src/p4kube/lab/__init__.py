"""The lab: a real Kubernetes cluster in network namespaces, with P4Kube's switch in the middle."""

from p4kube.lab.errors import LabError
from p4kube.lab.lab import Lab
from p4kube.lab.state import LabConfig

__all__ = ["Lab", "LabConfig", "LabError"]
