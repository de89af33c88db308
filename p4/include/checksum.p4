// Incremental checksums (RFC 1624, equation 3): the checksum after a part of what it covers was replaced.
#ifndef P4KUBE_CHECKSUM
#define P4KUBE_CHECKSUM

bit<16> fold(in bit<32> sum) {
    bit<32> once = (sum & 0xFFFF) + (sum >> 16);
    bit<32> twice = (once & 0xFFFF) + (once >> 16);
    return ~twice[15:0];
}

bit<16> checksum_replace16(in bit<16> checksum, in bit<16> before, in bit<16> after) {
    return fold((bit<32>)(~checksum) + (bit<32>)(~before) + (bit<32>)after);
}

bit<16> checksum_replace32(in bit<16> checksum, in bit<32> before, in bit<32> after) {
    return fold((bit<32>)(~checksum) + (bit<32>)(~before[31:16]) + (bit<32>)(~before[15:0])
        + (bit<32>)after[31:16] + (bit<32>)after[15:0]);
}

// An address and a port at once, as a transport's checksum sees a NAT.
bit<16> checksum_replace48(in bit<16> checksum, in bit<32> address_before, in bit<32> address_after, in bit<16> port_before, in bit<16> port_after) {
    return fold((bit<32>)(~checksum)
        + (bit<32>)(~address_before[31:16]) + (bit<32>)(~address_before[15:0]) + (bit<32>)(~port_before)
        + (bit<32>)address_after[31:16] + (bit<32>)address_after[15:0] + (bit<32>)port_after);
}

#endif
