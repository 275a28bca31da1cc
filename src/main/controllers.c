/* kube controllers: the controllers alone, against an API server anywhere. */
#include "commands.h"
#include "process.h"

#include <kube/controllers.h>

struct controllers_line {
	struct process_line process;
	struct flag_list controllers;
	struct str root_ca_file, signing_cert_file, signing_key_file, account_key_file;
	struct {
		struct str cert, key;
	} signer_files[CONTROLLERS_SIGNERS];
	int64_t node_mask, node_mask_v4, node_mask_v6, terminated_pods;
	struct controllers_options options;
};

/* The words of each signer's flags: --cluster-signing-WORDS-cert-file. */
static const char *const signer_words[CONTROLLERS_SIGNERS] = {
	[SIGNER_KUBELET_SERVING] = "kubelet-serving",
	[SIGNER_KUBELET_CLIENT] = "kubelet-client",
	[SIGNER_API_CLIENT] = "kube-apiserver-client",
	[SIGNER_LEGACY] = "legacy-unknown"};

#define SIGNER_FLAGS(which, words, whom)                                                           \
	FLAG_STRING("cluster-signing-" words "-cert-file", &l->signer_files[which].cert, NULL,     \
		"FILE", "The authority that signs certificates of " whom " (PEM)."),               \
		FLAG_STRING("cluster-signing-" words "-key-file", &l->signer_files[which].key,     \
			NULL, "FILE", "The key of that one (PEM).")

static size_t own_flags(struct process_line *p, struct flag *flags)
{
	struct controllers_line *l = CONTAINER_OF(p, struct controllers_line, process);
	const struct flag own[] = {
		FLAG_LIST("controllers", &l->controllers, "*", "NAMES",
			"Which to run: '*' is all that are on by default, 'foo' turns one on, "
			"'-foo' off."),
		FLAG_BOOL("use-service-account-credentials", &l->process.service_accounts, "false",
			"Each controller works as a service account of its own."),
		FLAG_BOOL("allocate-node-cidrs", &l->options.allocate_node_cidrs, "false",
			"Give nodes ranges for their pods."),
		FLAG_STRING("cluster-cidr", &l->options.cluster_cidr, NULL, "CIDRS",
			"The pods' addresses."),
		FLAG_STRING("service-cluster-ip-range", &l->options.service_cidr, NULL, "CIDRS",
			"The services' addresses."),
		FLAG_INT("node-cidr-mask-size", &l->node_mask, "0", "BITS",
			"The size of a node's range, where there is one family."),
		FLAG_INT("node-cidr-mask-size-ipv4", &l->node_mask_v4, "0", "BITS",
			"The size of a node's IPv4 range; 0: 24."),
		FLAG_INT("node-cidr-mask-size-ipv6", &l->node_mask_v6, "0", "BITS",
			"The size of a node's IPv6 range; 0: 64."),
		FLAG_DURATION("node-monitor-grace-period", &l->options.node_grace, "50s",
			"How long a node may be silent before it counts as lost."),
		FLAG_INT("terminated-pod-gc-threshold", &l->terminated_pods, "12500", "COUNT",
			"How many finished pods are kept; 0 or less: all."),
		FLAG_STRING("root-ca-file", &l->root_ca_file, NULL, "FILE",
			"The authorities that pods are to trust (PEM)."),
		FLAG_STRING("cluster-signing-cert-file", &l->signing_cert_file, NULL, "FILE",
			"The authority that signs certificates (PEM)."),
		FLAG_STRING("cluster-signing-key-file", &l->signing_key_file, NULL, "FILE",
			"That authority's key (PEM)."),
		SIGNER_FLAGS(SIGNER_KUBELET_SERVING, "kubelet-serving", "kubelets as servers"),
		SIGNER_FLAGS(SIGNER_KUBELET_CLIENT, "kubelet-client", "kubelets as clients"),
		SIGNER_FLAGS(SIGNER_API_CLIENT, "kube-apiserver-client", "other clients"),
		SIGNER_FLAGS(SIGNER_LEGACY, "legacy-unknown", "whoever asks for no signer"),
		FLAG_DURATION("legacy-service-account-token-clean-up-period",
			&l->options.legacy_tokens_kept, "8760h0m0s",
			"How long tokens in Secrets may be unused before they become invalid, and "
			"before invalid ones are deleted."),
		FLAG_STRING("service-account-private-key-file", &l->account_key_file, NULL, "FILE",
			"The key of service account tokens in Secrets (PEM)."),
		FLAG_DURATION("cluster-signing-duration", &l->options.signing_duration, "8760h0m0s",
			"The longest life of what it signs."),
	};

	_Static_assert(ARRAY_LEN(own) <= PROCESS_OWN_FLAGS, "room for all");
	memcpy(flags, own, sizeof(own));
	return ARRAY_LEN(own);
}

