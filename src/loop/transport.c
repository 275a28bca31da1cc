#include "transport.h"

const struct transport_ops machine_transport = {
	.connect = socket_connect,
	.listen = socket_listen,
	.resolve = machine_resolve,
	.own = machine_addresses,
};
