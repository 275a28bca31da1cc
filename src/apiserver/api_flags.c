/* The flags of `kube apiserver`: upstream's names and meaning, and a few of our own. */
#include "api_flags.h"

#include <kube/log.h>
#include <kube/mem.h>

/* Accepted for the sake of existing command lines; nothing here depends on them. */
static struct flag silent_list(const char *name, struct flag_list *unused)
{
	struct flag f = FLAG_STRINGS(name, unused, NULL, "VALUE", "Accepted, without effect.");

	f.hidden = true;
	return f;
}

/* What upstream needs for etcd, cloud providers, profiling and tracing: read, told, not used. */
static const char *const without_effect[] = {"etcd-cafile", "etcd-certfile", "etcd-keyfile",
	"etcd-count-metric-poll-period", "etcd-db-metric-poll-interval", "etcd-healthcheck-timeout",
	"etcd-prefix", "etcd-readycheck-timeout", "storage-backend", "storage-media-type",
	"storage-initialization-timeout", "delete-collection-workers",
	"lease-reuse-duration-seconds", "max-connection-bytes-per-sec", "permit-address-sharing",
	"permit-port-sharing", "livez-grace-period", "shutdown-send-retry-after",
	"enable-garbage-collector", "endpoint-reconciler-type", "allow-privileged",
	"kubernetes-service-node-port", "peer-advertise-ip", "peer-advertise-port", "peer-ca-file",
	"contention-profiling", "debug-socket-path", "kubelet-timeout",
	"identity-lease-duration-seconds", "identity-lease-renew-interval-seconds",
	"show-hidden-metrics-for-version", "disabled-metrics", "allow-metric-labels", "vmodule",
	"log-flush-frequency", "max-object-cache"};
/* What would change what the server does, if it were heeded: refused, and why. */
static const struct {
	const char *name, *why;
} refused[] = {
	{"etcd-servers", "this server keeps its state below --data-dir and speaks to no etcd"},
	{"etcd-servers-overrides",
		"this server keeps its state below --data-dir and speaks to no etcd"},
	{"egress-selector-config-file", "egress selection is not part of this version"},
	{"tracing-config-file", "tracing is not part of this version"},
};

static size_t count_flags(const struct flag *flags)
{
	size_t n = 0;

	while (flags[n].name)
		n++;
	return n;
}

static struct flag *join(struct arena *a, const struct flag *const *tables, size_t count,
	struct flag_list *unheeded, struct flag_list *no)
{
	size_t total = ARRAY_LEN(without_effect) + ARRAY_LEN(refused) + 1, at = 0;

	for (size_t i = 0; i < count; i++)
		total += count_flags(tables[i]);
	struct flag *all = arena_new(a, total * sizeof(*all));
	for (size_t i = 0; i < count; i++) {
		size_t n = count_flags(tables[i]);

		memcpy(all + at, tables[i], n * sizeof(*all));
		at += n;
	}
	for (size_t i = 0; i < ARRAY_LEN(without_effect); i++)
		all[at++] = silent_list(without_effect[i], unheeded + i);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		all[at++] = silent_list(refused[i].name, no + i);
	return all;
}

