"""For tests of anything that speaks to the Kubernetes API: time that stands still, and a server to speak to.

`FakeClock` passes time only when told. `FakeApi` holds objects and watch streams and can be told to
misbehave; `things` builds objects for it. Reach it through `MemoryTransport` (no sockets, deterministic)
or `serve` (real HTTP).
"""

from p4kube.kube.testing import things
from p4kube.kube.testing.api import FakeApi, Stream
from p4kube.kube.testing.clock import FakeClock, settle, until
from p4kube.kube.testing.memory import MemoryTransport
from p4kube.kube.testing.server import serve

__all__ = ["FakeApi", "FakeClock", "MemoryTransport", "Stream", "serve", "settle", "things", "until"]
