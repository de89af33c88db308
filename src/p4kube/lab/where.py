"""Places of the lab by the names that people use: client, switch, cp, node1 or a pod's namespace/name."""

from __future__ import annotations

from p4kube.lab import layout, netns
from p4kube.lab.errors import LabError
from p4kube.lab.podworker import read_record
from p4kube.lab.state import Files


def namespace_of(where: str, files: Files) -> str:
    """Network namespace of a place. Raises `LabError` that lists what there is."""
    fixed = layout.node_name_to_namespace(where)
    if fixed is None and "/" in where:
        fixed = _pod(where, files)
    if fixed is None or not netns.exists(fixed):
        places = "client, switch, cp, node1 .. or a pod as namespace/name"
        raise LabError(f"there is no '{where}' in the lab (is it up?); places are {places}")
    return fixed


def _pod(where: str, files: Files) -> str | None:
    namespace, _, name = where.partition("/")
    for folder in files.pods.glob(f"{namespace}_{name}_*"):
        record = read_record(folder)
        if record is not None:
            return record.namespace
    return None
