"""Name resolution and type checking of P4_16: `check(program)` gives a `TypedProgram`.

`types.model` has the types, `types.program` the result's tables and their guarantees.
"""

from p4xdp.types.program import Bound, Constant, EnumValue, ErrorValue, ResolvedCall, TypedProgram

__all__ = ["Bound", "Constant", "EnumValue", "ErrorValue", "ResolvedCall", "TypedProgram"]
