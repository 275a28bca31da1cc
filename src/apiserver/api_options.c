/* What the command line says, held against itself; the flags are in api_flags.c. */
#include "api_options.h"
#include "admission.h"
#include "api_flags.h"

#include <kube/log.h>
#include <kube/regex.h>
#include <kube/time.h>

struct api_options *api_options_new(struct arena *a)
{
	return arena_new(a, sizeof(struct api_options));
}

/* ---- checks ---- */

/* One that did not pin the host down would let others in whose names contain it. */
static int check_origins(const struct api_options *o, struct err *err)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < o->cors_allowed_origins.count; i++) {
		struct str pattern = o->cors_allowed_origins.items[i], why = {0};
		bool begins = str_find(pattern, STR("^")) >= 0 || str_find(pattern, STR("//")) >= 0;
		bool ends = str_find(pattern, STR("$")) >= 0 || str_find(pattern, STR(":")) >= 0;

		if (!regex_compile(&a, pattern, &why))
			return err_set(err, ERR_USAGE,
				"--cors-allowed-origins has an invalid regular expression: %.*s",
				STRF(why));
		if (!begins || !ends)
			return err_set(err, ERR_USAGE,
				"--cors-allowed-origins has an invalid regular expression: regular "
				"expression does not pin to start/end of host in the origin "
				"header");
	}
	return 0;
}

static int check_addresses(struct api_options *o, struct err *err)
{
	if (!ip_parse(o->bind_address, &o->bind))
		return err_set(err, ERR_USAGE, "--bind-address: \"%.*s\" is no IP address",
			STRF(o->bind_address));
	if (o->advertise_address.len && !ip_parse(o->advertise_address, &o->advertise))
		return err_set(err, ERR_USAGE, "--advertise-address: \"%.*s\" is no IP address",
			STRF(o->advertise_address));
	if (o->secure_port < 0 || o->secure_port > 65535)
		return err_set(err, ERR_USAGE,
			"--secure-port: %lld is not a port number between 0 and 65535",
			(long long)o->secure_port);
	if (!o->tls_cert_file.len != !o->tls_key_file.len)
		return err_set(
			err, ERR_USAGE, "--tls-cert-file and --tls-private-key-file go together");
	return 0;
}

static int check_services(struct api_options *o, struct err *err)
{
	struct str rest = o->service_cidr, piece, first, last;
	uint64_t low, high;

	o->service_cidr_count = 0;
	while (str_next(&rest, ',', &piece)) {
		if (o->service_cidr_count == 2)
			return err_set(err, ERR_USAGE,
				"--service-cluster-ip-range must not contain more than two "
				"entries");
		struct cidr *c = &o->services[o->service_cidr_count++];
		if (!cidr_parse(str_trim(piece), c))
			return err_set(err, ERR_USAGE,
				"--service-cluster-ip-range: \"%.*s\" is no CIDR", STRF(piece));
		unsigned most = c->ip.len * 8u;
		if (most - c->bits > 20)
			return err_set(err, ERR_USAGE,
				"--service-cluster-ip-range: \"%.*s\" is larger than 20 bits",
				STRF(piece));
		if (most - c->bits < 2)
			return err_set(err, ERR_USAGE,
				"--service-cluster-ip-range: \"%.*s\" is too small", STRF(piece));
	}
	if (!o->service_cidr_count ||
		(o->service_cidr_count == 2 && o->services[0].ip.len == o->services[1].ip.len))
		return err_set(err, ERR_USAGE,
			"--service-cluster-ip-range wants one CIDR, or one of each family");
	if (!str_cut(o->node_port_range, '-', &first, &last) || !str_to_u64(first, &low) ||
		!str_to_u64(last, &high) || low > high || high > 65535 || low < 1)
		return err_set(err, ERR_USAGE,
			"--service-node-port-range: \"%.*s\" is no FIRST-LAST",
			STRF(o->node_port_range));
	o->node_port_first = (uint16_t)low;
	o->node_port_last = (uint16_t)high;
	return 0;
}

static bool plugin_known(struct str name)
{
	for (const struct admission_plugin *p = admission_plugins; p->name; p++)
		if (str_eq_text(name, p->name))
			return true;
	return false;
}

static int check_plugins(const char *flag, const struct flag_list *list, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (!plugin_known(list->items[i]))
			return err_set(err, ERR_USAGE, "%s plugin \"%.*s\" is unknown", flag,
				STRF(list->items[i]));
	return 0;
}

