/* The certificate of the node's server is made anew before it ends, and later when that fails. */
#include "kubelet_rig.h"
#include "tls_world.h"

struct maker {
	struct tls_world world;
	struct tls_world_identity identity;
	struct env *env;
	int asked, made;
	bool fails;
};

static struct tls_config *make(struct maker *m)
{
	struct tls_server_options options = {
		.identities = &m->identity.identity, .identity_count = 1};
	struct tls_config *tls = NULL;

	EXPECT_INT(tls_config_new_server(&options, &tls, NULL), 0);
	return tls;
}

static int renew(void *ctx, struct tls_config **tls, int64_t *until, struct err *err)
{
	struct maker *m = ctx;

	m->asked++;
	if (m->fails)
		return err_set(err, ERR_INTERNAL, "no luck");
	*tls = make(m);
	*until = env_wall(m->env) + 10 * HOUR;
	m->made++;
	return 0;
}

TEST(a_certificate_is_made_anew_before_it_ends)
{
	struct tls_world_want want = {.name = "n1", .usages = CERT_SERVER, .ip = "192.168.7.1"};
	struct maker m = {0};
	struct kubelet_rig r;

	tls_world_init(&m.world, clock_wall());
	tls_world_issue(&m.world, &want, &m.identity);
	kubelet_rig_open(&r, NULL, 0);
	kubelet_rig_stop(&r);
	m.env = r.w.host;
	r.options.tls = make(&m);
	r.options.tls_until = env_wall(m.env) + 5 * HOUR;
	r.options.renew_tls = renew;
	r.options.tls_ctx = &m;
	kubelet_rig_start(&r);
	tls_config_unref(r.options.tls);
	rig_pass(&r, 4 * HOUR - MINUTE);
	EXPECT_INT(m.asked, 0);
	m.fails = true;
	rig_pass(&r, 2 * HOUR);
	EXPECT_INT(m.asked, 2);
	m.fails = false;
	rig_pass(&r, 2 * HOUR);
	EXPECT_INT(m.made, 1);
	rig_pass(&r, 7 * HOUR);
	EXPECT_INT(m.made, 2);
	kubelet_rig_close(&r);
	tls_world_identity_done(&m.identity);
	tls_world_done(&m.world);
}
