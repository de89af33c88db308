"""The way from the controller to the switches: the update protocol's client."""

from p4kube.controller.link.errors import BadKeys, Rebooted
from p4kube.controller.link.switches import Switches, open_dataplane

__all__ = ["BadKeys", "Rebooted", "Switches", "open_dataplane"]
