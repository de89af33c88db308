"""Where packets come from and go to: interfaces, or the memory that a test writes and reads.

In a switch, `state.ports` gives each interface's port number plus one (0: none, the packet passes to the
kernel untouched), and the device map `links` each port's interface. A test sets port and time in `state.hook`
and finds the egress port there.
"""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.targets.xdp import rawbytes
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.layout import INTERFACES, PORTS
from p4xdp.targets.xdp.manifest import FAULTS
from p4xdp.targets.xdp.plan import INGRESS_PORT, Plan

_FAULT_NAMES = ("FAULT_MAP", "FAULT_PORT", "FAULT_HEADROOM", "FAULT_CONTENTION", "FAULT_SHORT")
assert len(_FAULT_NAMES) == len(FAULTS)


def port_support(plan: Plan) -> list[str]:
    """Declarations in front of the program."""
    lines = [f"enum {{ {', '.join(_FAULT_NAMES)} }};"]
    if plan.options.mode == "test":
        lines.append("INLINE u64 now(void) { return *(volatile u64 *)&state.hook.time & 0xffffffffffffull; }")
    else:
        clock = "ktime_coarse" if plan.options.clock == "coarse" else "ktime_precise"
        lines.append(f"INLINE u64 now(void) {{ return ({clock}() / 1000) & 0xffffffffffffull; }}")
    if plan.options.mode == "switch":
        lines += [
            f"struct {{ UINT(type, DEVMAP); UINT(max_entries, {PORTS}); TYPE(key, u32); TYPE(value, u32); }} "
            f'links SEC(".maps");',
            "INLINE int dropped_packet(void) { return XDP_DROP; }",
        ]
    else:
        lines.append("INLINE int dropped_packet(void) { state.hook.egress = 511; return XDP_DROP; }")
    return lines


def emit_arrival(code: Code) -> None:
    """Sets the ingress port."""
    if code.plan.options.mode == "bench":
        _restore(code)
    if not code.plan.has(INGRESS_PORT):
        return
    variable = ir.Var(INGRESS_PORT, ir.Bits(9))
    name = code.name(variable)
    code.note(variable)
    if code.plan.options.mode == "switch":
        code.line("const u64 interface = ctx->ingress_ifindex;")
        code.line(f"if (interface >= {INTERFACES}) return XDP_PASS;")
        code.line(f"{name} = *(volatile u16 *)&state.ports[interface];")
        code.line(f"if (!{name}) return XDP_PASS;")
        code.line(f"{name}--;")
    else:
        code.line(f"{name} = *(volatile u32 *)&state.hook.ingress;")


def _restore(code: Code) -> None:
    """The packet of a benchmark as it was, whatever the last run left of it."""
    options = code.plan.options
    with code.braces("if (state.hook.restore)"):
        with code.braces(f"if (packet_length != {options.length})"):
            code.line(f"if (adjust_head(ctx, (int)(packet_length - {options.length}))) return XDP_ABORTED;")
            code.line("data = (u8 *)(long)ctx->data; data_end = (u8 *)(long)ctx->data_end; cur = data;")
            code.line(f"packet_length = {options.length};")
        last = max((patch.offset + len(patch.data) for patch in options.patches), default=0)
        code.line(f"if (data + {last} > data_end) return XDP_ABORTED;")
        for patch in options.patches:
            value = f"{int.from_bytes(patch.data, 'little'):#x}ull"
            code.line(rawbytes.put("data", patch.offset, len(patch.data), value))


def emit_departure(code: Code) -> None:
    """Sends the packet to `port`."""
    if code.plan.options.mode != "switch":
        code.line("state.hook.egress = port;")
        code.line("return port == 510 ? XDP_PASS : XDP_TX;")
        return
    code.line("if (port == 510) return XDP_PASS;")
    code.line("const long verdict = redirect_map(&links, port, 0);")
    code.line(f"if (verdict != XDP_REDIRECT) {code.fault('FAULT_PORT')}")
    code.line("return (int)verdict;")
