"""Lowering: from the checked syntax tree to the IR. See `p4xdp.ir.nodes` for what comes out.

Controls, parsers, functions and direct action calls are inlined as they are met; constants fold as
expressions are built; each module here lowers one kind of construct and registers itself in `context`.
"""

from p4xdp.ir.lower.program import lower

__all__ = ["lower"]
