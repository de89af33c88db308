"""Configuration files for P4Kube's own parts: the switch's ports and keys, and the controller's switches."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import yaml

from p4kube.lab import layout
from p4kube.lab.layout import Layout
from p4kube.lab.state import PIN_FOLDER, Files

_SWITCH_NAME = "lab"


def switch(plan: Layout, files: Files) -> dict[str, Any]:
    """Contents of switch.yaml: every cable's port under its number in the P4 program."""
    return {
        "name": _SWITCH_NAME,
        "ports": [{"interface": link.port, "number": link.number} for link in plan.links],
        "mode": "native",
        "updateAddress": str(layout.UPDATE_ADDRESS),
        "updatePort": layout.UPDATE_PORT,
        "keysFile": str(files.switch_keys),
        "pinPath": str(PIN_FOLDER),
        "metrics": "127.0.0.1:9427",
    }


def controller(files: Files) -> dict[str, Any]:
    """Contents of controller.yaml."""
    return {
        "switches": [
            {
                "name": _SWITCH_NAME,
                "address": str(layout.UPDATE_ADDRESS),
                "port": layout.UPDATE_PORT,
                "keysFile": str(files.switch_keys),
            }
        ],
        "loadBalancerClass": "p4kube.dev/p4kube",
        "metrics": "127.0.0.1:9428",
    }


def keys() -> dict[str, Any]:
    """Fresh secrets: a 128-bit update key under id 1, and a 256-bit secret for the flow hash."""
    return {"updateKeys": {1: secrets.token_hex(16)}, "flowSecret": secrets.token_hex(32)}


def write_all(plan: Layout, files: Files) -> None:
    """Write the three files; the keys are readable by root alone."""
    _write(files.switch_keys, keys(), 0o600)
    _write(files.switch_config, switch(plan, files), 0o644)
    _write(files.controller_config, controller(files), 0o644)


def _write(path: Path, document: dict[str, Any], mode: int) -> None:
    path.touch(mode=mode)
    path.write_text(yaml.safe_dump(document, sort_keys=False, default_style=None))
