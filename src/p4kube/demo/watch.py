"""Prints each change of a Service's EndpointSlices with the time at which it came, until it is ended.

A program of its own, to be started beside the API server, so that nothing else delays it:
`python -m p4kube.demo.watch SERVER CERTIFICATES NAMESPACE SERVICE`; CERTIFICATES is the lab's folder.
Prints one `EndpointChange` as JSON a line, the first of them once the watch stands.
"""

from __future__ import annotations

import http.client
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from p4kube.demo.programming import EndpointChange


def main() -> None:
    server, certificates, namespace, service = sys.argv[1:]
    for change in follow(server, Path(certificates), namespace, service):
        print(msgspec.json.encode(change).decode(), flush=True)


def follow(server: str, certificates: Path, namespace: str, service: str) -> Iterator[EndpointChange]:
    """Every slice there is, then every change, each stamped when its line has arrived."""
    context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    context.load_cert_chain(certificates / "admin.crt", certificates / "admin.key")
    connection = http.client.HTTPSConnection(server, context=context, timeout=600)
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    selector = f"labelSelector=kubernetes.io%2Fservice-name%3D{service}"
    connection.request("GET", f"{path}?{selector}&watch=1&timeoutSeconds=600")
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"watch {path}: {answer.status} {answer.read().decode()[:300]}")
    while line := answer.readline():
        at = time.time()
        yield change_of(msgspec.json.decode(line)["object"], at)


def change_of(item: dict[str, Any], at: float) -> EndpointChange:
    """A watch event's EndpointSlice; `ready` and `serving` may be null, which means true for `ready`."""
    conditions = [each.get("conditions", {}) for each in item.get("endpoints") or ()]
    return EndpointChange(
        at,
        item["metadata"]["name"],
        item["metadata"]["resourceVersion"],
        sum(each.get("ready") is not False for each in conditions),
        sum(each.get("serving", each.get("ready")) is not False for each in conditions),
        sum(each.get("terminating") is True for each in conditions),
    )


if __name__ == "__main__":
    main()
