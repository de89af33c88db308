"""Why something that a user asked for is not done."""

from __future__ import annotations

from dataclasses import dataclass

ERROR_DOMAIN = "p4kube.dev"


@dataclass(frozen=True)
class Refusal:
    """`reason` is a CamelCase word for machines, `message` tells a person what is wrong and what to do."""

    reason: str
    message: str

    @property
    def port_error(self) -> str:
        """As `status.loadBalancer.ingress[].ports[].error` wants it: domain/CamelCase."""
        return f"{ERROR_DOMAIN}/{self.reason}"
