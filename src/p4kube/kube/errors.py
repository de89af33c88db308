"""What can go wrong between us and the API server."""

from __future__ import annotations

import msgspec


class KubeError(Exception):
    """Base of every error of this package."""


class ConfigError(KubeError):
    """The kubeconfig or the in-cluster credentials cannot be used; the message names file and field."""


class Unreachable(KubeError):
    """No usable answer: refused, reset, timed out, or cut off in the middle. Trying again may help."""


class Malformed(KubeError):
    """An answer came that is not what the API promises. Trying the same again will not help."""


class ApiError(KubeError):
    """The API server answered with a failure (`metav1.Status`)."""

    def __init__(self, code: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{code} {reason}: {message}" if reason else f"{code}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def not_found(self) -> bool:
        return self.code == 404

    @property
    def conflict(self) -> bool:
        """A resourceVersion precondition failed, or the object exists already."""
        return self.code == 409

    @property
    def gone(self) -> bool:
        """The resourceVersion or continue token is too old: list again."""
        return self.code == 410


class Status(msgspec.Struct, rename="camel"):
    """The fields used of `metav1.Status`."""

    code: int = 0
    reason: str = ""
    message: str = ""


def api_error(code: int, body: bytes, retry_after: float = 0.0) -> ApiError:
    """An `ApiError` from an HTTP status and its body, which need not be a `metav1.Status`."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except msgspec.MsgspecError:
        text = body[:300].decode("utf-8", "replace").strip()
        return ApiError(code, "", text or "no further explanation", retry_after)
    return ApiError(status.code or code, status.reason, status.message, retry_after)