static int check_modes(const struct flag_list *modes, struct err *err)
{
	static const char *const known[] = {
		"AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"};

	if (!modes->count)
		return err_set(err, ERR_USAGE, "at least one authorization-mode must be passed");
	for (size_t i = 0; i < modes->count; i++) {
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			found |= str_eq_text(modes->items[i], known[k]);
		if (!found)
			return err_set(err, ERR_USAGE,
				"authorization-mode \"%.*s\" is not a valid mode",
				STRF(modes->items[i]));
		for (size_t k = 0; k < i; k++)
			if (str_eq(modes->items[i], modes->items[k]))
				return err_set(err, ERR_USAGE,
					"authorization-mode \"%.*s\" has mode specified more than "
					"once",
					STRF(modes->items[i]));
	}
	return 0;
}

static bool has_mode(const struct api_options *o, const char *mode)
{
	for (size_t i = 0; i < o->authorization_modes.count; i++)
		if (str_eq_text(o->authorization_modes.items[i], mode))
			return true;
	return false;
}

/* Was one given whose name begins like that? Nobody knows of tables that no line was read into. */
static bool was_given(const struct api_options *o, const char *prefix)
{
	for (const struct flag *f = o->flags; f && f->name; f++)
		if (f->set && str_starts(str_from(f->name), str_from(prefix)))
			return true;
	return false;
}

static int check_authorization(const struct api_options *o, struct err *err)
{
	if (o->authorization_config.len) {
		if (was_given(o, "authorization-mode") || was_given(o, "authorization-webhook-"))
			return err_set(err, ERR_USAGE,
				"--authorization-config can not be specified when "
				"--authorization-mode or --authorization-webhook-* flags are "
				"defined");
		return 0;
	}
	int code = check_modes(&o->authorization_modes, err);
	if (code)
		return code;
	if (has_mode(o, "ABAC") && !o->authorization_policy_file.len)
		return err_set(err, ERR_USAGE,
			"authorization-mode ABAC's authorization policy file not passed");
	if (!has_mode(o, "ABAC") && o->authorization_policy_file.len)
		return err_set(err, ERR_USAGE,
			"cannot specify --authorization-policy-file without mode ABAC");
	if (has_mode(o, "Webhook") && !o->authorization_webhook_file.len)
		return err_set(err, ERR_USAGE,
			"authorization-mode Webhook's authorization config file not passed");
	if (!has_mode(o, "Webhook") && o->authorization_webhook_file.len)
		return err_set(err, ERR_USAGE,
			"cannot specify --authorization-webhook-config-file without mode Webhook");
	if (!str_eq_text(o->authorization_webhook_version, "v1") &&
		!str_eq_text(o->authorization_webhook_version, "v1beta1") &&
		o->authorization_webhook_version.len)
		return err_set(err, ERR_USAGE,
			"unsupported webhook authorizer version %.*s, supported versions are v1, "
			"v1beta1",
			STRF(o->authorization_webhook_version));
	return 0;
}

static int check_headers(const char *flag, const struct flag_list *list, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (!str_trim(list->items[i]).len)
			return err_set(err, ERR_USAGE, "--%s: empty value in \"%.*s\"", flag,
				STRF(list->items[i]));
	return 0;
}

static int check_authentication(struct api_options *o, struct err *err)
{
	int code = 0;

	o->anonymous_auth_given = was_given(o, "anonymous-auth");
	if (!o->oidc_issuer_url.len != !o->oidc_client_id.len)
		code = err_set(err, ERR_USAGE,
			"oidc-issuer-url and oidc-client-id must be specified together when any "
			"oidc-* flags are set");
	else if (!o->oidc_issuer_url.len && was_given(o, "oidc-"))
		code = err_set(err, ERR_USAGE,
			"oidc-issuer-url and oidc-client-id must be specified together when any "
			"oidc-* flags are set");
	else if (o->authentication_config.len && was_given(o, "oidc-"))
		code = err_set(err, ERR_USAGE,
			"authentication-config file and oidc-* flags are mutually exclusive");
	else if (o->authn_webhook_file.len && !str_eq_text(o->authn_webhook_version, "v1") &&
		 !str_eq_text(o->authn_webhook_version, "v1beta1"))
		code = err_set(err, ERR_USAGE,
			"unsupported authentication webhook version \"%.*s\", supported versions "
			"are \"v1\", \"v1beta1\"",
			STRF(o->authn_webhook_version));
	if (!code)
		code = check_headers(
			"requestheader-username-headers", &o->proxy_username_headers, err);
	if (!code)
		code = check_headers("requestheader-group-headers", &o->proxy_group_headers, err);
	if (!code)
		code = check_headers(
			"requestheader-extra-headers-prefix", &o->proxy_extra_prefixes, err);
	if (!code && o->sa_max_expiration &&
		(o->sa_max_expiration < HOUR || o->sa_max_expiration > ((int64_t)1 << 32) * SEC))
		code = err_set(err, ERR_USAGE,
			"the service-account-max-token-expiration must be between 1 hour and 2^32 "
			"seconds");
	return code;
}

