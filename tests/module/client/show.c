/* A client is told to prove itself with another certificate: from then on it is somebody else. */
#include "api_rig.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/x509.h>

struct world {
	struct api_rig r;
	struct client *client;
	char cert_file[96], key_file[96];
};

static void new_client(struct world *w)
{
	struct client_options options = {.user_agent = "show/v1"};
	struct client_config config = {.server = str_from(w->r.url),
		.ca_file = str_from(w->r.ca_file),
		.cert_file = str_from(w->cert_file),
		.key_file = str_from(w->key_file)};

	w->client = client_new(
		w->r.t.env, client_transport_https(w->r.t.env, w->r.t.root, &config), &options);
}

static bool world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	if (!api_rig_open(&w->r, API_RIG_LOCAL))
		return false;
	snprintf(w->cert_file, sizeof(w->cert_file), "%s/d/pki/admin.crt", w->r.dir);
	snprintf(w->key_file, sizeof(w->key_file), "%s/d/pki/admin.key", w->r.dir);
	new_client(w);
	return true;
}

static void world_close(struct world *w)
{
	api_rig_drop_client(&w->r, w->client);
	api_rig_close(&w->r);
}

/* A pair of the server's authority of clients. */
static void issue(struct world *w, const char *name, struct buf *cert_pem, struct buf *key_pem)
{
	_cleanup_(buf_done) struct buf ca_pem = BUF_INIT(MIB);
	_cleanup_(buf_done) struct buf ca_key_pem = BUF_INIT(MIB);
	struct cert_request wish = {.subject.common_name = str_from(name),
		.now = env_wall(w->r.t.env),
		.lifetime = HOUR,
		.path_length = -1,
		.usages = CERT_CLIENT};
	struct certs ca = {0};
	struct key *ca_key, *key;
	struct cert *cert;

	EXPECT(api_rig_read(&w->r, "d/pki/client-ca.crt", &ca_pem));
	EXPECT(api_rig_read(&w->r, "d/pki/client-ca.key", &ca_key_pem));
	EXPECT_INT(certs_parse_pem(buf_str(&ca_pem), &ca, NULL), 0);
	EXPECT_INT(key_parse(buf_str(&ca_key_pem), &ca_key, NULL), 0);
	EXPECT_INT(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
	EXPECT_INT(cert_issue(&wish, key, ca.items[0], ca_key, &cert, NULL), 0);
	cert_print_pem(cert, cert_pem);
	key_print_pem(key, key_pem);
	cert_unref(cert);
	key_unref(key);
	key_unref(ca_key);
	certs_done(&ca);
}

static void show(struct world *w, const char *name)
{
	_cleanup_(buf_done) struct buf cert = BUF_INIT(MIB);
	_cleanup_(buf_done) struct buf key = BUF_INIT(MIB);
	struct err err = {0};

	issue(w, name, &cert, &key);
	EXPECT_OK(client_show(w->client, buf_str(&cert), buf_str(&key), &err), &err);
}

static void expect_user(struct world *w, const char *user)
{
	struct err err = {0};

	EXPECT_OK(api_rig_ask_user(&w->r, w->client, user, &err), &err);
	err_done(&err);
}

TEST(another_certificate_is_shown_from_the_next_call_on)
{
	struct world w;

	REQUIRE(world_open(&w));
	EXPECT(client_shows(w.client));
	expect_user(&w, "kubernetes-admin");
	show(&w, "second");
	expect_user(&w, "second");
	expect_user(&w, "second");
	show(&w, "third");
	expect_user(&w, "third");
	world_close(&w);
}

TEST(what_is_shown_before_the_first_call_counts)
{
	struct world w;

	REQUIRE(world_open(&w));
	show(&w, "second");
	expect_user(&w, "second");
	world_close(&w);
}

TEST(what_goes_on_with_the_old_certificate_ends)
{
	struct world w;
	struct told told = {0}, next = {0};
	struct client_watch watch = {
		.resource = resource_find(STR(""), STR("v1"), STR("configmaps")),
		.namespace = STR("nobody-is-here")};

	REQUIRE(world_open(&w));
	client_watch_start(w.client, told_op(&told, w.r.t.root, OP_NO_DEADLINE), &watch);
	loop_test_run_until(&w.r.t, &told.done);
	EXPECT_OK(told.err.code, &told.err);
	client_watch_next(&watch, told_op(&next, w.r.t.root, OP_NO_DEADLINE));
	show(&w, "second");
	loop_test_run_until(&w.r.t, &next.done);
	EXPECT_INT(next.err.code, ERR_CLOSED);
	client_watch_done(&watch);
	expect_user(&w, "second");
	told_done(&told);
	told_done(&next);
	world_close(&w);
}

TEST(what_cannot_be_shown_changes_nothing)
{
	struct world w;
	struct err err = {0};

	REQUIRE(world_open(&w));
	expect_user(&w, "kubernetes-admin");
	EXPECT(client_show(w.client, STR("no certificate"), STR("no key"), &err) < 0);
	err_done(&err);
	expect_user(&w, "kubernetes-admin");
	EXPECT(!client_shows(w.r.client));
	EXPECT_INT(client_show(w.r.client, STR(""), STR(""), &err), ERR_UNSUPPORTED);
	err_done(&err);
	world_close(&w);
}
