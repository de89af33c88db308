// IPv4 forwarding from tables that the local agent copies from the switch's own kernel.
#ifndef P4KUBE_ROUTING
#define P4KUBE_ROUTING

control Routing(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    // To the kernel: own addresses, networks without a known next hop.
    action to_cpu() {
        sm.egress_spec = CPU_PORT;
    }

    action via(bit<16> next_hop) {
        meta.next_hop = next_hop;
    }

    table routes {
        key = { hdr.ipv4.destination: lpm; }
        actions = { via; to_cpu; }
        default_action = to_cpu();
        size = 16384;
    }

    action forward(bit<9> port, mac_address_t source, mac_address_t destination) {
        hdr.ethernet.source = source;
        hdr.ethernet.destination = destination;
        hdr.ipv4.checksum = checksum_replace16(hdr.ipv4.checksum, hdr.ipv4.ttl ++ hdr.ipv4.protocol, (hdr.ipv4.ttl - 1) ++ hdr.ipv4.protocol);
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        sm.egress_spec = port;
    }

    table next_hops {
        key = { meta.next_hop: exact; }
        actions = { forward; to_cpu; }
        default_action = to_cpu();
        size = 65536;
    }

    apply {
        switch (routes.apply().action_run) {
            via: {
                next_hops.apply();
            }
        }
    }
}

#endif
