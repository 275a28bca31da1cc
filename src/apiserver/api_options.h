/*
 * What the command line of `kube apiserver` says, after api_options_check. Strings live in the
 * arena that the flags were parsed into.
 */
#ifndef KUBE_APISERVER_API_OPTIONS_H
#define KUBE_APISERVER_API_OPTIONS_H

#include "audit_options.h"

#include <kube/apiserver.h>
#include <kube/ip.h>

struct api_options {
	/* serving */
	struct str data_dir, bind_address, advertise_address, external_hostname;
	int64_t secure_port;
	struct str tls_cert_file, tls_key_file, client_ca_file, cert_dir;
	struct flag_list cors_allowed_origins;
	struct str tls_min_version;
	bool only_tls13; /* said by it */
	struct flag_list tls_suites;
	struct flag_list hsts; /* directives of Strict-Transport-Security */

	/* who asks */
	struct str token_auth_file;
	bool anonymous_auth, enable_bootstrap_token_auth;
	bool anonymous_auth_given;
	struct str authentication_config;
	struct str oidc_issuer_url, oidc_client_id, oidc_ca_file, oidc_username_claim,
		oidc_username_prefix, oidc_groups_claim, oidc_groups_prefix;
	struct flag_list oidc_algorithms;
	struct flag_map oidc_required_claims;
	struct str authn_webhook_file, authn_webhook_version;
	int64_t authn_webhook_ttl;
	struct str proxy_ca_file; /* of front proxies: --requestheader-… */
	struct flag_list proxy_names, proxy_username_headers, proxy_uid_headers,
		proxy_group_headers, proxy_extra_prefixes;
	struct flag_list sa_key_files, sa_issuers, api_audiences;
	struct str sa_signing_key_file, sa_jwks_uri;
	bool sa_lookup, sa_extend_expiration;
	int64_t sa_max_expiration;
	struct flag_list authorization_modes;
	struct str authorization_policy_file, authorization_config;
	struct str authorization_webhook_file, authorization_webhook_version;
	int64_t authorization_webhook_authorized_ttl, authorization_webhook_unauthorized_ttl;

	/* the way to kubelets */
	struct str kubelet_client_certificate, kubelet_client_key, kubelet_certificate_authority;
	struct flag_list kubelet_address_types;

	/* the way to webhooks and extension servers */
	struct str proxy_client_certificate, proxy_client_key;
	bool aggregator_routing, reject_redirects;

	/* what is served */
	struct flag_list enable_admission, disable_admission;
	struct str admission_config_file;
	struct str encryption_config;
	bool encryption_reload; /* when the file changes */
	bool seals_secrets;     /* without a file: by a key of its own */
	struct audit_options audit;
	struct flag_map runtime_config, gates;
	const struct flag *flags; /* the table, for who wants to see all values */
	struct str service_cidr, node_port_range;
	int64_t compaction_interval; /* 0: history ends by its size only */
	int64_t event_ttl;

	/* how much */
	int64_t max_in_flight, max_mutating_in_flight;
	int64_t request_timeout, min_request_timeout, shutdown_delay;
	double goaway_chance;
	int64_t http2_max_streams; /* 0: what the library has */
	bool profiling, watch_cache, fair_queuing, sync;
	int64_t default_watch_cache_size;
	struct flag_list watch_cache_sizes;

	int64_t verbosity;
	struct str logging_format, config_file;
	bool help;
	struct flag_list *unheeded; /* flags that are read, and do nothing */
	struct flag_list *refused;  /* flags that are read only to say no */

	/* made of the above by api_options_check */
	struct cidr services[2]; /* the second may be empty: len 0 */
	size_t service_cidr_count;
	uint16_t node_port_first, node_port_last;
	struct ip bind, advertise; /* advertise.len 0: found at start */
};

/* The feature gates of upstream 1.36; ends with name == NULL. */
extern const struct flag_gate api_gates[];
bool api_gate(const struct api_options *o, const char *name);

#endif
