// Arithmetic that wraps, saturates, shifts, slices and casts; signed numbers; functions.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header numbers_t {
    bit<8>  operation;
    bit<32> a;
    bit<32> b;
    bit<32> r;
}

struct headers_t {
    ethernet_t ethernet;
    numbers_t n;
}

struct metadata_t {
}

enum bit<8> Operation {
    ADD = 0, SUB = 1, MUL = 2, SATURATE = 3, SHIFT = 4, SIGNED = 5, SLICES = 6, CONCAT = 7, LOGIC = 8,
    FUNCTIONS = 9, WIDE = 10, DIVIDE = 11
}

bit<32> greatest(in bit<32> x, in bit<32> y) {
    if (x > y) {
        return x;
    }
    return y;
}

bit<32> rotate(in bit<32> x) {
    return x[23:0] ++ x[31:24];
}

void exchange(inout bit<32> x, inout bit<32> y) {
    bit<32> t = x;
    x = y;
    y = t;
}

bit<32> change_and_tell(inout bit<32> x) {
    x = x + 1;
    return x;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.n);
        transition accept;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply {
        bit<32> a = hdr.n.a;
        bit<32> b = hdr.n.b;
        bit<32> r = 0;
        switch (hdr.n.operation) {
            Operation.ADD: { r = a + b; }
            Operation.SUB: { r = a - b; }
            Operation.MUL: { r = a * b; }
            Operation.SATURATE: { r = (a[15:0] |+| b[15:0]) ++ (a[15:0] |-| b[15:0]); }
            Operation.SHIFT: {
                r[31:16] = (bit<16>)(a << b[7:0]);
                r[15:0] = (bit<16>)(a >> b[7:0]);
            }
            Operation.SIGNED: {
                int<16> x = (int<16>)a[15:0];
                int<16> y = (int<16>)b[15:0];
                r[0:0] = (bit<1>)(x < y);
                r[1:1] = (bit<1>)(-x < y);
                int<32> wide = (int<32>)x;
                r[31:16] = (bit<16>)(wide >> 8)[15:0];
                int<16> most = x |+| y;
                r[15:8] = ((bit<16>)most)[15:8];
            }
            Operation.SLICES: {
                r = a;
                r[7:4] = b[3:0];
                r[31:24] = r[7:0];
                r[15:8][3:0] = 4w9;
            }
            Operation.CONCAT: { r = a[7:0] ++ 8w0x5a ++ b[31:24] ++ ~b[7:0]; }
            Operation.LOGIC: { r = (a & b) ^ (a | ~b); }
            Operation.FUNCTIONS: {
                exchange(a, b);
                r = rotate(greatest(a, b)) + a - a;
                // operands are read from left to right
                bit<32> before = a;
                r = r ^ (a + change_and_tell(a)) ^ (before + before + 1);
            }
            Operation.WIDE: {
                bit<64> product = (bit<64>)a * (bit<64>)b;
                bit<96> very = a ++ product;
                very = very + 96w0xffffffff;
                r = very[63:32];
            }
            Operation.DIVIDE: { r = (a / 16) + (a % 8) + (a < b ? 32w0x1000 : 32w0x2000); }
            default: { r = 0xdeadbeef; }
        }
        hdr.n.r = r;
        sm.egress_spec = 1;
    }
}

#include "empty_parts.p4"
