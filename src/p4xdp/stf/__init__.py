"""STF, p4c's simple test framework: packets in, packets out, and table entries, one command a line.

    packet 0 0a000001 ffff          sends; port `cpu` is the local stack
    expect 1 0a00**01 ffff $        `*` is any nibble, `$` the packet's end; no data: any packet
    add routes hdr.ipv4.dst:0x0a000000/8 via(port:1)
    add acl 10 hdr.tcp.port:0x00** deny()        priority 10, smaller wins
    setdefault routes drop()
    remove all
    register_write conns 3 0x2a
    check_counter drops(1) packets == 2

Lines that begin with `#@` are commands that p4c takes for comments:

    #@ time 8000000                  the clock, in microseconds
    #@ expect_register conns 3 0x2a  the value of a cell now
    #@ remove routes hdr.ipv4.dst:0x0a000000/8
"""

from p4xdp.stf.runner import Failure, run
from p4xdp.stf.syntax import Command, StfError, parse

__all__ = ["Command", "Failure", "StfError", "parse", "run"]
