// Headers that are not valid: read, written, compared, copied, emitted; stacks that overflow.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header operation_t {
    bit<8> code;
    bit<8> r;
}

header two_t {
    bit<8> x;
    bit<8> y;
}

struct inner_t {
    two_t one;
    two_t other;
}

struct headers_t {
    ethernet_t  ethernet;
    operation_t op;
    two_t       a;
    two_t       b;
    inner_t     in_struct;
    two_t[3]    stack;
}

struct metadata_t {
    inner_t saved;
    two_t[3] stack;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.op);
        transition select(hdr.op.code) {
            0 .. 15: one;
            16 .. 31: several;
            default: accept;
        }
    }
    state one {
        packet.extract(hdr.a);
        transition accept;
    }
    state several {
        packet.extract(hdr.stack.next);
        transition select(hdr.stack.last.y) {
            0: accept;
            _: several;
        }
    }
}

void make(out two_t h, in two_t from) {
    h = from;
}

two_t valid_of(in bit<8> x) {
    two_t h;
    h.setValid();
    h.x = x;
    h.y = x;
    return h;
}

two_t invalid() {
    two_t h;
    return h;
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply {
        sm.egress_spec = 1;
        switch (hdr.op.code) {
            1: { // two headers that are not valid are equal, whatever was written to them
                hdr.b.x = 1;
                hdr.in_struct.one.x = 2;
                if (hdr.b == hdr.in_struct.one) { hdr.op.r = 1; }
                if (hdr.b != hdr.a) { hdr.op.r[1:1] = 1; }
                if (hdr.b == (two_t){#}) { hdr.op.r[2:2] = 1; }
                if (hdr.b == { 1, 0 }) { hdr.op.r[3:3] = 1; }
                if (hdr.a == { 5, 6 }) { hdr.op.r[4:4] = 1; }
            }
            2: { // a copy takes the validity along
                hdr.b = hdr.a;
                hdr.a = hdr.in_struct.one;
                if (!hdr.a.isValid() && hdr.b.isValid()) { hdr.op.r = 1; }
            }
            3: { hdr.a = {#}; hdr.b = { y = 1, x = 2 }; }
            4: { hdr.b = { 9, ... }; hdr.in_struct = { hdr.a, { 3, 4 } }; }
            5: { // in structs
                meta.saved = hdr.in_struct;
                hdr.in_struct.one = hdr.a;
                if (meta.saved == hdr.in_struct) { hdr.op.r = 1; }
                meta.saved.one = hdr.a;
                if (meta.saved == hdr.in_struct) { hdr.op.r = 2; }
                hdr.in_struct.one.x = 0x77;
                if (meta.saved == hdr.in_struct) { hdr.op.r = 3; }
                hdr.in_struct.one.setInvalid();
                hdr.b = meta.saved.one;
            }
            6: { make(hdr.b, hdr.a); make(hdr.a, hdr.in_struct.one); }
            7: { make(hdr.a, hdr.a); }
            8: { hdr.a = valid_of(hdr.a.y); hdr.b = valid_of(1); hdr.b.y = valid_of(7).x; }
            9: { hdr.a = invalid(); }
            10: { // valid again: what the fields hold is written again
                hdr.a.setInvalid();
                hdr.a.setValid();
                hdr.a.x = 1;
                hdr.a.y = 2;
            }
            11: { hdr.op.setInvalid(); hdr.ethernet.setInvalid(); }
            12: {
                hdr.b = hdr.op.r == 0 ? hdr.a : hdr.in_struct.one;
                hdr.op.r = hdr.b.isValid() ? 8w1 : 8w2;
            }
            13: { // a swap through a local header, inside a struct
                two_t t = hdr.a;
                hdr.a = hdr.b;
                hdr.b = t;
                hdr.in_struct = { hdr.b, hdr.a };
                hdr.in_struct = { hdr.in_struct.other, hdr.in_struct.one };
            }
            16: { hdr.stack.push_front(2); hdr.stack[0] = { 0xaa, 0xbb }; }
            17: { hdr.stack.pop_front(2); }
            18: { hdr.stack.push_front(5); }
            19: {
                meta.stack = hdr.stack;
                hdr.stack.pop_front(1);
                if (meta.stack == hdr.stack) { hdr.op.r = 1; }
                hdr.stack = meta.stack;
                if (meta.stack == hdr.stack) { hdr.op.r = hdr.op.r + 2; }
                hdr.op.r = hdr.op.r + (bit<8>)hdr.stack.size * 16;
                hdr.stack[2] = hdr.stack[0];
                hdr.stack[0].setInvalid();
            }
        }
        if (sm.parser_error == error.StackOutOfBounds) {
            hdr.op.r = 0xee;
        }
    }
}

#include "empty_parts.p4"
