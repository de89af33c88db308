// SipHash-2-4 (Aumasson and Bernstein, 2012) over an update message, without its MAC.
#ifndef P4KUBE_SIPHASH
#define P4KUBE_SIPHASH

struct sip_t {
    bit<64> v0;
    bit<64> v1;
    bit<64> v2;
    bit<64> v3;
}

// SipHash takes a message's bytes as little-endian words; the wire's fields are big-endian.
bit<64> swap64(in bit<64> x) {
    return x[7:0] ++ x[15:8] ++ x[23:16] ++ x[31:24] ++ x[39:32] ++ x[47:40] ++ x[55:48] ++ x[63:56];
}

void sip_round(inout sip_t s) {
    s.v0 = s.v0 + s.v1;
    s.v2 = s.v2 + s.v3;
    s.v1 = (s.v1[50:0] ++ s.v1[63:51]) ^ s.v0;
    s.v3 = (s.v3[47:0] ++ s.v3[63:48]) ^ s.v2;
    s.v0 = s.v0[31:0] ++ s.v0[63:32];
    s.v2 = s.v2 + s.v1;
    s.v0 = s.v0 + s.v3;
    s.v1 = (s.v1[46:0] ++ s.v1[63:47]) ^ s.v2;
    s.v3 = (s.v3[42:0] ++ s.v3[63:43]) ^ s.v0;
    s.v2 = s.v2[31:0] ++ s.v2[63:32];
}

void sip_absorb(inout sip_t s, in bit<64> word) {
    bit<64> m = swap64(word);
    s.v3 = s.v3 ^ m;
    sip_round(s);
    sip_round(s);
    s.v0 = s.v0 ^ m;
}

void sip_absorb_pair(inout sip_t s, in entry_t a, in entry_t b) {
    sip_absorb(s, a.register_id ++ a.index ++ a.value[63:32]);
    sip_absorb(s, a.value[31:0] ++ b.register_id ++ b.index);
    sip_absorb(s, b.value);
}

control Mac(in headers_t hdr, in bit<64> key0, in bit<64> key1, out bit<64> tag) {
    apply {
        sip_t s;
        s.v0 = key0 ^ 0x736f6d6570736575;
        s.v1 = key1 ^ 0x646f72616e646f6d;
        s.v2 = key0 ^ 0x6c7967656e657261;
        s.v3 = key1 ^ 0x7465646279746573;
        sip_absorb(s, hdr.update.magic ++ hdr.update.version ++ hdr.update.operation ++ hdr.update.key_id ++ hdr.update.status ++ hdr.update.reserved);
        sip_absorb(s, hdr.update.epoch ++ hdr.update.sequence);
        sip_absorb(s, hdr.update.boot_id);
        sip_absorb(s, hdr.update.nonce);
        bit<64> length = 32;
        if (hdr.entry15.isValid()) {
            sip_absorb_pair(s, hdr.entry0, hdr.entry1);
            sip_absorb_pair(s, hdr.entry2, hdr.entry3);
            sip_absorb_pair(s, hdr.entry4, hdr.entry5);
            sip_absorb_pair(s, hdr.entry6, hdr.entry7);
            sip_absorb_pair(s, hdr.entry8, hdr.entry9);
            sip_absorb_pair(s, hdr.entry10, hdr.entry11);
            sip_absorb_pair(s, hdr.entry12, hdr.entry13);
            sip_absorb_pair(s, hdr.entry14, hdr.entry15);
            length = 224;
        }
        // The last block of a message of whole words holds only its length, in its last byte.
        sip_absorb(s, length);
        s.v2 = s.v2 ^ 0xFF;
        sip_round(s);
        sip_round(s);
        sip_round(s);
        sip_round(s);
        tag = swap64(s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
    }
}

#endif
