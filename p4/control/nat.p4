// The two rewrites: a request's destination, a reply's source. Checksums follow incrementally.
#ifndef P4KUBE_NAT
#define P4KUBE_NAT

control RewriteTransport(inout headers_t hdr, in ipv4_address_t address_before, in ipv4_address_t address_after, in bit<16> port_before, in bit<16> port_after) {
    apply {
        hdr.ipv4.checksum = checksum_replace32(hdr.ipv4.checksum, address_before, address_after);
        if (hdr.tcp.isValid()) {
            hdr.tcp.checksum = checksum_replace48(hdr.tcp.checksum, address_before, address_after, port_before, port_after);
        } else if (hdr.udp.checksum != 0) {
            // In UDP zero means "no checksum": one that comes out as zero is sent as all ones (RFC 768).
            bit<16> checksum = checksum_replace48(hdr.udp.checksum, address_before, address_after, port_before, port_after);
            if (checksum == 0) {
                checksum = 0xFFFF;
            }
            hdr.udp.checksum = checksum;
        }
    }
}

control RewriteDestination(inout headers_t hdr, in ipv4_address_t address, in bit<16> port) {
    apply {
        if (hdr.tcp.isValid()) {
            RewriteTransport.apply(hdr, hdr.ipv4.destination, address, hdr.tcp.destination_port, port);
            hdr.tcp.destination_port = port;
        } else {
            RewriteTransport.apply(hdr, hdr.ipv4.destination, address, hdr.udp.destination_port, port);
            hdr.udp.destination_port = port;
        }
        hdr.ipv4.destination = address;
    }
}

control RewriteSource(inout headers_t hdr, in ipv4_address_t address, in bit<16> port) {
    apply {
        if (hdr.tcp.isValid()) {
            RewriteTransport.apply(hdr, hdr.ipv4.source, address, hdr.tcp.source_port, port);
            hdr.tcp.source_port = port;
        } else {
            RewriteTransport.apply(hdr, hdr.ipv4.source, address, hdr.udp.source_port, port);
            hdr.udp.source_port = port;
        }
        hdr.ipv4.source = address;
    }
}

#endif
