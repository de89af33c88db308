"""What the lab puts into a fresh cluster: P4Kube's resource definitions, its rights, and a pool of VIPs."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from p4kube.lab import layout

CONTROLLER_USER = "p4kube-controller"
_POOL = {
    "apiVersion": "p4kube.dev/v1alpha1",
    "kind": "VIPPool",
    "metadata": {"name": "lab"},
    "spec": {"addresses": [str(layout.VIP_POOL)]},
}


def documents() -> list[dict[str, Any]]:
    """Objects to apply, in order, from the controller's manifests as far as they exist."""
    found: list[dict[str, Any]] = []
    crd = _manifest("vippool-crd.yaml")
    rights = _manifest("rbac.yaml")
    for document in rights:
        namespace = document["metadata"].get("namespace")
        if namespace and namespace != "default":
            found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    found += crd + rights
    found += [binding_for_user(role) for role in rights if role["kind"] in ("ClusterRole", "Role")]
    return [*found, _POOL] if crd else found


def binding_for_user(role: dict[str, Any]) -> dict[str, Any]:
    """Gives a role of the manifests to the controller's certificate, which has no service account."""
    name, group = role["metadata"]["name"], "rbac.authorization.k8s.io"
    metadata = {"name": f"lab:{name}"}
    if "namespace" in role["metadata"]:
        metadata["namespace"] = role["metadata"]["namespace"]
    return {
        "apiVersion": f"{group}/v1",
        "kind": f"{role['kind']}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": role["kind"], "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": CONTROLLER_USER}],
    }


def _manifest(name: str) -> list[dict[str, Any]]:
    """The documents of one manifest, none if the file does not exist."""
    path: Traversable = resources.files("p4kube") / "controller" / "manifests" / name
    if not path.is_file():
        return []
    return [document for document in yaml.safe_load_all(path.read_text()) if document]
