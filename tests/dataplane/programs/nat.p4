// The address of a UDP packet rewritten, its checksum kept right incrementally by hash over the old and
// new words (RFC 1624), as a load balancer does.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header udp_t {
    bit<32> source;
    bit<32> destination;
    bit<16> checksum;
}

struct headers_t {
    ethernet_t ethernet;
    udp_t udp;
}

struct metadata_t {
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.udp);
        transition accept;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    action rewrite(bit<32> address, bit<9> port) {
        bit<16> sum;
        bit<32> old = hdr.udp.destination;
        hash(sum, HashAlgorithm.csum16, 16w0, { ~hdr.udp.checksum, ~old, address }, 32w65536);
        hdr.udp.destination = address;
        hdr.udp.checksum = sum == 0 ? 16w0xffff : sum;
        sm.egress_spec = port;
    }

    table services {
        key = { hdr.udp.destination: exact; }
        actions = { rewrite; NoAction; }
        size = 4;
    }

    apply {
        bit<8> bucket;
        hash(bucket, HashAlgorithm.xor16, 8w4, { hdr.udp.source }, 8w16);
        services.apply();
        if (bucket == 4 + (bit<8>)(hdr.udp.source[19:16] ^ hdr.udp.source[3:0]) && hdr.udp.checksum != 0) {
            hdr.udp.source[31:24] = 0xcc;
        }
    }
}

#include "empty_parts.p4"
