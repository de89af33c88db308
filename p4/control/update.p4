// Updates: authenticate, order, apply, answer. docs/protocol.md is the specification.
#ifndef P4KUBE_UPDATE
#define P4KUBE_UPDATE

// One entry: writes the cell, or fills in its value.
control Cell(inout entry_t entry, in bool write) {
    apply {
        bit<32> index = (bit<32>)entry.index;
        bit<32> word;
        if (write) {
            if (entry.register_id == REGISTER_SLOTS) {
                slots.write(index, entry.value[31:0]);
            } else if (entry.register_id == REGISTER_SERVICE_KEYS) {
                service_keys.write(index, entry.value);
            } else if (entry.register_id == REGISTER_SERVICE_RECORDS) {
                service_records.write(index, entry.value);
            } else if (entry.register_id == REGISTER_NODES) {
                nodes.write(index, entry.value);
            } else if (entry.register_id == REGISTER_MEMBERS) {
                members.write(index, entry.value);
            } else if (entry.register_id == REGISTER_NODE_PORTS) {
                node_ports.write(index, entry.value);
            } else if (entry.register_id == REGISTER_NODE_ADDRESSES) {
                node_addresses.write(index, entry.value[31:0]);
            }
        } else {
            if (entry.register_id == REGISTER_SLOTS) {
                slots.read(word, index);
                entry.value = (bit<64>)word;
            } else if (entry.register_id == REGISTER_SERVICE_KEYS) {
                service_keys.read(entry.value, index);
            } else if (entry.register_id == REGISTER_SERVICE_RECORDS) {
                service_records.read(entry.value, index);
            } else if (entry.register_id == REGISTER_NODES) {
                nodes.read(entry.value, index);
            } else if (entry.register_id == REGISTER_MEMBERS) {
                members.read(entry.value, index);
            } else if (entry.register_id == REGISTER_NODE_PORTS) {
                node_ports.read(entry.value, index);
            } else if (entry.register_id == REGISTER_NODE_ADDRESSES) {
                node_addresses.read(word, index);
                entry.value = (bit<64>)word;
            }
        }
    }
}

control Cells(inout headers_t hdr, in bool write) {
    Cell() cell;

    apply {
        cell.apply(hdr.entry0, write);
        cell.apply(hdr.entry1, write);
        cell.apply(hdr.entry2, write);
        cell.apply(hdr.entry3, write);
        cell.apply(hdr.entry4, write);
        cell.apply(hdr.entry5, write);
        cell.apply(hdr.entry6, write);
        cell.apply(hdr.entry7, write);
        cell.apply(hdr.entry8, write);
        cell.apply(hdr.entry9, write);
        cell.apply(hdr.entry10, write);
        cell.apply(hdr.entry11, write);
        cell.apply(hdr.entry12, write);
        cell.apply(hdr.entry13, write);
        cell.apply(hdr.entry14, write);
        cell.apply(hdr.entry15, write);
    }
}

// Takes an authentic message in order. `fresh`: a WRITE whose entries are to be applied, this once.
control Order(inout headers_t hdr, in bit<64> boot_id, out bool fresh) {
    apply {
        bit<64> state;
        bit<8> status = STATUS_OK;
        bool write = hdr.update.operation == OP_WRITE;
        bool other_boot = hdr.update.operation != OP_HELLO && hdr.update.boot_id != boot_id;
        fresh = false;
        @atomic {
            update_state.read(state, 0);
            if (other_boot) {
                status = STATUS_BOOT;
            } else if (hdr.update.operation == OP_HELLO) {
                if (hdr.update.epoch > state[63:32]) {
                    state = hdr.update.epoch ++ 32w0;
                    update_state.write(0, state);
                } else if (hdr.update.epoch < state[63:32]) {
                    status = STATUS_EPOCH;
                }
            } else if (write) {
                if (hdr.update.epoch != state[63:32]) {
                    status = STATUS_EPOCH;
                } else if (hdr.update.sequence == state[31:0] + 1) {
                    state = hdr.update.epoch ++ hdr.update.sequence;
                    update_state.write(0, state);
                    fresh = true;
                } else if (hdr.update.sequence > state[31:0]) {
                    status = STATUS_GAP;
                }
            }
        }
        if (status == STATUS_BOOT) {
            events.count(EVENT_UPDATE_BOOT);
        } else if (status == STATUS_EPOCH) {
            events.count(EVENT_UPDATE_EPOCH);
        } else if (status == STATUS_GAP) {
            events.count(EVENT_UPDATE_GAP);
        } else if (fresh) {
            events.count(EVENT_UPDATE_APPLIED);
        } else if (write) {
            events.count(EVENT_UPDATE_REPEATED);
        } else if (hdr.update.operation == OP_READ) {
            events.count(EVENT_UPDATE_READ);
        } else {
            events.count(EVENT_UPDATE_HELLO);
        }
        hdr.update.operation = hdr.update.operation | OP_ANSWER;
        hdr.update.status = status;
        hdr.update.boot_id = boot_id;
        hdr.update.epoch = state[63:32];
        hdr.update.sequence = state[31:0];
    }
}

