// Every frame begins with an Ethernet header, which these programs leave as it is.
#ifndef ETHERNET
#define ETHERNET

header ethernet_t {
    bit<48> destination;
    bit<48> source;
    bit<16> type;
}

#endif
