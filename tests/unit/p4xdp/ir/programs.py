"""P4 text around a few lines under test."""

from __future__ import annotations

from pathlib import Path

from p4xdp.frontend import load
from p4xdp.ir import nodes as ir
from p4xdp.ir.lower import lower

FRAME = """#include <core.p4>
#include <v1model.p4>
{top}
header h_t {{ bit<8> a; bit<8> b; bit<16> c; }}
struct headers_t {{ h_t h; h_t[2] stack; }}
struct metadata_t {{ bit<16> x; bit<16> y; }}
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {{
    state start {{ packet.extract(hdr.h); {parser} }}
}}
control V(inout headers_t hdr, inout metadata_t meta) {{ apply {{ }} }}
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {{
    {locals}
    apply {{ {body} }}
}}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {{ apply {{ }} }}
control C(inout headers_t hdr, inout metadata_t meta) {{ apply {{ }} }}
control D(packet_out packet, in headers_t hdr) {{ apply {{ packet.emit(hdr); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


BODY_LINE = 13


def lowered(
    folder: Path, body: str = "", *, locals: str = "", top: str = "", parser: str = "transition accept;"
) -> ir.Program:
    """The IR, not optimised, of a program with these parts."""
    path = folder / "test.p4"
    path.write_text(FRAME.format(body=body, locals=locals, top=top, parser=parser))
    return lower(load(path))
