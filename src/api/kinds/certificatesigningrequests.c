/* CertificateSigningRequest */
#include "kinds.h"

static const char *const labels[] = {"spec.signerName", NULL};

const struct strategy strategy_certificatesigningrequests = {
	.name_rule = name_check_path_segment,
	.unconditional = true,
	.drops_status = true,
	.field_labels = labels,
};
