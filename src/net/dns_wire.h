/* What reading and writing messages of DNS have in common: sizes and bits of the header. */
#ifndef KUBE_NET_DNS_WIRE_H
#define KUBE_NET_DNS_WIRE_H

#include <kube/dns_message.h>

#define DNS_LABEL_MAX   63
#define DNS_FLAG_QR     0x8000
#define DNS_FLAG_TC     0x0200
#define DNS_FLAG_RD     0x0100
#define DNS_POINTER_MAX 0x3fff

#endif
