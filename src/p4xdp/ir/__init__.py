"""The compiler's intermediate representation: see `p4xdp.ir.nodes`."""
