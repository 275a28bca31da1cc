/* Keys and certificates: made once, found again, renewed when time or addresses ask for it. */
#include "test.h"

#include "apiserver/api_options.h"
#include "apiserver/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t shift; /* of the clock */
static int64_t (*real_wall)(struct env *env);

static int64_t shifted_wall(struct env *env)
{
	return real_wall(env) + shift;
}

struct place {
	struct loop *loop;
	struct api_server server;
	struct api_options options;
	struct disk disk; /* one that is full */
	struct disk *machine;
	char dir[64];
};

static void place_open(struct place *p)
{
	*p = (struct place){.dir = "/tmp/kube-pki-XXXXXX"};
	EXPECT(mkdtemp(p->dir) != NULL);
	p->loop = loop_new();
	p->server.env = env_new(p->loop);
	p->machine = p->server.env->disk;
	real_wall = p->server.env->wall;
	p->server.env->wall = shifted_wall;
	shift = 0;
	p->server.options = &p->options;
	p->options.data_dir = str_from(p->dir);
	p->options.cert_dir = str_from(p->dir);
	p->options.bind = ip_v4(127, 0, 0, 1);
	cidr_parse(STR("10.96.0.0/16"), &p->options.services[0]);
	p->options.service_cidr_count = 1;
}

static void place_close(struct place *p)
{
	static const char *const names[] = {"ca.crt", "ca.key", "client-ca.crt", "client-ca.key",
		"apiserver.crt", "apiserver.key", "admin.crt", "admin.key", "sa.key", "sa.pub",
		"admin.kubeconfig", "front-proxy-ca.crt", "front-proxy-ca.key"};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		unlink(path);
	}
	EXPECT_INT(rmdir(p->dir), 0);
	p->server.env->disk = p->machine;
	env_free(p->server.env);
	loop_free(p->loop);
}

static bool verifies(const struct pki *pki, const char *host)
{
	struct cert_check check = {.roots = &pki->ca,
		.now = clock_wall() + shift,
		.usage = CERT_SERVER,
		.host = str_from(host)};

	return cert_verify(&pki->serving, &check, NULL) == 0;
}

TEST(the_serving_certificate_is_for_every_name_of_the_server)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *pki = NULL;

	place_open(&p);
	p.options.external_hostname = STR("api.example");
	EXPECT_OK(pki_open(&p.server, &pki, &err), &err);
	EXPECT(verifies(pki, "kubernetes.default.svc.cluster.local"));
	EXPECT(verifies(pki, "kubernetes"));
	EXPECT(verifies(pki, "localhost"));
	EXPECT(verifies(pki, "api.example"));
	EXPECT(verifies(pki, "10.96.0.1"));
	EXPECT(verifies(pki, "127.0.0.1"));
	EXPECT(!verifies(pki, "10.96.0.2"));
	EXPECT(!verifies(pki, "example.org"));
	pki_close(pki);
	place_close(&p);
}

TEST(a_second_start_finds_what_the_first_has_made)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *first = NULL, *second = NULL;

	place_open(&p);
	EXPECT_OK(pki_open(&p.server, &first, &err), &err);
	EXPECT_OK(pki_write_admin(&p.server, 6443, &err), &err);
	EXPECT_OK(pki_open(&p.server, &second, &err), &err);
	EXPECT(str_eq(cert_der(first->serving.items[0]), cert_der(second->serving.items[0])));
	EXPECT(str_eq(cert_der(first->ca.items[0]), cert_der(second->ca.items[0])));
	EXPECT(key_same(first->signing, second->signing));
	pki_close(first);
	pki_close(second);
	place_close(&p);
}

