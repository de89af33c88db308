"""The deparser.

Fields are written where their headers lie in the packet, so as long as no header appeared, vanished or
changed its place (`rl` is 0) the packet is already what the deparser has to send. Otherwise the valid headers
are saved to scratch memory, the packet's head is moved by the difference in length, and they are written in
order.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from p4xdp.targets.xdp import rawbytes
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.plan import HeaderPlan


def emit_deparser(code: Code) -> None:
    """Nothing, or the rare path; `code.plan.relayout` says whether there can be any."""
    if not code.plan.relayout:
        return
    code.found.relayout = True
    headers = [code.plan.headers[header.name] for header in code.plan.emit_order]
    headers = [plan for plan in headers if code.known().valid.get(plan.header.name) is not False]
    with code.branch("if (rl)"):
        code.need_scratch()
        code.found.scratch = True
        code.line("u64 length = 0;")
        for plan in headers:
            with _if_valid(code, plan):
                code.line(f"length += {plan.size};")
                if plan.extracted:
                    for text in rawbytes.copy(f"(s + {plan.slot})", code.address(plan), plan.size):
                        code.line(text)
        code.line("const i64 delta = (i64)(distance(cur, data) - length);")
        code.line(f"if (delta && adjust_head(ctx, (int)delta)) {code.fault('FAULT_HEADROOM')}")
        code.line("data = (u8 *)(long)ctx->data; data_end = (u8 *)(long)ctx->data_end;")
        code.line("u8 *to = data;")
        for plan in headers:
            with _if_valid(code, plan):
                code.unless_within(f"to + {plan.size}", code.fault("FAULT_SHORT"))
                for text in rawbytes.copy("to", f"(s + {plan.slot})", plan.size):
                    code.line(text)
                code.line(f"to += {plan.size};")


def _if_valid(code: Code, plan: HeaderPlan) -> AbstractContextManager[None]:
    known = code.known().valid.get(plan.header.name)
    return code.braces("" if known else f"if ({code.test(plan.valid)})")
