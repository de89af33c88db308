// The parts of a v1model program that most of these test programs leave empty, and a main.
// The including file has declared headers_t, metadata_t, PacketParser, PacketIngress.
#ifndef EMPTY_PARTS
#define EMPTY_PARTS

control NoVerify(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control NoEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply { }
}

control NoCompute(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control EmitAll(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr);
    }
}

V1Switch(PacketParser(), NoVerify(), PacketIngress(), NoEgress(), NoCompute(), EmitAll()) main;

#endif
