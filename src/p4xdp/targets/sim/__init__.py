"""The simulator: executes the IR as v1model's reference, in Python."""

from p4xdp.targets.sim.device import SimDevice

__all__ = ["SimDevice"]