// Back to the sender, through the port where the message came in.
control Answer(inout headers_t hdr, inout standard_metadata_t sm) {
    apply {
        mac_address_t own_mac = hdr.ethernet.destination;
        hdr.ethernet.destination = hdr.ethernet.source;
        hdr.ethernet.source = own_mac;
        ipv4_address_t own_address = hdr.ipv4.destination;
        hdr.ipv4.destination = hdr.ipv4.source;
        hdr.ipv4.source = own_address;
        hdr.ipv4.checksum = checksum_replace16(hdr.ipv4.checksum, hdr.ipv4.ttl ++ hdr.ipv4.protocol, 8w64 ++ hdr.ipv4.protocol);
        hdr.ipv4.ttl = UPDATE_TTL;
        bit<16> own_port = hdr.udp.destination_port;
        hdr.udp.destination_port = hdr.udp.source_port;
        hdr.udp.source_port = own_port;
        hdr.udp.checksum = 0;
        sm.egress_spec = sm.ingress_port;
    }
}

// Everything that arrives at the update port of the switch's own address ends here: answered or dropped.
control Update(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    bit<64> key0 = 0;
    bit<64> key1 = 0;
    bit<64> boot_id = 0;

    action set_key(bit<64> k0, bit<64> k1) {
        key0 = k0;
        key1 = k1;
    }

    table update_keys {
        key = { hdr.update.key_id: exact; }
        actions = { set_key; NoAction; }
        default_action = NoAction();
        size = 256;
    }

    action set_boot_id(bit<64> id) {
        boot_id = id;
    }

    table identity {
        actions = { set_boot_id; }
        default_action = set_boot_id(0);
    }

    apply {
        bit<64> tag;
        bool fresh;
        bool wanted = false;
        bit<1> long_form = 0;
        if (hdr.entry15.isValid()) {
            long_form = 1;
        }
        if (!hdr.mac.isValid() || hdr.ipv4.total_length != hdr.udp.length + 20) {
            events.count(EVENT_UPDATE_MALFORMED);
        } else if (hdr.update.magic != UPDATE_MAGIC || hdr.update.version != UPDATE_VERSION) {
            events.count(EVENT_UPDATE_VERSION);
        } else if (hdr.update.operation == OP_HELLO && long_form == 0 || (hdr.update.operation == OP_WRITE || hdr.update.operation == OP_READ) && long_form == 1) {
            if (update_keys.apply().hit) {
                Mac.apply(hdr, key0, key1, tag);
                if (tag == hdr.mac.tag) {
                    wanted = true;
                } else {
                    events.count(EVENT_UPDATE_FORGED);
                }
            } else {
                events.count(EVENT_UPDATE_KEY);
            }
        } else {
            events.count(EVENT_UPDATE_OPERATION);
        }
        meta.dropped = true;
        if (wanted) {
            bool write = hdr.update.operation == OP_WRITE;
            bool read = hdr.update.operation == OP_READ;
            identity.apply();
            Order.apply(hdr, boot_id, fresh);
            if (fresh || read && hdr.update.status == STATUS_OK) {
                Cells.apply(hdr, write);
            }
            Mac.apply(hdr, key0, key1, tag);
            hdr.mac.tag = tag;
            Answer.apply(hdr, sm);
            meta.dropped = false;
        }
    }
}

#endif
