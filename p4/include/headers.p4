#ifndef P4KUBE_HEADERS
#define P4KUBE_HEADERS

typedef bit<48> mac_address_t;
typedef bit<32> ipv4_address_t;
typedef bit<14> node_id_t;
typedef bit<12> service_id_t;

header ethernet_t {
    mac_address_t destination;
    mac_address_t source;
    bit<16> ether_type;
}

header ipv4_t {
    bit<4> version;
    bit<4> ihl;
    bit<8> tos;
    bit<16> total_length;
    bit<16> identification;
    bit<3> flags;
    bit<13> fragment_offset;
    bit<8> ttl;
    bit<8> protocol;
    bit<16> checksum;
    ipv4_address_t source;
    ipv4_address_t destination;
}

header tcp_t {
    bit<16> source_port;
    bit<16> destination_port;
    bit<32> sequence;
    bit<32> acknowledgment;
    bit<4> data_offset;
    bit<4> reserved;
    bit<8> flags;
    bit<16> window;
    bit<16> checksum;
    bit<16> urgent;
}

header udp_t {
    bit<16> source_port;
    bit<16> destination_port;
    bit<16> length;
    bit<16> checksum;
}

// docs/protocol.md specifies updates byte by byte.
header update_t {
    bit<16> magic;
    bit<8> version;
    bit<8> operation;
    bit<8> key_id;
    bit<8> status;
    bit<16> reserved;
    bit<32> epoch;
    bit<32> sequence;
    bit<64> boot_id;
    bit<64> nonce;
}

header entry_t {
    bit<8> register_id;
    bit<24> index;
    bit<64> value;
}

header mac_t {
    bit<64> tag;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t ipv4;
    tcp_t tcp;
    udp_t udp;
    update_t update;
    entry_t entry0;
    entry_t entry1;
    entry_t entry2;
    entry_t entry3;
    entry_t entry4;
    entry_t entry5;
    entry_t entry6;
    entry_t entry7;
    entry_t entry8;
    entry_t entry9;
    entry_t entry10;
    entry_t entry11;
    entry_t entry12;
    entry_t entry13;
    entry_t entry14;
    entry_t entry15;
    mac_t mac;
}

// The transport ports, whichever transport carries them, and what became of the packet.
struct metadata_t {
    bit<16> source_port;
    bit<16> destination_port;
    bit<16> next_hop;
    bool balanced;
    bool dropped;
}

#endif
