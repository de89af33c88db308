// What becomes of a packet: egress_spec set and set again, dropped in egress, counted out of range; checksums with
// conditions; annotations that mean nothing here; a parser that stops in the middle of a header.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

error { Odd, VeryOdd }

header request_t {
    bit<8>  code;
    bit<8>  a;
    bit<16> sum;
}

header wide_t {
    bit<4>   x;
    int<7>   y;
    bool     z;
    bit<100> w;
}

@unknown("whatever") @also[key=1, other="x"]
struct headers_t {
    ethernet_t ethernet;
    request_t  q;
    wide_t     wide;
}

struct metadata_t {
    bit<8> trail;
    @field_list(1) bit<8> kept;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    bit<8> count = 1;
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.q);
        meta.trail = 1;
        transition select(hdr.q.code) {
            1: wide;
            2: jump;
            3: odd;
            4: peek;
            5: very_odd;
            6: peek_header;
            7: stop;
            default: accept;
        }
    }
    state wide {
        meta.trail = 2;
        packet.extract(hdr.wide);
        meta.trail = 3;
        transition accept;
    }
    state jump {
        meta.trail = 4;
        packet.advance((bit<32>)hdr.q.a << 3);
        meta.trail = 5;
        transition accept;
    }
    state odd {
        verify(hdr.q.a[0:0] == 0, error.Odd);
        meta.trail = 6;
        transition accept;
    }
    state very_odd {
        count = count + 1;
        verify(count == 2 && hdr.q.a != 3, error.VeryOdd);
        meta.trail = 8;
        transition odd;
    }
    state peek {
        bit<24> ahead = packet.lookahead<bit<24>>();
        meta.trail = ahead[7:0];
        transition select(ahead[23:16], ahead[15:8]) {
            (1, 2): accept;
            (1, _): odd;
        }
    }
    state peek_header {
        request_t ahead = packet.lookahead<request_t>();
        meta.trail = ahead.a;
        hdr.q = ahead;
        hdr.q.code = 6;
        transition accept;
    }
    state stop {
        meta.trail = 7;
        transition reject;
    }
}

control Verify(inout headers_t hdr, inout metadata_t meta) {
    apply {
        verify_checksum(hdr.q.code == 20, { hdr.q.code, hdr.q.a }, hdr.q.sum, HashAlgorithm.csum16);
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    @name("counted") counter(4, CounterType.packets_and_bytes) c;
    register<bit<5>>(3) five;
    register<int<12>>(2) twelve;

    action drop() {
        mark_to_drop(sm);
    }

    @hidden action nowhere() {
        sm.egress_spec = 511;
    }

    apply {
        sm.egress_spec = 1;
        switch (hdr.q.code) {
            30: { drop(); }
            31: { drop(); sm.egress_spec = 2; }
            32: { nowhere(); }
            33: { nowhere(); sm.egress_spec = sm.ingress_port; }
            34: { drop(); exit; }
            35: { c.count((bit<32>)hdr.q.a); }
            36: {
                five.write((bit<32>)hdr.q.a, hdr.q.sum[6:2]);
                bit<5> back;
                five.read(back, (bit<32>)hdr.q.a);
                hdr.q.sum = (bit<16>)back;
            }
            37: {
                twelve.write(0, (int<12>)(int<16>)hdr.q.sum);
                int<12> back;
                twelve.read(back, 0);
                hdr.q.sum = (bit<16>)(int<16>)(back >> 1);
                twelve.read(back, 7);
                if (back != 0) { hdr.q.a = 0xff; }
            }
            1: {
                if (hdr.wide.isValid()) {
                    hdr.wide.y = hdr.wide.y >> 1;
                    hdr.wide.z = !hdr.wide.z;
                    hdr.wide.w[99:96] = hdr.wide.x;
                }
            }
        }
        if (hdr.q.code < 10) {
            hdr.q.a = meta.trail;
            hdr.q.sum = 0;
            if (sm.parser_error == error.PacketTooShort) {
                hdr.q.sum = 1;
            } else if (sm.parser_error == error.NoMatch) {
                hdr.q.sum = 2;
            } else if (sm.parser_error == error.Odd) {
                hdr.q.sum = 3;
            } else if (sm.parser_error == error.VeryOdd) {
                hdr.q.sum = 4;
            } else if (sm.parser_error != error.NoError) {
                hdr.q.sum = 5;
            }
        }
        if (hdr.q.code == 20) {
            hdr.q.a = (bit<8>)sm.checksum_error;
        }
        @atomic { hdr.ethernet.type = hdr.ethernet.type + 1; }
    }
}

control PacketEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply {
        if (hdr.q.code == 40) {
            mark_to_drop(sm);
        } else if (hdr.q.code == 41) {
            mark_to_drop(sm);
            sm.egress_spec = 0;
        } else if (hdr.q.code == 42) {
            hdr.q.sum = (bit<16>)sm.egress_port;
            sm.egress_spec = 3;
        }
    }
}

control Compute(inout headers_t hdr, inout metadata_t meta) {
    apply {
        update_checksum(hdr.q.code == 50 && hdr.q.a != 0, { hdr.q.code, hdr.q.a, 8w0xff, hdr.q.a[7:4], 4w1 },
                        hdr.q.sum, HashAlgorithm.csum16);
        update_checksum(hdr.q.code == 51, { hdr.q.code, hdr.q.a, 8w1 }, hdr.q.sum, HashAlgorithm.csum16);
        update_checksum(hdr.q.code == 52, { hdr.q.code, hdr.q.a, hdr.q.sum }, hdr.q.sum, HashAlgorithm.csum16);
    }
}

control EmitAll(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.q);
        packet.emit(hdr.wide);
    }
}

V1Switch(PacketParser(), Verify(), PacketIngress(), PacketEgress(), Compute(), EmitAll()) main;
