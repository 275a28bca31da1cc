/* CertificateSigningRequest */
#include "kinds.h"

const struct strategy strategy_certificatesigningrequests = {
	.name_rule = name_check_path_segment,
	.unconditional = true,
	.drops_status = true,
};