/* Where it listens, and as whom. */
static struct flag *serving_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_STRING("data-dir", &o->data_dir, "/var/lib/kube", "DIR",
			"Where all state lives: the store, keys and certificates, "
			"admin.kubeconfig."),
		FLAG_INT("secure-port", &o->secure_port, "6443", "PORT", "Port for HTTPS."),
		FLAG_STRING("bind-address", &o->bind_address, "0.0.0.0", "IP",
			"Address to listen on. 0.0.0.0 and :: mean all."),
		FLAG_STRING("advertise-address", &o->advertise_address, "", "IP",
			"Address that members of the cluster reach this server at; the bind "
			"address, or the machine's, when empty."),
		FLAG_STRING("external-hostname", &o->external_hostname, "", "NAME",
			"A name that the serving certificate is valid for, too."),
		FLAG_STRING("tls-cert-file", &o->tls_cert_file, "", "FILE",
			"Certificate to serve with, followed by its intermediates."),
		FLAG_STRING("tls-private-key-file", &o->tls_key_file, "", "FILE", "The key of it."),
		FLAG_STRING("tls-min-version", &o->tls_min_version, "", "VERSION",
			"VersionTLS12 or VersionTLS13; less is never spoken."),
		FLAG_LIST("tls-cipher-suites", &o->tls_suites, NULL, "SUITE,...",
			"Of TLS 1.2, by IANA's names; all that are good when empty."),
		FLAG_LIST("strict-transport-security-directives", &o->hsts, NULL, "DIRECTIVE,...",
			"What browsers are told of HTTPS, say max-age=31536000,includeSubDomains."),
		FLAG_STRING("cert-dir", &o->cert_dir, "", "DIR",
			"Where keys and certificates that are made here live; DATA-DIR/pki when "
			"empty."),
		FLAG_STRING("client-ca-file", &o->client_ca_file, "", "FILE",
			"Authorities of client certificates; made when empty."),
		FLAG_LIST("cors-allowed-origins", &o->cors_allowed_origins, NULL, "REGEX,...",
			"Whole origins that scripts in browsers may come from, as patterns."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* Who asks: people, by what they show. */
static struct flag *people_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_STRING("token-auth-file", &o->token_auth_file, "", "FILE",
			"Static tokens: token,user,uid,\"group1,group2\" a line."),
		FLAG_BOOL("anonymous-auth", &o->anonymous_auth, "true",
			"Requests without credentials are those of system:anonymous."),
		FLAG_BOOL("enable-bootstrap-token-auth", &o->enable_bootstrap_token_auth, "true",
			"Secrets of type bootstrap.kubernetes.io/token in kube-system are tokens."),
		FLAG_STRING("authentication-config", &o->authentication_config, "", "FILE",
			"An AuthenticationConfiguration, instead of --oidc-...; read again when it "
			"changes."),
		FLAG_STRING("oidc-issuer-url", &o->oidc_issuer_url, "", "URL",
			"An issuer of tokens (OpenID Connect); https."),
		FLAG_STRING("oidc-client-id", &o->oidc_client_id, "", "ID",
			"The audience of its tokens that are for this API."),
		FLAG_STRING("oidc-ca-file", &o->oidc_ca_file, "", "FILE",
			"Authorities of the issuer; the system's when empty."),
		FLAG_STRING("oidc-username-claim", &o->oidc_username_claim, "sub", "CLAIM",
			"The claim that is the user's name."),
		FLAG_STRING("oidc-username-prefix", &o->oidc_username_prefix, "", "PREFIX",
			"Before it; the issuer when empty and the claim is not email, nothing "
			"when -."),
		FLAG_STRING("oidc-groups-claim", &o->oidc_groups_claim, "", "CLAIM",
			"The claim that is the user's groups."),
		FLAG_STRING("oidc-groups-prefix", &o->oidc_groups_prefix, "", "PREFIX",
			"Before each of them."),
		FLAG_LIST("oidc-signing-algs", &o->oidc_algorithms, "RS256", "ALGORITHM,...",
			"By which its tokens may be signed."),
		FLAG_MAP("oidc-required-claim", &o->oidc_required_claims, NULL,
			"Claims that its tokens must have, with these values."),
		FLAG_STRING("authentication-token-webhook-config-file", &o->authn_webhook_file, "",
			"FILE", "kubeconfig of a server that knows tokens."),
		FLAG_STRING("authentication-token-webhook-version", &o->authn_webhook_version,
			"v1beta1", "VERSION", "Version of the TokenReviews sent to it."),
		FLAG_DURATION("authentication-token-webhook-cache-ttl", &o->authn_webhook_ttl,
			"2m0s", "How long its answers are remembered."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* Who asks: as a proxy in front says it. */
static struct flag *proxies_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_STRING("requestheader-client-ca-file", &o->proxy_ca_file, "", "FILE",
			"Authorities of front proxies, whose headers say who asks."),
		FLAG_LIST("requestheader-allowed-names", &o->proxy_names, NULL, "NAME,...",
			"Common names of front proxies; any when empty."),
		FLAG_LIST("requestheader-username-headers", &o->proxy_username_headers, NULL,
			"HEADER,...", "Headers of the user's name: X-Remote-User."),
		FLAG_LIST("requestheader-uid-headers", &o->proxy_uid_headers, NULL, "HEADER,...",
			"Headers of the user's uid: X-Remote-Uid."),
		FLAG_LIST("requestheader-group-headers", &o->proxy_group_headers, NULL,
			"HEADER,...", "Headers of the user's groups: X-Remote-Group."),
		FLAG_LIST("requestheader-extra-headers-prefix", &o->proxy_extra_prefixes, NULL,
			"PREFIX,...", "How headers of more begin: X-Remote-Extra-."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* Who asks: service accounts. */
static struct flag *accounts_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_STRINGS("service-account-key-file", &o->sa_key_files, NULL, "FILE",
			"Keys that service account tokens may be signed with."),
		FLAG_STRING("service-account-signing-key-file", &o->sa_signing_key_file, "", "FILE",
			"Key that service account tokens are signed with; made when empty."),
		FLAG_STRINGS("service-account-issuer", &o->sa_issuers,
			"https://kubernetes.default.svc.cluster.local", "URL",
			"Issuer of service account tokens; further ones are accepted."),
		FLAG_STRING("service-account-jwks-uri", &o->sa_jwks_uri, "", "URL",
			"Said in the discovery document instead of this server's own."),
		FLAG_BOOL("service-account-lookup", &o->sa_lookup, "true",
			"Tokens end with the objects they are bound to."),
		FLAG_DURATION("service-account-max-token-expiration", &o->sa_max_expiration, "0s",
			"Longest life of a service account token; 0: no limit."),
		FLAG_BOOL("service-account-extend-token-expiration", &o->sa_extend_expiration,
			"true", "Tokens of pods live for a year, to be renewed after an hour."),
		FLAG_LIST("api-audiences", &o->api_audiences, NULL, "AUDIENCE,...",
			"Audiences of this API; the issuers when empty."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* Who may. */
static struct flag *rights_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_LIST("authorization-mode", &o->authorization_modes, "Node,RBAC", "MODE,...",
			"AlwaysAllow, AlwaysDeny, ABAC, Webhook, RBAC, Node; asked in this order."),
		FLAG_STRING("authorization-policy-file", &o->authorization_policy_file, "", "FILE",
			"Policies of ABAC, one JSON object a line; read again when it changes."),
		FLAG_STRING("authorization-webhook-config-file", &o->authorization_webhook_file, "",
			"FILE", "kubeconfig of the server that mode Webhook asks."),
		FLAG_STRING("authorization-webhook-version", &o->authorization_webhook_version,
			"v1beta1", "VERSION",
			"Version of the SubjectAccessReviews sent to it: v1 or v1beta1."),
		FLAG_DURATION("authorization-webhook-cache-authorized-ttl",
			&o->authorization_webhook_authorized_ttl, "5m0s",
			"How long its yes is remembered."),
		FLAG_DURATION("authorization-webhook-cache-unauthorized-ttl",
			&o->authorization_webhook_unauthorized_ttl, "30s",
			"How long its no is remembered."),
		FLAG_STRING("authorization-config", &o->authorization_config, "", "FILE",
			"An AuthorizationConfiguration, instead of --authorization-mode and "
			"--authorization-webhook-...; read again when it changes."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* The way to kubelets. */
static struct flag *kubelets_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_STRING("kubelet-client-certificate", &o->kubelet_client_certificate, "",
			"FILE", "Shown to kubelets; without it, one of our own."),
		FLAG_STRING(
			"kubelet-client-key", &o->kubelet_client_key, "", "FILE", "The key of it."),
		FLAG_STRING("kubelet-certificate-authority", &o->kubelet_certificate_authority, "",
			"FILE", "Who signed what kubelets show; without it, they are not checked."),
		FLAG_LIST("kubelet-preferred-address-types", &o->kubelet_address_types,
			"InternalIP,Hostname,InternalDNS,ExternalDNS,ExternalIP", "TYPE,...",
			"Which of a Node's addresses leads to its kubelet."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* The way to webhooks and extension servers. */
static struct flag *outside_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_BOOL("enable-aggregator-routing", &o->aggregator_routing, "false",
			"Webhooks and extension servers that are services are asked at an "
			"endpoint, not at the service's cluster IP."),
		FLAG_BOOL("aggregator-reject-forwarding-redirect", &o->reject_redirects, "true",
			"Extension servers that answer with a redirect are not believed."),
		FLAG_STRING("proxy-client-cert-file", &o->proxy_client_certificate, "", "FILE",
			"Shown to extension servers; without it, one of our own."),
		FLAG_STRING("proxy-client-key-file", &o->proxy_client_key, "", "FILE",
			"The key of it."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* How objects lie in the store. */
static struct flag *sealing_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_STRING("encryption-provider-config", &o->encryption_config, "", "FILE",
			"Which resources lie in the store encrypted, and by which keys."),
		FLAG_BOOL("encryption-provider-config-automatic-reload", &o->encryption_reload,
			"false",
			"The file counts when it changes; otherwise at the next start only."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* What is served. */
static struct flag *serves_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_LIST("enable-admission-plugins", &o->enable_admission, NULL, "PLUGIN,...",
			"Admission plugins to be on besides the default ones."),
		FLAG_LIST("disable-admission-plugins", &o->disable_admission, NULL, "PLUGIN,...",
			"Default admission plugins to be off."),
		FLAG_STRING("admission-control-config-file", &o->admission_config_file, "", "FILE",
			"Configuration of admission plugins."),
		FLAG_MAP("runtime-config", &o->runtime_config, NULL,
			"Versions to turn on or off: api/all, api/beta, GROUP/VERSION, "
			"GROUP/VERSION/RESOURCE."),
		FLAG_GATES("feature-gates", &o->gates, api_gates, "Features on or off."),
		FLAG_STRING("service-cluster-ip-range", &o->service_cidr, "10.43.0.0/16", "CIDR",
			"Addresses of services; one of each family after a comma for both."),
		FLAG_STRING("service-node-port-range", &o->node_port_range, "30000-32767",
			"FIRST-LAST", "Node ports of services."),
		FLAG_DURATION("etcd-compaction-interval", &o->compaction_interval, "5m0s",
			"How long changes stay for watches and lists of the past; 0 keeps as many "
			"as "
			"memory is given for."),
		FLAG_DURATION("event-ttl", &o->event_ttl, "1h0m0s", "How long events are kept."),
		FLAG_BOOL("watch-cache", &o->watch_cache, "true", "Always on here."),
		FLAG_INT("default-watch-cache-size", &o->default_watch_cache_size, "100", "COUNT",
			"Accepted, without effect."),
		FLAG_STRINGS("watch-cache-sizes", &o->watch_cache_sizes, NULL, "SIZE",
			"Accepted, without effect."),
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

/* How much. */
static struct flag *limits_flags(struct arena *a, struct api_options *o)
{
	const struct flag flags[] = {
		FLAG_INT("max-requests-inflight", &o->max_in_flight, "400", "COUNT",
			"Requests that read, at one time; with those that write, shared fairly."),
		FLAG_INT("max-mutating-requests-inflight", &o->max_mutating_in_flight, "200",
			"COUNT", "Requests that write, at one time."),
		FLAG_BOOL("enable-priority-and-fairness", &o->fair_queuing, "true",
			"Users wait in queues of their own when there is too much to do."),
		FLAG_DURATION("request-timeout", &o->request_timeout, "1m0s",
			"How long a request may take that is no watch and no stream."),
		FLAG_INT("min-request-timeout", &o->min_request_timeout, "1800", "SECONDS",
			"Watches last between once and twice as long."),
		FLAG_DURATION("shutdown-delay-duration", &o->shutdown_delay, "0s",
			"Time between SIGTERM and the end of accepting."),
		FLAG_INT("http2-max-streams-per-connection", &o->http2_max_streams, "0", "COUNT",
			"Requests at one time on a connection of HTTP/2; 250 when 0."),
		FLAG_DOUBLE("goaway-chance", &o->goaway_chance, "0", "CHANCE",
			"That a client of HTTP/2 is asked to connect anew with an answer, up to "
			"0.02."),
		FLAG_BOOL("profiling", &o->profiling, "true", "Serve /debug/ to administrators."),
		FLAG_BOOL("fsync", &o->sync, "true",
			"Answer writes when they are on disk. false is for throw-away clusters."),
		{.name = "v",
			.letter = 'v',
			.kind = FLAG_KIND_INT,
			.target = &o->verbosity,
			.fallback = "0",
			.value_name = "LEVEL",
			.help = "How much is logged."},
		FLAG_STRING("logging-format", &o->logging_format, "text", "FORMAT",
			"Format of the log: text or json."),
		FLAG_STRING("config", &o->config_file, "", "FILE",
			"A YAML mapping of flag names to values; the command line wins."),
		{.name = "help",
			.letter = 'h',
			.kind = FLAG_KIND_BOOL,
			.target = &o->help,
			.help = "Print this."},
		FLAG_END,
	};

	return arena_copy(a, flags, sizeof(flags));
}

struct flag *api_options_flags(struct arena *a, struct api_options *o)
{
	const struct flag *const tables[] = {serving_flags(a, o), people_flags(a, o),
		proxies_flags(a, o), accounts_flags(a, o), rights_flags(a, o), kubelets_flags(a, o),
		outside_flags(a, o), sealing_flags(a, o), audit_options_flags(a, &o->audit),
		serves_flags(a, o), limits_flags(a, o)};

	o->unheeded = arena_new(a, ARRAY_LEN(without_effect) * sizeof(*o->unheeded));
	o->refused = arena_new(a, ARRAY_LEN(refused) * sizeof(*o->refused));
	struct flag *all = join(a, tables, ARRAY_LEN(tables), o->unheeded, o->refused);
	o->flags = all;
	return all;
}

void api_flags_tell_unheeded(const struct api_options *o)
{
	for (size_t i = 0; o->unheeded && i < ARRAY_LEN(without_effect); i++)
		if (o->unheeded[i].count)
			log_warning(NULL, "a flag has no effect here",
				LOG_TEXT("flag", without_effect[i]));
}

int api_flags_check_refused(const struct api_options *o, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (o->refused[i].count)
			return err_set(err, ERR_USAGE, "--%s: %s", refused[i].name, refused[i].why);
	return 0;
}
