"""The lab's own access to its API server, from the host and as cluster admin: waiting, applying, looking."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from p4kube.lab.errors import LabError

_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "VIPPool": "/apis/p4kube.dev/v1alpha1/vippools",
}


class AdminApi:
    """Blocking requests through the relay. All raise `LabError` when the answer is not a success."""

    def __init__(self, port: int, certificates: Path) -> None:
        self._server = f"https://127.0.0.1:{port}"
        self._context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        self._context.load_cert_chain(certificates / "admin.crt", certificates / "admin.key")

    def get(self, path: str) -> Any:
        """The decoded JSON at a path of the API."""
        return json.loads(self.text("GET", path))

    def text(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> str:
        """The raw answer to a request."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        request = urllib.request.Request(self._server + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._context) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise LabError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error
        except (OSError, http.client.HTTPException) as error:
            raise LabError(f"{method} {path}: the API server does not answer: {error}") from error

    def ready(self) -> bool:
        try:
            return self.text("GET", "/readyz") == "ok"
        except LabError:
            return False

    def apply(self, document: dict[str, Any]) -> None:
        """Server-side apply of one object of a kind that the lab knows."""
        kind, metadata = document["kind"], document["metadata"]
        if kind not in _PATHS:
            raise LabError(
                f"the lab cannot apply a {kind} ({metadata['name']}); it knows {', '.join(_PATHS)}"
            )
        folder = _PATHS[kind].format(namespace=metadata.get("namespace", "default"))
        path = f"{folder}/{metadata['name']}?fieldManager=p4kube-lab&force=true"
        self.text("PATCH", path, document, "application/apply-patch+yaml")
