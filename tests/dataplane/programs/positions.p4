// Where a parser is in a header stack: with stacks copied, pushed and local, sub-parsers, conditions; signed select.
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

struct headers_t {
    ethernet_t  ethernet;
    operation_t op;
    two_t[3]    s;
    two_t       one;
}

struct metadata_t {
    two_t[3] s;
    int<8>   number;
}

parser Again(packet_in packet, out two_t h) {
    state start {
        packet.extract(h);
        transition accept;
    }
}

parser Fill(packet_in packet, inout two_t[3] s, out bit<8> last) {
    state start {
        packet.extract(s.next);
        last = s.last.x;
        transition accept;
    }
}

parser Local(packet_in packet, out two_t found) {
    two_t[2] seen;
    state start {
        packet.extract(seen.next);
        packet.extract(seen.next);
        found = seen[1];
        transition accept;
    }
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Again() again;
    Fill() fill;
    Local() local;

    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.op);
        meta.number = (int<8>)hdr.op.r;
        transition select(hdr.op.code) {
            1: twice_each;
            2: copied;
            3: pushed;
            4: last_again;
            5: new_every_time;
            6: index;
            7: filled;
            8: signs;
            9: condition;
            10: local_twice;
            11: local_twice;
        }
    }

    // every element is extracted twice, the second time by a sub-parser
    state twice_each {
        packet.extract(hdr.s.next);
        again.apply(packet, hdr.s.last);
        transition select(hdr.s.last.y) {
            0: accept;
            _: twice_each;
        }
    }

    state copied {
        packet.extract(hdr.s.next);
        meta.s = hdr.s;
        packet.extract(meta.s.next);
        hdr.s = meta.s;
        packet.extract(hdr.s.next);
        transition accept;
    }

    state pushed {
        packet.extract(hdr.s.next);
        hdr.s.push_front(1);
        hdr.s[0] = { 0xaa, 0xbb };
        packet.extract(hdr.s.next);
        transition accept;
    }

    state last_again {
        packet.extract(hdr.s.next);
        packet.extract(hdr.s.last);
        transition accept;
    }

    state new_every_time {
        two_t[2] l;
        packet.extract(l.next);
        hdr.one = l[0];
        packet.extract(hdr.s.next);
        transition select(l[0].x) {
            0: new_every_time;
            default: accept;
        }
    }

    state index {
        packet.extract(hdr.s.next);
        packet.extract(hdr.s.next);
        hdr.op.r = (bit<8>)hdr.s.lastIndex;
        hdr.s.pop_front(1);
        hdr.op.r[7:4] = hdr.s.lastIndex[3:0];
        packet.extract(hdr.s.next);
        transition accept;
    }

    state filled {
        bit<8> x;
        fill.apply(packet, hdr.s, x);
        transition select(x) {
            0: filled;
            _: accept;
        }
    }

    state signs {
        transition select(meta.number, hdr.op.code) {
            (-5 .. 5, _): near;
            (-100 .. -50, 8): low;
            (-1 &&& 0x0f, 8 .. 8): fifteen;
            (100, _): near;
            (_, _): accept;
        }
    }
    state near {
        packet.extract(hdr.s.next);
        transition accept;
    }
    state low {
        packet.extract(hdr.s.next);
        packet.extract(hdr.one);
        transition accept;
    }
    state fifteen {
        packet.extract(hdr.one);
        transition accept;
    }

    // both ways take the same number of elements
    state condition {
        if (hdr.op.r == 1) {
            packet.extract(hdr.s.next);
            hdr.op.r = 0x10;
        } else {
            packet.extract(hdr.s.next);
            hdr.s.last.x = 0x11;
        }
        packet.extract(hdr.s.next);
        transition accept;
    }

    state local_twice {
        local.apply(packet, hdr.one);
        local.apply(packet, hdr.s[2]);
        transition accept;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    action name(bit<8> r) {
        hdr.op.r = r;
    }

    table ranges {
        key = {
            meta.number: range;
            hdr.op.code: exact;
        }
        actions = { name; NoAction; }
        const entries = {
            (-5 .. 5, 8): name(0xa0);
            (-128 .. -1, 8): name(0xa1);
            (_, 8): name(0xa2);
        }
        default_action = NoAction();
    }

    apply {
        sm.egress_spec = 1;
        if (hdr.op.code == 8) {
            ranges.apply();
        }
        if (sm.parser_error != error.NoError) {
            hdr.op.r = 0xee;
        }
    }
}

#include "empty_parts.p4"
