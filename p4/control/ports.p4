// A router takes only frames that are addressed to it. The rest (flooded, broadcast, multicast) is the
// kernel's business, which drops what is for another host.
#ifndef P4KUBE_PORTS
#define P4KUBE_PORTS

control ForUs(in headers_t hdr, in standard_metadata_t sm, out bool for_us) {
    mac_address_t own_mac = 0;

    action set_own_mac(mac_address_t address) {
        own_mac = address;
    }

    // The switch's own address on each port, filled locally.
    table ports {
        key = { sm.ingress_port: exact; }
        actions = { set_own_mac; NoAction; }
        default_action = NoAction();
        size = 512;
    }

    apply {
        ports.apply();
        for_us = hdr.ethernet.destination == own_mac;
    }
}

#endif
