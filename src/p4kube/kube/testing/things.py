"""Kubernetes objects as the API would send them, for `FakeApi.put`."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
CLASS = "p4kube.dev/p4kube"


def service(name: str, *ports: str | Json, namespace: str = "default", **fields: Any) -> Json:
    """A LoadBalancer Service of the default class.

    Ports are given as "80:30080/TCP" (port:nodePort/protocol) or as JSON; `fields` replace those of spec,
    except `annotations`, `finalizers` and `status`, which go where they belong.
    """
    meta: Json = {"name": name, "namespace": namespace}
    for part in ("annotations", "finalizers"):
        if part in fields:
            meta[part] = fields.pop(part)
    status = fields.pop("status", {})
    spec: Json = {
        "type": "LoadBalancer",
        "loadBalancerClass": CLASS,
        "externalTrafficPolicy": "Local",
        "ipFamilies": ["IPv4"],
        "ports": [port if isinstance(port, dict) else _port(port) for port in ports or ("80:30080/TCP",)],
        **fields,
    }
    return {"metadata": meta, "spec": spec, "status": status}


def _port(text: str) -> Json:
    numbers, _, protocol = text.partition("/")
    port, _, node_port = numbers.partition(":")
    named: Json = {"port": int(port), "protocol": protocol or "TCP"}
    if node_port:
        named["nodePort"] = int(node_port)
    return named


def endpoint(address: str, node: str, **conditions: bool) -> Json:
    """Ready unless said otherwise: conditions `ready`, `serving`, `terminating`."""
    return {"addresses": [address], "nodeName": node, "conditions": conditions}


def endpoint_slice(
    name: str, of: str, *endpoints: Json, namespace: str = "default", ports: list[Json] | None = None
) -> Json:
    """A slice of Service `of` with one nameless TCP port unless told otherwise."""
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": of}},
        "addressType": "IPv4",
        "endpoints": list(endpoints) or None,
        "ports": ports if ports is not None else [{"name": "", "protocol": "TCP", "port": 8080}],
    }


def node(name: str, address: str, ready: bool = True, **labels: str) -> Json:
    """A Node with an InternalIP. Pass labels with odd names by `**{...}`."""
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def pool(name: str, *addresses: str, auto: bool = True) -> Json:
    return {"metadata": {"name": name}, "spec": {"addresses": list(addresses), "autoAssign": auto}}
