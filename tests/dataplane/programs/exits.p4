// exit ends everything, but what is out or inout is still copied out, all the way up the callers.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header cell_t {
    bit<8> code;
    bit<8> a;
    bit<8> b;
    bit<8> c;
}

struct headers_t {
    ethernet_t ethernet;
    cell_t     cell;
}

struct metadata_t {
    bit<8> x;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.cell);
        transition accept;
    }
}

// Called with the same field twice: both are copies, copied out from left to right.
control Both(inout bit<8> a, inout bit<8> b)(bool early) {
    apply {
        a = a + 1;
        b = b + 2;
        if (early) {
            exit;
        }
        a = 0x77;
    }
}

control Inner(inout bit<8> a, inout bit<4> low) {
    apply {
        a = a + 1;
        low = 0xf;
        if (a == 0x11) {
            exit;
        }
        low = 0xe;
        if (a == 0x21) {
            return;
        }
        low = 0xd;
    }
}

control Outer(inout cell_t cell, inout bit<4> high) {
    Inner() inner;
    apply {
        high = 0xa;
        inner.apply(cell.a, cell.b[3:0]);
        high = 0xb;
    }
}

bit<8> tested(inout bit<8> v) {
    v = v + 1;
    if (v > 0x80) {
        return v;
    }
    v = v + 1;
    return v - 0x10;
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Both(true) early;
    Both(false) late;
    Outer() outer;

    action stop(inout bit<8> v) {
        v = v + 1;
        hdr.cell.c = v;
        exit;
    }

    action around(inout bit<8> v) {
        v = 0x40;
        stop(v);
        v = 0x50;
    }

    action go_on(bit<8> v) {
        hdr.cell.b = v;
    }

    action stop_here() {
        hdr.cell.b = 0xee;
        exit;
    }

    table stopping {
        key = { hdr.cell.a: exact; }
        actions = { stop(hdr.cell.b); go_on; stop_here; }
        const entries = {
            1: stop(hdr.cell.b);
            2: go_on(9);
            3: stop_here();
        }
        const default_action = go_on(7);
    }

    apply {
        sm.egress_spec = 1;
        switch (hdr.cell.code) {
            1: { early.apply(hdr.cell.a, hdr.cell.a); }
            2: { late.apply(hdr.cell.a, hdr.cell.a); }
            3: { outer.apply(hdr.cell, hdr.cell.b[7:4]); }
            4: { around(hdr.cell.a); }
            5: {
                if (stopping.apply().miss) {
                    hdr.cell.c = 0x22;
                } else {
                    hdr.cell.c = 0x33;
                }
            }
            6: { hdr.cell.b = tested(hdr.cell.a) + hdr.cell.a; }
            7: { exit; }
        }
        sm.egress_spec = 2;
    }
}

control AfterExit(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply {
        if (hdr.cell.code == 7) {
            hdr.cell.a = 0x99;
            exit;
        }
    }
}

control NoVerify(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control NoCompute(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control EmitAll(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(PacketParser(), NoVerify(), PacketIngress(), AfterExit(), NoCompute(), EmitAll()) main;
