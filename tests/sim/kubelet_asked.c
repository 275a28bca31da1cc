/* A certificate that is asked for, with each of its awaits failing once, and cancelled once. */
#include <kubelet/asked_certificate.h>

#include "loop_torture.h"
#include "sim_world.h"
#include "tls_world.h"

#include <kube/codec.h>

#define FILE_NAME "/pki/own.pem"
#define REQUESTS  "certificatesigningrequests/"

struct asking {
	struct world w;
	struct tls_world authority;
	struct scope scope;
	struct asked_certificate *c;
	struct asked_options options;
	struct buf used; /* PEM, the chain */
	int uses;
};

static int use(
	void *ctx, const struct cert_info *info, struct str chain, struct str key, struct err *err)
{
	struct asking *a = ctx;

	(void)key;
	(void)err;
	EXPECT_STR(info->subject.common_name, "me");
	buf_clear(&a->used);
	buf_add_str(&a->used, chain);
	a->uses++;
	return 0;
}

static void begin(struct asking *a)
{
	scope_init(&a->scope, a->w.root, "asking", NULL);
	a->options.env = a->w.env;
	a->options.client = a->w.client;
	a->options.scope = &a->scope;
	a->c = asked_certificate_new(&a->options);
}

static void end(struct asking *a)
{
	struct told told = {0};

	scope_close(&a->scope, told_op(&told, a->w.root, OP_NO_DEADLINE));
	world_await(&a->w, &told);
	told_done(&told);
	asked_certificate_free(a->c);
}

static void open_asking(struct asking *a)
{
	*a = (struct asking){0};
	world_open(&a->w, 7);
	tls_world_init(&a->authority, env_wall(a->w.env));
	buf_init(&a->used, MIB);
	a->options = (struct asked_options){.what = "a test",
		.signer = "kubernetes.io/kube-apiserver-client-kubelet",
		.usage = "client auth",
		.wish = {.subject = {.common_name = STR_INIT("me")}},
		.path = STR(FILE_NAME),
		.use = use,
		.ctx = a};
}

static void close_asking(struct asking *a)
{
	buf_done(&a->used);
	tls_world_done(&a->authority);
	world_close(&a->w);
}

/* ---- who signs ---- */

static void sign(struct asking *a, struct cJSON *request, struct arena *arena, const char *key)
{
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB);
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	struct cert *csr = tls_world_read_request(tree_str(request, "spec.request")), *cert;

	struct cert_request wish = {.subject = cert_info(csr)->subject,
		.now = env_wall(a->w.env),
		.lifetime = 100 * HOUR,
		.path_length = -1,
		.usages = CERT_CLIENT};
	EXPECT_INT(cert_issue(&wish, cert_key(csr), a->authority.ca.items[0], a->authority.ca_key,
			   &cert, NULL),
		0);
	cert_print_pem(cert, &pem);
	base64_encode(&text, buf_str(&pem));
	tree_set_str(arena, request, "status.certificate", buf_str(&text));
	buf_clear(&text);
	json_print(&text, request, JSON_COMPACT);
	fake_put(&a->w.api, key, buf_text(&text));
	cert_unref(cert);
	cert_unref(csr);
}

/* All that nobody has answered. */
static int sign_all(struct asking *a)
{
	struct arena arena;
	struct str keys[64];
	int count = 0, signed_now = 0;

	arena_init(&arena);
	omap_each (it, &a->w.api.objects)
		if (str_starts(it.key, STR(REQUESTS)) && count < (int)ARRAY_LEN(keys))
			keys[count++] = arena_str(&arena, it.key);
	for (int i = 0; i < count; i++) {
		struct cJSON *request = NULL;

		EXPECT_INT(
			json_parse(&arena, world_text(&a->w, keys[i].at), NULL, &request, NULL), 0);
		if (tree_has(request, "status.certificate"))
			continue;
		sign(a, request, &arena, keys[i].at);
		signed_now++;
	}
	arena_done(&arena);
	return signed_now;
}

static void live_until(struct asking *a, int uses)
{
	/* An answer that was lost is waited for a quarter of an hour. */
	for (int i = 0; i < 2000 && a->uses < uses; i++) {
		world_pass(&a->w, SEC);
		sign_all(a);
	}
	EXPECT_INT(a->uses, uses);
}

static void expect_kept(struct asking *a)
{
	_cleanup_(buf_done) struct buf kept = BUF_INIT(MIB);

	EXPECT_INT(disk_read_file(a->w.env->disk, FILE_NAME, &kept, NULL), 0);
	EXPECT(a->used.len && str_starts(buf_str(&kept), buf_str(&a->used)));
	EXPECT(str_find(buf_str(&kept), STR("PRIVATE KEY-----")) > 0);
}

/* ---- */

TEST(every_await_may_fail_or_be_cancelled)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
		bool hit = true;
		uint64_t k;

		/* The first one is the whole of it. */
		for (k = 2; hit && k < 500 && !test_failed(); k++) {
			struct asking a;

			test_context(
				"await %llu: %s", (unsigned long long)k, err_code_name(codes[c]));
			open_asking(&a);
			loop_torture(a.w.loop, k, codes[c]);
			begin(&a);
			live_until(&a, 1);
			world_pass(&a.w, 2 * HOUR);
			hit = loop_torture_hit(a.w.loop);
			loop_torture(a.w.loop, 0, 0);
			EXPECT_INT(a.uses, 1);
			expect_kept(&a);
			end(&a);
			close_asking(&a);
		}
		EXPECT(k > 20 && k < 500);
	}
	test_context_end();
}

TEST(it_ends_whenever_its_scope_ends)
{
	/* Nothing read yet; waiting for a signature; for the time that another is due. */
	for (int i = 0; i < 3; i++) {
		struct asking a;

		open_asking(&a);
		begin(&a);
		if (i == 1)
			world_pass(&a.w, SEC);
		if (i == 2)
			live_until(&a, 1);
		end(&a);
		close_asking(&a);
	}
}

TEST(an_answer_to_another_key_is_not_taken)
{
	struct asking a;
	struct fake_change *mine = NULL;

	open_asking(&a);
	begin(&a);
	world_pass(&a.w, SEC);
	omap_each (it, &a.w.api.objects)
		if (str_starts(it.key, STR(REQUESTS)))
			mine = it.value;
	REQUIRE(mine);
	/* Somebody else's answer to somebody else. */
	struct tls_world_identity other;
	struct tls_world_want want = {.name = "me", .usages = CERT_CLIENT};
	_cleanup_(buf_done) struct buf pem = BUF_INIT(MIB);
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);
	tls_world_issue(&a.authority, &want, &other);
	cert_print_pem(other.chain.items[0], &pem);
	buf_add_text(&text, "{\"status\":{\"certificate\":\"");
	base64_encode(&text, buf_str(&pem));
	buf_add_text(&text, "\"}}");
	fake_put(&a.w.api, mine->key, buf_text(&text));
	world_pass(&a.w, SEC);
	EXPECT_INT(a.uses, 0);
	/* It asks again. */
	live_until(&a, 1);
	world_pass(&a.w, SEC);
	expect_kept(&a);
	end(&a);
	tls_world_identity_done(&other);
	close_asking(&a);
}
