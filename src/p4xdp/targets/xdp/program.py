"""A whole program as one C file."""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.source import NOWHERE
from p4xdp.targets.xdp import tables
from p4xdp.targets.xdp.atomic import exchanged_registers, lock_numbers
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.deparser import emit_deparser
from p4xdp.targets.xdp.layout import Layout, make_layout
from p4xdp.targets.xdp.manifest import FAULTS, SECTION, Manifest, encode
from p4xdp.targets.xdp.options import XdpOptions
from p4xdp.targets.xdp.parser import emit_parser
from p4xdp.targets.xdp.plan import (
    EGRESS_PORT,
    EGRESS_SPEC,
    EGRESS_TIME,
    TIME_VARIABLES,
    Findings,
    Plan,
    make_plan,
)
from p4xdp.targets.xdp.ports import emit_arrival, emit_departure, port_support
from p4xdp.targets.xdp.prelude import PRELUDE
from p4xdp.targets.xdp.statements import emit_body
from p4xdp.targets.xdp.words import c_type

_PASSES = 8


def to_c(program: ir.Program, options: XdpOptions) -> tuple[str, Manifest]:
    """C text of `program` and the manifest that it contains. Raises Unsupported."""
    exchanged, locks = exchanged_registers(program), lock_numbers(program)
    layout = make_layout(program, options, exchanged, len(set(locks.values())))
    found = Findings()
    for _ in range(_PASSES):
        plan = make_plan(program, options, found, locks, exchanged, layout.tables)
        code = _emit_function(plan)
        if code.found == found:
            return _assemble(code, layout), layout.manifest
        found = code.found
    raise AssertionError("header storage does not settle")


def _emit_function(plan: Plan) -> Code:
    code = Code(plan)
    program = plan.program
    emit_arrival(code)
    emit_parser(code)
    for part in (program.verify, program.ingress):
        emit_body(code, part)
    if code.facts is not None:
        spec = code.name(ir.Var(EGRESS_SPEC, ir.Bits(9)))
        code.line(f"if ({spec} == 511) goto dropped;")
        if plan.has(EGRESS_PORT):
            code.store(ir.Var(EGRESS_PORT, ir.Bits(9)), spec, NOWHERE)
        code.line(f"port = {spec};")
        stamp = ir.Var(EGRESS_TIME, ir.Bits(48))
        if plan.has(EGRESS_TIME):
            time = ir.Load(ir.Var(TIME_VARIABLES[0], ir.Bits(48)))
            code.prepare(time)
            code.store(stamp, code.expr(time), NOWHERE)
        if program.egress:
            code.line(f"{spec} = 0;")
            emit_body(code, program.egress)
            if code.facts is not None:
                code.line(f"if ({spec} == 511) goto dropped;")
    for part in (program.compute,):
        emit_body(code, part)
    if code.facts is not None:
        emit_deparser(code)
        emit_departure(code)
    return code


def _assemble(code: Code, layout: Layout) -> str:
    plan = code.plan
    manifest = layout.manifest
    parts = [PRELUDE]
    for form in layout.tables.values():
        parts += tables.declarations(form)
    for counter in manifest.counters:
        words = 2 if counter.kind == "packets_and_bytes" else 1
        parts.append(_array(counter.map, "PERCPU_ARRAY", f"u64 [{words}]", counter.size))
    for lock in sorted(set(plan.locks.values())):
        parts.append("struct lock { struct bpf_spin_lock lock; };" if lock == 0 else "")
        parts.append(_array(f"locks{lock}", "ARRAY", "struct lock", 1))
    parts.append(_array("faults", "PERCPU_ARRAY", "u64", len(FAULTS)))
    if plan.scratch_size:
        parts.append(_array("scratch", "PERCPU_ARRAY", f"struct {{ u8 bytes[{plan.scratch_size}]; }}", 1))
    parts += _state(layout)
    parts.append(_manifest_section(encode(manifest)))
    parts.append("static const u32 zero;")
    if plan.scratch_size:
        parts.append("INLINE u8 *scratch_memory(void) { return map_lookup(&scratch, &zero); }")
    parts += port_support(plan)
    parts += _function(code)
    parts.append('char _license[] SEC("license") = "GPL";')
    return "\n".join(parts) + "\n"


def _array(name: str, kind: str, value: str, size: int) -> str:
    base, _, count = value.partition(" [")
    value_member = f"{base} (*value)[{count}" if count else f"TYPE(value, {value})"
    return (
        f"struct {{ UINT(type, {kind}); UINT(max_entries, {size}); TYPE(key, u32); {value_member}; }} "
        f'{name} SEC(".maps");'
    )


def _state(layout: Layout) -> list[str]:
    lines = [
        "struct hook { u64 time; u32 ingress, egress, restore, spare; };",
        "struct state {",
        "  u64 reserved[8];",
    ]
    lines += [f"  {m.declaration} __attribute__((aligned(64)));" for m in layout.members]
    lines.append("} state;")
    lines += [
        f'_Static_assert(__builtin_offsetof(struct state, {m.name}) == {m.offset}, "layout");'
        for m in layout.members
    ]
    lines.append(f'_Static_assert(sizeof(struct state) == {layout.manifest.state_size}, "layout");')
    return lines


def _manifest_section(data: bytes) -> str:
    text = data.decode().replace("\\", "\\\\").replace('"', '\\"')
    pieces = [f'  "{piece}"' for piece in _split(text, 100)]
    return "\n".join([f'const char manifest[] SEC("{SECTION}") =', *pieces]) + ";"


def _split(text: str, length: int) -> list[str]:
    """Pieces of about `length` characters, none of which ends in the middle of an escape."""
    pieces = []
    while text:
        end = length
        while text[end - 1 : end] == "\\":
            end += 1
        pieces.append(text[:end])
        text = text[end:]
    return pieces


def _function(code: Code) -> list[str]:
    plan = code.plan
    lines = ['SEC("xdp") int p4_program(struct xdp_md *ctx) {']
    lines.append(
        "  u8 *data = (u8 *)(long)ctx->data, *data_end = (u8 *)(long)ctx->data_end, *cur = data, *s = 0;"
    )
    lines.append("  u64 packet_length = distance(data_end, data), rl = 0, fault = 0, port = 511;")
    lines += [f"  u64 m{word} = 0;" for word in range(plan.mask_words)]
    lines += [f"  u8 *{h.pointer} = data;" for h in plan.headers.values() if h.extracted and h.fixed is None]
    lines += [f"  {c_type(type_.width)} {name} = 0;" for name, type_ in code.variables.values()]
    lines += code.lines
    lines += [
        "dropped:",
        "  return dropped_packet();",
        "aborted:;",
        "  const u32 reason = (u32)fault;",
        "  u64 *count = map_lookup(&faults, &reason);",
        "  if (count) ++*count;",
        "  return XDP_ABORTED;",
        "}",
    ]
    return lines
