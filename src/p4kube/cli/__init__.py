"""The command line: `p4kube`."""

from __future__ import annotations

import importlib
from importlib.metadata import version

import click

# Name, module and attribute of each command; a command's module is imported only when it is used.
_COMMANDS = {
    "bench": ("p4kube.cli.bench", "bench"),
    "controller": ("p4kube.cli.controller", "controller"),
    "demo": ("p4kube.cli.demo", "demo"),
    "lab": ("p4kube.cli.lab", "lab"),
    "switch": ("p4kube.cli.switch", "switch"),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("p4kube"), prog_name="p4kube")
def main() -> None:
    """An in-network load balancer for Kubernetes: a P4 data plane in XDP, kept current by in-band updates."""


if __name__ == "__main__":
    main()