static int read_signers(struct arena *a, struct controllers_line *l, struct err *err)
{
	struct controllers_options *o = &l->options;
	bool common = l->signing_cert_file.len || l->signing_key_file.len;

	for (size_t i = 0; i < CONTROLLERS_SIGNERS; i++) {
		struct str cert = l->signer_files[i].cert, key = l->signer_files[i].key;
		struct str words = arena_print(a, "cluster-signing-%s", signer_words[i]);
		int code;

		if (!cert.len != !key.len)
			return err_set(err, ERR_USAGE, "\"%.*s\": cannot specify %s without %s",
				STRF(words), cert.len ? "cert file" : "key file",
				cert.len ? "key file" : "cert file");
		if (cert.len && common)
			return err_set(err, ERR_USAGE,
				"cannot specify --cluster-signing-{cert,key}-file and other "
				"--cluster-signing-*-file flags at the same time");
		if ((code = process_read_file(a, words.at, cert, &o->signers[i].cert, err)) ||
			(code = process_read_file(a, words.at, key, &o->signers[i].key, err)))
			return code;
	}
	return 0;
}

static int read_line(
	struct arena *a, struct process_line *p, const struct flag *flags, struct err *err)
{
	struct controllers_line *l = CONTAINER_OF(p, struct controllers_line, process);
	struct controllers_options *o = &l->options;
	_cleanup_(buf_done) struct buf names = BUF_INIT(64 * KIB);
	int code;

	(void)flags;
	for (size_t i = 0; i < l->controllers.count; i++)
		buf_print(&names, "%s%.*s", i ? "," : "", STRF(l->controllers.items[i]));
	o->controllers = arena_str(a, buf_str(&names));
	o->node_mask_v4 = (int)(l->node_mask_v4 ? l->node_mask_v4 : l->node_mask);
	o->node_mask_v6 = (int)(l->node_mask_v6 ? l->node_mask_v6 : l->node_mask);
	o->terminated_pod_threshold = l->terminated_pods > 0 ? (int)l->terminated_pods : -1;
	if ((code = controllers_check(o, err)) ||
		(code = process_read_file(a, "root-ca-file", l->root_ca_file, &o->root_ca, err)) ||
		(code = process_read_file(a, "cluster-signing-cert-file", l->signing_cert_file,
			 &o->signing_cert, err)) ||
		(code = process_read_file(a, "cluster-signing-key-file", l->signing_key_file,
			 &o->signing_key, err)) ||
		(code = process_read_file(a, "service-account-private-key-file",
			 l->account_key_file, &o->account_key, err)))
		return code;
	return read_signers(a, l, err);
}

static struct part *begin(struct process_line *p, const struct component_base *base)
{
	return controllers_new(base, &CONTAINER_OF(p, struct controllers_line, process)->options);
}

int controllers_run(int argc, char **argv)
{
	static const struct process_command command = {.name = "controllers",
		.user_agent = "kube-controller-manager/v1.36.0",
		.lease = "kube-controller-manager",
		.burst = "30",
		.flags = own_flags,
		.read = read_line,
		.begin = begin};
	struct controllers_line line = {0};

	return process_main(&command, &line.process, argc, argv);
}
