// Tables: two instances of a control, order of entries, prefixes, data with a sign, labels that fall through, actions
// with directions and without, enums and bools as keys.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

enum bit<8> Kind { ONE = 1, TWO = 2 }
enum Colour { RED, GREEN, BLUE }

header request_t {
    bit<8>  code;
    bit<8>  a;
    bit<16> r;
}

struct headers_t {
    ethernet_t ethernet;
    request_t  q;
}

struct metadata_t {
    Colour colour;
    int<8> number;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.q);
        transition accept;
    }
}

control Stage(in bit<8> a, inout bit<16> r, out bool found)(bit<16> base, int by) {
    action set(bit<16> v) {
        r = r + v * by + base;
    }

    table t {
        key = { a: exact; }
        actions = { set; NoAction; }
        const entries = {
            1: set(base);
            2: set(3);
        }
        default_action = set(7);
    }

    apply {
        found = t.apply().hit;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Stage(0x100, 1) first;
    Stage(0x200, 2) second;

    action both(in bit<8> x, out bit<16> y, bit<8> z) {
        y = x ++ z;
    }

    action set(bit<16> v) {
        hdr.q.r = v;
    }

    action signed(int<8> n, bit<4> low, bool flag, Colour colour, Kind kind) {
        meta.number = n;
        meta.colour = colour;
        if (flag) {
            hdr.q.r = (bit<16>)(int<16>)n;
        } else {
            hdr.q.r = (bit<8>)(n >> 1) ++ low ++ (bit<4>)(bit<8>)kind;
        }
    }

    table directed {
        key = { hdr.q.a: exact; }
        actions = { both(hdr.q.a + 1, hdr.q.r); NoAction; }
        const entries = {
            1: both(0x11);
            2: both(hdr.q.a + 1, hdr.q.r, 0x22);
        }
        default_action = both(hdr.q.a + 1, hdr.q.r, 0x33);
    }

    table prefixes {
        key = { hdr.q.a: lpm; }
        actions = { set; NoAction; }
        const entries = {
            _: set(0);
            0x80 &&& 0x80: set(1);
            0xc0 &&& 0xe0: set(3);
            0xc5: set(8);
        }
        default_action = NoAction();
    }

    table ordered {
        key = {
            hdr.q.a: ternary;
            hdr.q.r: ternary;
        }
        actions = { set; NoAction; }
        const entries = {
            (0x10 &&& 0xf0, 1): set(0x11);
            (0x10 &&& 0xf0, _): set(0x22);
            (0x12, 2): set(0x33);
            (_, 2): set(0x44);
            (_, _): set(0x55);
        }
    }

    table ranked {
        key = { hdr.q.a: ternary; }
        actions = { set; NoAction; }
        largest_priority_wins = false;
        entries = {
            const priority = 30: 1 &&& 1: set(0x11);
            const priority = 10: 3 &&& 3: set(0x22);
            const priority = 20: _: set(0x33);
        }
    }

    table values {
        key = { hdr.q.a: exact; }
        actions = { signed; NoAction; }
        const entries = {
            1: signed(-3, 0xf, true, Colour.GREEN, Kind.TWO);
            2: signed(-128, 300, false, Colour.BLUE, Kind.TWO);
            4: signed(-128, 300, false, Colour.RED, Kind.TWO);
            3: signed(n = 127, low = 1, flag = false, colour = Colour.RED, kind = Kind.ONE);
        }
        default_action = NoAction;
    }

    table kinds {
        key = {
            meta.colour: exact;
            meta.number: exact;
            hdr.q.a == 2: exact @name("two");
            sm.parser_error: exact @name("error");
        }
        actions = { set; @defaultonly NoAction; }
        const entries = {
            (Colour.GREEN, -3, false, error.NoError): set(0x1111);
            (Colour.BLUE, -128, true, error.NoError): set(0x2222);
        }
        const default_action = NoAction();
    }

    table fall {
        key = { hdr.q.a: exact; }
        actions = { set; signed; both(hdr.q.a, hdr.q.r); NoAction; }
        const entries = {
            1: set(1);
            2: signed(2, 2, true, Colour.RED, Kind.ONE);
            3: both(3);
        }
    }

    apply {
        sm.egress_spec = 1;
        bool one = false;
        bool two = true;
        switch (hdr.q.code) {
            1: {
                first.apply(hdr.q.a, hdr.q.r, one);
                second.apply(hdr.q.a, hdr.q.r, two);
                if (one && two) { hdr.q.a = 0xff; }
            }
            2: { directed.apply(); }
            3: { prefixes.apply(); }
            4: { ordered.apply(); }
            5: { ranked.apply(); }
            6: {
                if (values.apply().miss || kinds.apply().hit) {
                    hdr.q.a = 0x77;
                }
            }
            8: {
                switch (fall.apply().action_run) {
                    set:
                    signed: { hdr.q.a = 0xa0; }
                    both: { hdr.q.a = 0xb0; }
                    default: { hdr.q.a = 0xd0; }
                }
            }
            9: { both(hdr.q.a, hdr.q.r, hdr.q.a + 1); }
            10:
            11: { hdr.q.r = 0x1011; }
            12:
            default: { hdr.q.r = 0x12dd; }
        }
    }
}

#include "empty_parts.p4"
