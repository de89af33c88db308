// The hash algorithms over the nine bytes "123456789", for which the checks of CRC catalogues are known.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header text_t {
    bit<4>  first;
    bit<36> second;
    bit<32> third;
}

header results_t {
    bit<16> crc16;
    bit<32> crc32;
    bit<16> xor16;
    bit<16> csum16;
    bit<8>  bounded;
}

struct headers_t {
    ethernet_t ethernet;
    text_t     text;
    results_t  results;
}

struct metadata_t {
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.text);
        transition accept;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply {
        hdr.results.setValid();
        hash(hdr.results.crc16, HashAlgorithm.crc16, 16w0, hdr.text, 32w0x10000);
        hash(hdr.results.crc32, HashAlgorithm.crc32, 32w0, { hdr.text.first, hdr.text.second, hdr.text.third },
             64w0x100000000);
        hash(hdr.results.xor16, HashAlgorithm.xor16, 16w0, hdr.text, 32w0x10000);
        hash(hdr.results.csum16, HashAlgorithm.csum16, 16w0, hdr.text, 32w0x10000);
        // crc16 is 0xbb3d = 47933 = 4793 * 10 + 3
        hash(hdr.results.bounded, HashAlgorithm.crc16, 8w100, hdr.text, 16w10);
    }
}

#include "empty_parts.p4"
