"""Whether a Service is ours, was ours, or is none of our business.

The finalizer `service.kubernetes.io/load-balancer-cleanup` is shared by all load balancers (KEP-980), and
a Service that changes its type loses its class. So the finalizer is set together with an annotation that
names the class on whose behalf it was set; the two together mean "we have cleaning up to do".
"""

from __future__ import annotations

import enum
from typing import Any

from p4kube.kube.objects import Service

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
OWNER_ANNOTATION = "p4kube.dev/load-balancer-class"


class Standing(enum.Enum):
    """What we have to do with a Service."""

    OURS = "ours"
    LEAVING = "leaving"
    FOREIGN = "foreign"


def standing_of(service: Service, load_balancer_class: str) -> Standing:
    """LEAVING is a Service that is being deleted, or that has become somebody else's, and bears our mark."""
    spec, meta = service.spec, service.metadata
    asked = spec.type == "LoadBalancer" and spec.load_balancer_class == load_balancer_class
    if meta.deletion_timestamp:
        return Standing.LEAVING if asked or marked(service, load_balancer_class) else Standing.FOREIGN
    if asked:
        return Standing.OURS
    return Standing.LEAVING if marked(service, load_balancer_class) else Standing.FOREIGN


def finalized(service: Service) -> bool:
    """Whether deletion waits for a load balancer to clean up."""
    return FINALIZER in (service.metadata.finalizers or ())


def marked(service: Service, load_balancer_class: str) -> bool:
    """Whether a controller for this class has put its finalizer there."""
    return finalized(service) and service.metadata.annotation(OWNER_ANNOTATION) == load_balancer_class


def mark_change(service: Service, load_balancer_class: str) -> dict[str, Any] | None:
    """The merge patch that adds finalizer and annotation; None if both are there."""
    if marked(service, load_balancer_class):
        return None
    finalizers = [*(service.metadata.finalizers or ())]
    if FINALIZER not in finalizers:
        finalizers.append(FINALIZER)
    return _metadata_change(service, finalizers, load_balancer_class)


def unmark_change(service: Service) -> dict[str, Any] | None:
    """The merge patch that removes both; None if neither is there."""
    finalizers = [name for name in service.metadata.finalizers or () if name != FINALIZER]
    if not finalized(service) and service.metadata.annotation(OWNER_ANNOTATION) is None:
        return None
    return _metadata_change(service, finalizers, None)


def _metadata_change(service: Service, finalizers: list[str], owner: str | None) -> dict[str, Any]:
    # A merge patch replaces the list of finalizers, so it must not be applied to any other version.
    return {
        "metadata": {
            "resourceVersion": service.metadata.resource_version,
            "finalizers": finalizers,
            "annotations": {OWNER_ANNOTATION: owner},
        }
    }
