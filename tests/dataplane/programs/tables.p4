// Tables: hit, miss and action_run, entries in the program, several kinds of match, bound arguments.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header request_t {
    bit<8>  step;
    bit<8>  a;
    bit<16> b;
    bit<16> r;
}

struct headers_t {
    ethernet_t ethernet;
    request_t q;
}

struct metadata_t {
    bit<16> scratch;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.q);
        transition accept;
    }
}

action note(inout bit<16> where, bit<16> value) {
    where = value;
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    action answer(bit<16> value) { hdr.q.r = value; }
    action deny() { mark_to_drop(sm); exit; }
    action early(bit<16> value) {
        hdr.q.r = value;
        if (value == 0x0666) {
            return;
        }
        hdr.q.r = hdr.q.r + 1;
    }

    table exact_pair {
        key = { hdr.q.a: exact; hdr.q.b[7:0]: exact @name("low"); }
        actions = { answer; deny; NoAction; }
        default_action = answer(0xffff);
    }

    table ranked {
        key = { hdr.q.a: ternary; hdr.q.b: range; }
        actions = { answer; early; @defaultonly deny; }
        const entries = {
            (0x10 &&& 0xf0, 0 .. 9): answer(1);
            (0x11, _): answer(2);
            (0x10 &&& 0xf0, 10 .. 0x7fff): early(0x0666);
            (_, 0x8000 .. 0xffff): early(3);
        }
        const default_action = deny();
    }

    table choice {
        key = { hdr.q.isValid(): exact; hdr.q.a: exact; }
        actions = { note(meta.scratch); answer; NoAction; }
        size = 8;
    }

    table plain {
        actions = { answer; }
        default_action = answer(0x00aa);
    }

    apply {
        sm.egress_spec = 1;
        if (hdr.q.step == 1) {
            if (exact_pair.apply().hit) {
                sm.egress_spec = 2;
            }
        } else if (hdr.q.step == 2) {
            ranked.apply();
            sm.egress_spec = 3;
        } else if (hdr.q.step == 3) {
            switch (choice.apply().action_run) {
                note: { hdr.q.r = meta.scratch + 1; }
                answer:
                NoAction: { hdr.q.b = 0; }
                default: { hdr.q.b = 0xffff; }
            }
        } else if (hdr.q.step == 4) {
            plain.apply();
        }
    }
}

#include "empty_parts.p4"
