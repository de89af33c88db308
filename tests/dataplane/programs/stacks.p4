// Header stacks: pushed and popped, indexed, compared; a sub-parser applied twice; a header union.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header operation_t {
    bit<8> code;
}

header label_t {
    bit<7> value;
    bit<1> last;
}

header short_t {
    bit<8> v;
}

header long_t {
    bit<16> v;
}

header_union either_t {
    short_t s;
    long_t  l;
}

struct headers_t {
    ethernet_t  ethernet;
    operation_t operation;
    label_t[3]  labels;
    either_t    one;
    either_t    two;
}

struct metadata_t {
}

parser Choose(packet_in packet, out either_t either) {
    state start {
        transition select(packet.lookahead<bit<1>>()) {
            0: short_one;
            1: long_one;
        }
    }
    state short_one {
        packet.extract(either.s);
        transition accept;
    }
    state long_one {
        packet.extract(either.l);
        transition accept;
    }
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Choose() choose;

    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.operation);
        transition select(hdr.operation.code) {
            0 .. 9: labels;
            default: unions;
        }
    }

    state labels {
        packet.extract(hdr.labels.next);
        transition select(hdr.labels.last.last, hdr.labels.lastIndex) {
            (1, _): accept;
            (0, 2): reject;
            (0, _): labels;
        }
    }

    state unions {
        choose.apply(packet, hdr.one);
        choose.apply(packet, hdr.two);
        transition accept;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply {
        sm.egress_spec = 1;
        if (hdr.operation.code == 1) {
            hdr.labels.push_front(1);
            hdr.labels[0].setValid();
            hdr.labels[0] = { 0x55, 0 };
        } else if (hdr.operation.code == 2) {
            hdr.labels.pop_front(1);
        } else if (hdr.operation.code == 3) {
            label_t saved = hdr.labels[0];
            hdr.labels[0] = hdr.labels[1];
            hdr.labels[1] = saved;
        } else if (hdr.operation.code == 11) {
            bit<16> both = 0;
            if (hdr.one.isValid() && hdr.one.s.isValid()) { both = (bit<16>)hdr.one.s.v; }
            if (hdr.two.l.isValid()) { both = both + hdr.two.l.v; }
            hdr.one.l.setValid();
            hdr.one.l.v = both;
            if (hdr.one.s.isValid()) { hdr.one.l.v = 0xdead; }
        }
    }
}

#include "empty_parts.p4"
