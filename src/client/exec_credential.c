#include "exec_credential.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/key.h>
#include <kube/time.h>
#include <kube/x509.h>
#include <kube/yaml.h>

#define GROUP "client.authentication.k8s.io/"

bool exec_credential_version_known(struct str api_version)
{
	return str_eq_text(api_version, GROUP "v1") || str_eq_text(api_version, GROUP "v1beta1");
}

/* ---- what it is told ---- */

static void add_member(struct buf *out, const char *name, struct str value)
{
	if (!value.len)
		return;
	buf_print(out, ",\"%s\":", name);
	json_print_str(out, value);
}

static void add_cluster(struct buf *out, const struct client_config *c, struct str ca)
{
	buf_add_text(out, "\"cluster\":{\"server\":");
	json_print_str(out, c->server);
	add_member(out, "tls-server-name", c->tls_server_name);
	if (c->insecure)
		buf_add_text(out, ",\"insecure-skip-tls-verify\":true");
	if (ca.len) {
		buf_add_text(out, ",\"certificate-authority-data\":\"");
		base64_encode(out, ca);
		buf_add_char(out, '"');
	}
	add_member(out, "proxy-url", c->proxy_url);
	if (c->disable_compression)
		buf_add_text(out, ",\"disable-compression\":true");
	buf_add_text(out, ",\"config\":");
	if (c->exec->cluster_config)
		json_print(out, c->exec->cluster_config, JSON_SORTED);
	else
		buf_add_text(out, "null");
	buf_add_text(out, "},");
}

void exec_credential_print(
	struct buf *out, const struct client_config *config, struct str ca, bool interactive)
{
	buf_add_text(out, "{\"kind\":\"ExecCredential\",\"apiVersion\":");
	json_print_str(out, config->exec->api_version);
	buf_add_text(out, ",\"spec\":{");
	if (config->exec->provide_cluster_info)
		add_cluster(out, config, ca);
	buf_print(out, "\"interactive\":%s}}\n", interactive ? "true" : "false");
}

/* ---- what it answers ---- */

static int check_version(const struct cJSON *root, struct str wanted, struct err *err)
{
	struct str kind = json_str(json_get(root, STR("kind")));
	struct str version = json_str(json_get(root, STR("apiVersion")));

	/* What it does not say is taken to be client-go's internal form, which nobody asks for. */
	if (!kind.len)
		kind = STR("ExecCredential");
	if (!version.len)
		version = STR(GROUP "__internal");
	else if (!exec_credential_version_known(version) || !str_eq_text(kind, "ExecCredential"))
		return err_set(err, ERR_SYNTAX,
			"decoding stdout: no kind \"%.*s\" is registered for version \"%.*s\"",
			STRF(kind), STRF(version));
	if (str_eq(version, wanted))
		return 0;
	return err_set(err, ERR_SYNTAX,
		"exec plugin is configured to use API version %.*s, plugin returned version %.*s",
		STRF(wanted), STRF(version));
}

static int take_text(const struct cJSON *status, const char *name, struct str *out, struct err *err)
{
	const struct cJSON *value = json_get(status, str_from(name));

	if (value && !json_is(value, JSON_STRING) && !json_is(value, JSON_NULL))
		return err_set(err, ERR_SYNTAX,
			"json: cannot unmarshal %s into Go struct field "
			"ExecCredentialStatus.status.%s of type string",
			json_type_name(json_type(value)), name);
	*out = json_str(value);
	return 0;
}

static int take_status(
	const struct cJSON *status, struct exec_credential *credential, struct err *err)
{
	struct str expires = {0};
	int code = take_text(status, "expirationTimestamp", &expires, err);

	if (!code)
		code = take_text(status, "token", &credential->token, err);
	if (!code)
		code = take_text(status, "clientCertificateData", &credential->cert, err);
	if (!code)
		code = take_text(status, "clientKeyData", &credential->key, err);
	if (!code && expires.at)
		code = time_parse(expires, &credential->expires, err);
	return code ? err_wrap(err, code, "decoding stdout") : 0;
}

static int check_pair(const struct exec_credential *credential, struct err *err)
{
	struct certs chain = {0};
	struct key *key = NULL;
	int code = certs_parse_pem(credential->cert, &chain, err);

	if (!code)
		code = key_parse(credential->key, &key, err);
	certs_done(&chain);
	key_unref(key);
	return code ? err_wrap(err, code, "failed parsing client key/certificate") : 0;
}

int exec_credential_parse(struct arena *a, struct str text, struct str api_version,
	struct exec_credential *credential, struct err *err)
{
	struct exec_credential c = {.expires = INT64_MAX};
	struct cJSON *root = NULL;
	int code = yaml_read_any(a, text, NULL, &root, err);

	if (code)
		return err_wrap(
			err, code, "decoding stdout: couldn't get version/kind; json parse error");
	if (!json_is(root, JSON_OBJECT) && !json_is(root, JSON_NULL))
		return err_set(err, ERR_SYNTAX,
			"decoding stdout: couldn't get version/kind; json parse error: json: "
			"cannot unmarshal %s into Go value of type struct { APIVersion string "
			"\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
			"\"json:\\\"kind,omitempty\\\"\" }",
			json_type_name(json_type(root)));
	code = check_version(root, api_version, err);
	if (code)
		return code;
	const struct cJSON *status = json_get(root, STR("status"));
	if (status && !json_is(status, JSON_OBJECT) && !json_is(status, JSON_NULL))
		return err_set(err, ERR_SYNTAX,
			"decoding stdout: json: cannot unmarshal %s into Go struct field "
			"ExecCredential.status of type %s.ExecCredentialStatus",
			json_type_name(json_type(status)),
			str_eq_text(api_version, GROUP "v1") ? "v1" : "v1beta1");
	if (!json_is(status, JSON_OBJECT))
		return err_set(err, ERR_SYNTAX, "exec plugin didn't return a status field");
	code = take_status(status, &c, err);
	if (code)
		return code;
	if (!c.token.len && !c.cert.len && !c.key.len)
		return err_set(
			err, ERR_SYNTAX, "exec plugin didn't return a token or cert/key pair");
	if (!c.cert.len != !c.key.len)
		return err_set(
			err, ERR_SYNTAX, "exec plugin returned only certificate or key, not both");
	if (c.cert.len)
		code = check_pair(&c, err);
	if (!code)
		*credential = c;
	return code;
}
