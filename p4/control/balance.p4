// A packet addressed to a VIP goes to a node; a node's reply gets the VIP's address back.
#ifndef P4KUBE_BALANCE
#define P4KUBE_BALANCE

control FindService(in bit<64> key, out bool found, out bit<64> record) {
    apply {
        bit<64> hash = key * SERVICE_HASH;
        bit<13> cell = 1w0 ++ hash[SERVICE_WAY0];
        bit<64> stored;
        service_keys.read(stored, (bit<32>)cell);
        if (stored != key) {
            cell = 1w1 ++ hash[SERVICE_WAY1];
            service_keys.read(stored, (bit<32>)cell);
        }
        found = stored == key;
        record = 0;
        if (found) {
            service_records.read(record, (bit<32>)cell);
            found = record[SERVICE_RECORD_CHECK] == hash[SERVICE_CHECK];
        }
    }
}

// The request of a client: choose the node and rewrite.
control Request(inout headers_t hdr, inout metadata_t meta, in standard_metadata_t sm, in secret_t secret, in bit<64> record) {
    apply {
        service_id_t service = record[SERVICE_RECORD_ID];
        bit<60> flow = permute(hdr.ipv4.source ++ meta.source_port ++ service, secret);
        bit<20> mask = (20w1 << record[SERVICE_RECORD_LOG2]) - 1;
        bit<32> cell = (bit<32>)(record[SERVICE_RECORD_BASE] + (flow[59:40] & mask));
        bit<32> slot;
        slots.read(slot, cell);
        node_id_t node = slot[SLOT_CURRENT];
        if (slot[SLOT_TRACK] == 1 || hdr.udp.isValid()) {
            Connections.apply(hdr, sm, flow, service, slot, node);
        }
        bit<64> backend;
        nodes.read(backend, (bit<32>)node);
        service_requests.count((bit<32>)service);
        if (node == 0 || backend[NODE_ADDRESS] == 0) {
            meta.dropped = true;
            if (node == 0) {
                events.count(EVENT_NO_BACKEND);
            } else {
                events.count(EVENT_UNKNOWN_NODE);
            }
        } else {
            node_requests.count((bit<32>)node);
            bit<16> port = record[SERVICE_RECORD_NODE_PORT];
            // A client that once talked to this node port directly, from the same port, does so no more.
            if (hdr.tcp.isValid() && hdr.tcp.flags[1:1] == 1) {
                bool forgotten;
                bit<64> hash = direct_hash(hdr.ipv4.source, meta.source_port, backend[NODE_ADDRESS], port, secret);
                DirectLookup.apply(hash, port, true, forgotten);
            }
            RewriteDestination.apply(hdr, backend[NODE_ADDRESS], port);
            meta.balanced = true;
        }
    }
}

// Does a node's packet belong to a Service's flow? UDP: if the flow is known. TCP: unless it is an exception;
// a node that opens a connection from a node port's number is one.
control IsReply(in headers_t hdr, in metadata_t meta, in standard_metadata_t sm, in secret_t secret, in service_id_t service, out bool reply) {
    apply {
        if (hdr.udp.isValid()) {
            bit<60> flow = permute(hdr.ipv4.destination ++ meta.destination_port ++ service, secret);
            KnownDatagram.apply(hdr.ipv4.source, sm, flow, reply);
        } else {
            bit<64> hash = direct_hash(hdr.ipv4.destination, meta.destination_port, hdr.ipv4.source, meta.source_port, secret);
            bool direct;
            if (hdr.tcp.flags[4:4] == 0 && hdr.tcp.flags[1:1] == 1) {
                DirectRecord.apply(hdr, sm, hash, meta.source_port);
                direct = true;
            } else {
                DirectLookup.apply(hash, meta.source_port, false, direct);
            }
            reply = !direct;
        }
    }
}

// Not for a VIP: a node's reply, a client that talks to a node port past the VIP, or neither.
control Reply(inout headers_t hdr, inout metadata_t meta, in standard_metadata_t sm, in secret_t secret) {
    apply {
        bit<1> is_udp = 0;
        if (hdr.udp.isValid()) {
            is_udp = 1;
        }
        bit<64> source;
        node_ports.read(source, (bit<32>)(is_udp ++ meta.source_port));
        if (source[NODE_PORT_VALID] == 1) {
            bool node;
            IsNode.apply(hdr.ipv4.source, node);
            if (node) {
                bool reply;
                IsReply.apply(hdr, meta, sm, secret, source[NODE_PORT_ID], reply);
                if (reply) {
                    service_replies.count((bit<32>)source[NODE_PORT_ID]);
                    RewriteSource.apply(hdr, source[NODE_PORT_VIP], source[NODE_PORT_PORT]);
                    meta.balanced = true;
                }
            }
        }
        if (!meta.balanced && hdr.tcp.isValid()) {
            bit<64> destination;
            node_ports.read(destination, (bit<32>)meta.destination_port);
            if (destination[NODE_PORT_VALID] == 1) {
                bool node;
                IsNode.apply(hdr.ipv4.destination, node);
                if (node) {
                    bit<64> hash = direct_hash(hdr.ipv4.source, meta.source_port, hdr.ipv4.destination, meta.destination_port, secret);
                    DirectRecord.apply(hdr, sm, hash, meta.destination_port);
                }
            }
        }
    }
}

control Balance(inout headers_t hdr, inout metadata_t meta, in standard_metadata_t sm) {
    secret_t secret;

    apply {
        bool found;
        bit<64> record;
        FindService.apply(hdr.ipv4.destination ++ meta.destination_port ++ hdr.ipv4.protocol ++ 8w0, found, record);
        Secret.apply(secret);
        if (found) {
            Request.apply(hdr, meta, sm, secret, record);
        } else {
            Reply.apply(hdr, meta, sm, secret);
        }
    }
}

#endif