void api_options_seal_secrets(struct api_options *o)
{
	o->seals_secrets = true;
}

static int check_https(struct api_options *o, struct err *err)
{
	int code = tls_version_parse(o->tls_min_version, &o->only_tls13, err);

	for (size_t i = 0; i < o->hsts.count && !code; i++)
		if (!str_eq_text(o->hsts.items[i], "includeSubDomains") &&
			!str_eq_text(o->hsts.items[i], "preload") &&
			!str_starts(o->hsts.items[i], STR("max-age=")))
			code = err_set(err, ERR_USAGE,
				"--strict-transport-security-directives invalid, allowed values: "
				"max-age=expireTime, includeSubDomains, preload. see "
				"https://tools.ietf.org/html/rfc6797#section-6.1 for more "
				"information");
	if (!code && (o->http2_max_streams < 0 || o->http2_max_streams > 100000))
		code = err_set(err, ERR_USAGE,
			"--http2-max-streams-per-connection must be between 0 and 100000");
	return code;
}

int api_options_check(struct arena *a, struct api_options *o, struct err *err)
{
	int code = api_flags_check_refused(o, err);

	if (!code)
		code = check_https(o, err);
	if (!code)
		code = check_origins(o, err);
	if (!code)
		code = check_addresses(o, err);
	if (!code)
		code = check_services(o, err);
	if (!code)
		code = check_authorization(o, err);
	if (!code)
		code = check_authentication(o, err);
	if (!code)
		code = check_plugins("enable-admission-plugins", &o->enable_admission, err);
	if (!code)
		code = check_plugins("disable-admission-plugins", &o->disable_admission, err);
	if (!code && o->compaction_interval < 0)
		code = err_set(err, ERR_USAGE, "--etcd-compaction-interval is negative");
	if (!code && o->request_timeout <= 0)
		code = err_set(err, ERR_USAGE, "--request-timeout must be positive");
	if (!code && (o->goaway_chance < 0 || o->goaway_chance > 0.02))
		code = err_set(err, ERR_USAGE,
			"--goaway-chance can not be less than 0 or greater than 0.02");
	if (!code && o->max_in_flight + o->max_mutating_in_flight <= 0)
		code = err_set(err, ERR_USAGE,
			"--max-requests-inflight and --max-mutating-requests-inflight must not "
			"both be zero");
	if (!code && !str_eq(o->logging_format, STR("text")) &&
		!str_eq(o->logging_format, STR("json")))
		code = err_set(err, ERR_USAGE, "--logging-format must be text or json");
	if (!code)
		code = audit_options_check(&o->audit, err);
	if (!code && o->encryption_reload && !o->encryption_config.len)
		code = err_set(err, ERR_USAGE,
			"--encryption-provider-config-automatic-reload must be set with "
			"--encryption-provider-config");
	if (!code && !o->api_audiences.count)
		o->api_audiences = o->sa_issuers;
	if (!o->cert_dir.len)
		o->cert_dir = arena_print(a, "%.*s/pki", STRF(o->data_dir));
	return code;
}

void api_options_offer_addresses(struct api_options *o, const struct ip *ips, size_t count)
{
	if (o->advertise.len || !ip_is_unspecified(&o->bind) || !count)
		return;
	o->advertise = ips[0];
	for (size_t i = count; i-- > 0;)
		if (ips[i].len == o->services[0].ip.len)
			o->advertise = ips[i];
}

bool api_options_help(const struct api_options *o)
{
	return o->help;
}

struct str api_options_config(const struct api_options *o)
{
	return o->config_file;
}

void api_options_set_log(const struct api_options *o)
{
	log_set_verbosity((int)o->verbosity);
	if (str_eq(o->logging_format, STR("json")))
		log_set_format(LOG_FORMAT_JSON);
}

bool api_gate(const struct api_options *o, const char *name)
{
	return flags_gate(&o->gates, api_gates, name);
}