TEST(the_certificate_is_renewed_before_it_ends_and_when_addresses_change)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *pki = NULL;
	bool renewed = true;

	place_open(&p);
	EXPECT_OK(pki_open(&p.server, &pki, &err), &err);
	EXPECT_OK(pki_renew(&p.server, pki, &renewed, &err), &err);
	EXPECT(!renewed);
	p.options.advertise = ip_v4(192, 0, 2, 77);
	EXPECT_OK(pki_renew(&p.server, pki, &renewed, &err), &err);
	EXPECT(renewed);
	EXPECT(verifies(pki, "192.0.2.77"));
	shift = 300 * 24 * HOUR;
	EXPECT_OK(pki_renew(&p.server, pki, &renewed, &err), &err);
	EXPECT(renewed);
	EXPECT(verifies(pki, "192.0.2.77"));
	/* A clock that has run ahead and was set right: the certificate is from the future. */
	shift = 0;
	EXPECT_OK(pki_renew(&p.server, pki, &renewed, &err), &err);
	EXPECT(renewed);
	EXPECT(verifies(pki, "localhost"));
	pki_close(pki);
	place_close(&p);
}

TEST(whoever_it_is_to_extension_servers_stays_when_what_serves_is_renewed)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *pki = NULL;
	struct certs before = {0}, after = {0};
	struct key *key = NULL, *other = NULL;
	const struct certs *roots;
	bool renewed;

	place_open(&p);
	EXPECT_OK(pki_open(&p.server, &pki, &err), &err);
	p.server.pki = pki;
	EXPECT_OK(pki_issue_front_proxy(&p.server, &before, &key, &err), &err);
	p.options.advertise = ip_v4(192, 0, 2, 77);
	EXPECT_OK(pki_renew(&p.server, pki, &renewed, &err), &err);
	EXPECT(renewed);
	EXPECT_OK(pki_issue_front_proxy(&p.server, &after, &other, &err), &err);
	EXPECT_OK(pki_front_proxy_roots(&p.server, &roots, &err), &err);
	for (int i = 0; i < 2; i++) {
		struct cert_check check = {
			.roots = roots, .now = env_wall(p.server.env), .usage = CERT_CLIENT};
		const struct certs *chain = i ? &after : &before;

		EXPECT_OK(cert_verify(chain, &check, &err), &err);
		EXPECT_STR(cert_info(chain->items[0])->subject.common_name, "front-proxy-client");
	}
	certs_done(&before);
	certs_done(&after);
	key_unref(key);
	key_unref(other);
	pki_close(pki);
	place_close(&p);
}

/* ---- a disk that is full ---- */

static ssize_t refuse_write(
	struct disk *d, int handle, const void *at, size_t len, int64_t offset, struct err *err)
{
	(void)d, (void)handle, (void)at, (void)len, (void)offset;
	return err_set(err, ERR_NO_SPACE, "no space left");
}

static struct disk_ops full;

static void disk_fills_up(struct place *p)
{
	p->disk = *p->server.env->disk;
	full = *p->disk.ops;
	full.write = refuse_write;
	p->disk.ops = &full;
	p->server.env->disk = &p->disk;
}

TEST(a_full_disk_keeps_no_second_start_from_what_is_there)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *first = NULL, *second = NULL;

	place_open(&p);
	EXPECT_OK(pki_open(&p.server, &first, &err), &err);
	EXPECT_OK(pki_write_admin(&p.server, 6443, &err), &err);
	disk_fills_up(&p);
	EXPECT_OK(pki_open(&p.server, &second, &err), &err);
	EXPECT_OK(pki_write_admin(&p.server, 6443, &err), &err);
	EXPECT(key_same(first->signing, second->signing));
	pki_close(first);
	pki_close(second);
	place_close(&p);
}

TEST(on_a_full_disk_a_new_certificate_serves_from_memory)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *first = NULL, *second = NULL;

	place_open(&p);
	EXPECT_OK(pki_open(&p.server, &first, &err), &err);
	EXPECT_OK(pki_write_admin(&p.server, 6443, &err), &err);
	disk_fills_up(&p);
	shift = 300 * 24 * HOUR;
	EXPECT_OK(pki_open(&p.server, &second, &err), &err);
	EXPECT(!str_eq(cert_der(first->serving.items[0]), cert_der(second->serving.items[0])));
	EXPECT(verifies(second, "localhost"));
	EXPECT_OK(pki_write_admin(&p.server, 6443, &err), &err);
	pki_close(first);
	pki_close(second);
	place_close(&p);
}

