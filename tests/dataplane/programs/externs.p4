// Externs: registers of bools, written and read in one place; hash bounds wider than their operands; metadata.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header request_t {
    bit<8>  code;
    bit<8>  a;
    bit<32> r;
}

struct headers_t {
    ethernet_t ethernet;
    request_t  op;
}

struct metadata_t {
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.op);
        transition accept;
    }
}

bit<8> bump(inout bit<8> v) {
    v = v + 1;
    return v;
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    register<bool>(2) flags;
    register<bit<8>>(300) bytes;

    action once(in bit<8> u, bit<8> v) {
        hdr.op.a = v + u;
    }

    apply {
        sm.egress_spec = 1;
        switch (hdr.op.code) {
            1: {
                bool x;
                flags.read(x, 0);
                flags.write(0, !x);
                hdr.op.a = x ? 8w1 : 8w0;
            }
            2: { // the sum has more bits than what is added
                hash(hdr.op.r, HashAlgorithm.csum16, 16w0xffff, { hdr.op.code, hdr.op.a }, 16w0xffff);
            }
            3: {
                hash(hdr.op.r[7:0], HashAlgorithm.csum16, 16w0x1f0, { hdr.op.code, hdr.op.a }, 16w0x10);
            }
            4: {
                bytes.write((bit<32>)bump(hdr.op.a), hdr.op.a);
                bytes.read(hdr.op.r[7:0], (bit<32>)hdr.op.a);
            }
            5: { once(bump(hdr.op.a), hdr.op.a); }
            6: {
                hdr.op.r = sm.packet_length;
                hdr.op.a = (bit<8>)sm.ingress_port;
            }
            7: {
                hdr.op.r = 0;
                if (sm.ingress_port == 0 && hdr.op.isValid() && !(hdr.op.a > 3 || hdr.op.a == 1))
                    hdr.op.r = 1;
                else if (hdr.op.a == 1)
                    hdr.op.r = 2;
                else {
                    ;
                }
            }
        }
    }
}

#include "empty_parts.p4"
