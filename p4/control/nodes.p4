// Is this address a node's? It then stands in one of the two cells that it hashes to.
#ifndef P4KUBE_NODES
#define P4KUBE_NODES

control IsNode(in ipv4_address_t address, out bool found) {
    apply {
        bit<64> hash = (bit<64>)address * NODE_ADDRESS_HASH;
        ipv4_address_t stored;
        node_addresses.read(stored, (bit<32>)(1w0 ++ hash[NODE_ADDRESS_WAY0]));
        if (stored != address) {
            node_addresses.read(stored, (bit<32>)(1w1 ++ hash[NODE_ADDRESS_WAY1]));
        }
        found = stored == address && address != 0;
    }
}

#endif