TEST(a_first_start_on_a_full_disk_says_what_it_lacks)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *pki = NULL;

	place_open(&p);
	disk_fills_up(&p);
	EXPECT_INT(pki_open(&p.server, &pki, &err), ERR_NO_SPACE);
	pki_close(pki);
	place_close(&p);
}

static bool admin_verifies(struct place *p, const struct pki *pki)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct cert_check check = {
		.roots = &pki->client_roots, .now = clock_wall() + shift, .usage = CERT_CLIENT};
	struct certs certs = {0};
	char path[128];

	snprintf(path, sizeof(path), "%s/admin.crt", p->dir);
	bool good = !disk_read_file(p->server.env->disk, path, &text, NULL) &&
		    !certs_parse_pem(buf_str(&text), &certs, NULL) &&
		    !cert_verify(&certs, &check, NULL);
	certs_done(&certs);
	return good;
}

TEST(a_clock_that_is_set_by_hours_costs_no_trust)
{
	static const int64_t jumps[] = {-6 * HOUR, 6 * HOUR, -20 * HOUR, 20 * HOUR};
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *pki = NULL;
	bool renewed;

	place_open(&p);
	EXPECT_OK(pki_open(&p.server, &pki, &err), &err);
	EXPECT_OK(pki_write_admin(&p.server, 6443, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		shift = jumps[i];
		EXPECT(verifies(pki, "localhost"));
		EXPECT(admin_verifies(&p, pki));
		EXPECT_OK(pki_renew(&p.server, pki, &renewed, &err), &err);
		EXPECT(!renewed);
	}
	pki_close(pki);
	place_close(&p);
}

TEST(a_broken_file_is_named)
{
	_cleanup_(err_done) struct err err = {0};
	struct place p;
	struct pki *pki = NULL;
	char path[128];

	place_open(&p);
	snprintf(path, sizeof(path), "%s/ca.key", p.dir);
	EXPECT_INT(disk_write_file(p.server.env->disk, path, STR("nonsense"), 0600, NULL), 0);
	EXPECT(pki_open(&p.server, &pki, &err) != 0);
	EXPECT(str_find(str_from(err_text(&err)), STR("ca.key")) >= 0);
	pki_close(pki);
	place_close(&p);
}

TEST(the_first_address_of_a_range)
{
	struct cidr c;
	struct ip first, wanted;

	cidr_parse(STR("10.96.0.0/12"), &c);
	first = cidr_first(&c);
	wanted = ip_v4(10, 96, 0, 1);
	EXPECT(ip_eq(&first, &wanted));
	cidr_parse(STR("fd00:1::/112"), &c);
	first = cidr_first(&c);
	ip_parse(STR("fd00:1::1"), &wanted);
	EXPECT(ip_eq(&first, &wanted));
}

TEST(what_is_issued_is_good_when_the_clock_was_ahead)
{
	_cleanup_(err_done) struct err err = {0};
	struct certs client = {0}, proxy = {0};
	struct key *client_key = NULL, *proxy_key = NULL;
	struct place p;
	struct pki *pki = NULL;
	int64_t now = clock_wall();

	place_open(&p);
	EXPECT_OK(pki_open(&p.server, &pki, &err), &err);
	EXPECT_OK(
		pki_issue_client(&p.server, STR("name"), STR("group"), &client, &client_key, &err),
		&err);
	EXPECT_OK(pki_issue_front_proxy(&p.server, &proxy, &proxy_key, &err), &err);
	EXPECT(cert_info(pki->serving.items[0])->not_before <= now - 23 * HOUR);
	EXPECT(cert_info(client.items[0])->not_before <= now - 23 * HOUR);
	EXPECT(cert_info(proxy.items[0])->not_before <= now - 23 * HOUR);
	certs_done(&client);
	certs_done(&proxy);
	key_unref(client_key);
	key_unref(proxy_key);
	pki_close(pki);
	place_close(&p);
}
