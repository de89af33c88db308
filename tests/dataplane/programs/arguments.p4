// Arguments that overlap, slices as out and inout, order of evaluation, calls under && || and ?:, shadowing.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header numbers_t {
    bit<8>  code;
    bit<8>  a;
    bit<8>  b;
    bit<8>  c;
    bit<16> w;
}

struct pair_t {
    bit<8> x;
    bit<8> y;
}

struct headers_t {
    ethernet_t ethernet;
    numbers_t  n;
}

struct metadata_t {
    pair_t p;
    pair_t q;
    tuple<bit<8>, bit<8>> both;
}

const bit<8> c = 0x40;

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.n);
        transition accept;
    }
}

bit<8> next(inout bit<8> v) {
    v = v + 1;
    return v;
}

bit<8> keep(inout bit<8> v, in bit<8> before) {
    v = v + 1;
    return before;
}

bool yes(inout bit<8> v) {
    v = v + 1;
    return true;
}

bool no(inout bit<8> v) {
    v = v + 0x10;
    return false;
}

bit<8> twice(in bit<8> v) {
    return v + v;
}

bit<8> composed(in bit<8> v) {
    return twice(twice(v) + 1);
}

void swap<T>(inout T one, inout T other) {
    T kept = one;
    one = other;
    other = kept;
}

void split(in bit<8> v, out bit<4> high, out bit<4> low) {
    high = v[7:4];
    low = v[3:0];
}

void nothing_out(inout bit<8> v, out bit<8> w) {
    w = v;
    v = 0;
}

pair_t made(in bit<8> x) {
    return { x, x + 1 };
}

control Shadows(inout bit<8> v) {
    bit<8> c = 5;
    apply {
        bit<8> d = c;
        {
            bit<8> c = 7;
            d = d + c;
            {
                bit<8> d = 100;
                c = c + d;
            }
            d = d + c;
        }
        v = v + c + d;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    bit<8> seen = 0;

    action add(in bit<8> by, inout bit<8> to) {
        hdr.n.b = 0x80;
        to = to + by;
    }

    action reads(in bit<8> v) {
        hdr.n.a = 0x11;
        hdr.n.c = v;
    }

    action data(bit<8> v, bit<8> w) {
        hdr.n.a = v;
        hdr.n.b = w;
    }

    table look {
        key = {
            hdr.n.a: exact;
            next(hdr.n.a): exact @name("after");
        }
        actions = { data; NoAction; }
        const entries = {
            (1, 2): data(0x66, 0x77);
        }
        const default_action = NoAction();
    }

    apply {
        sm.egress_spec = 1;
        switch (hdr.n.code) {
            1: { hdr.n.c = hdr.n.a + next(hdr.n.a) + hdr.n.a; }
            2: { hdr.n.c = next(hdr.n.a) - next(hdr.n.a); }
            3: { hdr.n.a = keep(hdr.n.a, hdr.n.a); }
            4: { swap(hdr.n.w[7:0], hdr.n.w[15:8]); }
            5: { swap(hdr.n.w[11:4], hdr.n.w[7:0]); }
            6: { split(hdr.n.a, hdr.n.a[3:0], hdr.n.a[7:4]); }
            7: {
                if (yes(hdr.n.a) || yes(hdr.n.b)) { hdr.n.c = 1; }
                if (no(hdr.n.a) && yes(hdr.n.b)) { hdr.n.c = 2; }
                if (yes(hdr.n.a) && (no(hdr.n.a) || yes(hdr.n.b))) { hdr.n.w = 3; }
            }
            8: { hdr.n.c = yes(hdr.n.a) ? next(hdr.n.a) : next(hdr.n.b); }
            9: { hdr.n.c = hdr.n.b == 0 ? next(hdr.n.a) : hdr.n.a; }
            10: { add(hdr.n.b, hdr.n.b); }
            11: { reads(hdr.n.a); }
            12: { Shadows.apply(hdr.n.a); hdr.n.b = c; }
            13: { hdr.n.a = composed(hdr.n.a); }
            14: { nothing_out(hdr.n.a, hdr.n.a); }
            15: {
                meta.p = made(hdr.n.a);
                meta.q = meta.p;
                swap(meta.p.x, meta.p.y);
                swap(meta.p, meta.q);
                meta.both = { meta.q.x, meta.p.x };
                meta.p.x = 0xff;
                hdr.n.a = meta.both[0];
                hdr.n.b = meta.both[1];
                hdr.n.c = made(meta.q.y).y;
                if (meta.p != meta.q && meta.q == { hdr.n.a, hdr.n.b }) { hdr.n.w = 1; }
            }
            16: { look.apply(); }
            17: { data(hdr.n.b, hdr.n.a); }
            18: { hdr.n.w = hdr.n.a ++ next(hdr.n.a); }
            19: { hdr.n.w = { next(hdr.n.a), next(hdr.n.a) } == { 2, 3 } ? 16w5 : 16w6; }
            21: { hdr.n.w[7:0] = next(hdr.n.w[15:8]); }
            22: { hdr.n.a = twice(v = next(hdr.n.b)); }
            23: { nothing_out(w = hdr.n.a, v = hdr.n.b); }
            24: { split(hdr.n.a, _, hdr.n.b[3:0]); }
        }
    }
}

#include "empty_parts.p4"
