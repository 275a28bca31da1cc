/*
 *	begin → (hold, TLS) → resolve: HEAD of the manifest, endpoint after endpoint
 *	      → known already: only the name is noted
 *	      → manifest (of an index: the one for this machine) → config → layers, some at once
 *	      → into the index
 *
 * Texts are containerd's, since those are what people look for.
 */
#include "image_pull.h"
#include "image_take.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>
#include <stdio.h>
#include <unistd.h>

#define ACCEPTED                                                                                   \
	"application/vnd.docker.distribution.manifest.v2+json, "                                   \
	"application/vnd.docker.distribution.manifest.list.v2+json, "                              \
	"application/vnd.oci.image.manifest.v1+json, "                                             \
	"application/vnd.oci.image.index.v1+json, */*"
#define NESTING_MAX 4

static const char *const pull_steps[] = {"begin", "held", "resolved", "manifest", "manifest body",
	"config", "config body", "layers", "entered"};

static void pull_run(struct task *t, struct err *err);

/* ---- failing ---- */

static void pull_fail(struct image_pull *p, struct err *err)
{
	struct err out = {0};

	err_set(&out, err->code, "failed to pull and unpack image \"%.*s\": %s", STRF(p->full),
		err_text(err));
	err_done(err);
	task_fail(&p->job.task, &out);
}

static void resolve_fail(struct image_pull *p, struct err *err)
{
	err_wrap(err, err->code, "failed to resolve reference \"%.*s\"", STRF(p->full));
	pull_fail(p, err);
}

/* ---- calls ---- */

void image_pull_end_call(struct image_pull *p)
{
	if (p->calling)
		registry_call_end(&p->call);
	p->calling = false;
}

static void call(struct image_pull *p, const char *method, struct str path, int next)
{
	image_pull_end_call(p);
	registry_call_init(&p->call, &p->session, str_from(method), path, STR(ACCEPTED));
	p->calling = true;
	registry_call_start(&p->call, task_await(&p->job.task, next, OP_NO_DEADLINE));
}

static void read_body(struct image_pull *p, int next)
{
	buf_clear(&p->body);
	http_call_read_all(&p->call.http, task_await(&p->job.task, next, OP_NO_DEADLINE), &p->body,
		IMAGE_DOCUMENT_MAX);
}

/* ---- begin ---- */

static void hold_work(struct work *w)
{
	struct image_pull *p = CONTAINER_OF(w, struct image_pull, job.work);
	struct image_store *s = p->job.store;

	if (image_disk_hold(&s->disk, &p->hold, &w->err) == 0 && !s->http)
		image_registry_tls(s, &p->tls, &w->err);
}

static void start_work(struct image_pull *p, int next, work_fn *run)
{
	err_done(&p->job.work.err);
	work_start(&p->job.work, task_await(&p->job.task, next, OP_NO_DEADLINE), WORK_DISK, run);
}

static void pull_begin(struct image_pull *p, struct err *err)
{
	struct image_store *s = p->job.store;

	if (image_reference_parse(&p->arena, p->full, &p->ref, err)) {
		err_wrap(err, ERR_INVALID, "failed to parse reference \"%.*s\"", STRF(p->full));
		return task_fail(&p->job.task, err);
	}
	image_reference_default_tag(&p->ref);
	p->full = image_reference_print(&p->arena, &p->ref);
	p->state.reference = p->full;
	list_push(&s->pulls, &p->in_store);
	p->url_count =
		image_registry_endpoints(s, &p->arena, p->ref.domain, &p->urls, &p->own_from);
	start_work(p, PULL_HELD, hold_work);
}

static void use_endpoint(struct image_pull *p)
{
	struct registry_session *session = &p->session;

	session->base = p->urls[p->url_at];
	session->repository = p->ref.path;
	session->of = p->url_at >= p->own_from ? (struct str){0} : p->ref.domain;
	session->authorization = (struct str){0};
	/* Passwords are for the registry, not for its mirrors. */
	session->auth = p->url_at >= p->own_from ? p->auth : (struct image_auth){0};
}

/* ---- what the name means ---- */

static struct str manifest_path(struct image_pull *p, struct str what)
{
	return arena_print(&p->arena, "manifests/%.*s", STRF(what));
}

static void resolve(struct image_pull *p)
{
	use_endpoint(p);
	call(p, "HEAD", manifest_path(p, p->ref.digest.len ? p->ref.digest : p->ref.tag),
		PULL_RESOLVED);
}

/* One endpoint does not have it, or cannot be reached: the next may. */
static void resolve_elsewhere(struct image_pull *p, struct err *err)
{
	if (err->code == ERR_CANCELLED || p->url_at + 1 >= p->url_count)
		return resolve_fail(p, err);
	/* The registry itself over http only where https does not work, not where it says no. */
	if (p->url_at >= p->own_from && p->calling && p->call.http.status)
		return resolve_fail(p, err);
	p->url_at++;
	err_done(err);
	resolve(p);
}

static void note_type(struct image_pull *p)
{
	struct str type = http_headers_get(&p->call.http.response, STR("Content-Type")), rest;

	str_cut(type, ';', &type, &rest);
	p->media_type = arena_str(&p->arena, str_trim(type));
	/* These say nothing about manifests. */
	if (str_eq_text(p->media_type, "application/json") ||
		str_eq_text(p->media_type, "application/octet-stream") ||
		str_starts(p->media_type, STR("text/plain")))
		p->media_type = (struct str){0};
}

static void ask_manifest(struct image_pull *p, struct str what)
{
	p->now = what;
	call(p, "GET", manifest_path(p, what), PULL_MANIFEST);
}

/* The image whose manifest (or index) this is, when all of it is here. */
static struct image_record *known_image(struct image_pull *p)
{
	struct str name = image_reference_name(&p->arena, &p->ref);

	return p->digest.len
		       ? map_get(&p->job.store->picture->by_name,
				 arena_print(&p->arena, "%.*s@%.*s", STRF(name), STRF(p->digest)))
		       : NULL;
}

static void fill_names(struct image_pull *p)
{
	struct image_reference tagged = p->ref;
	struct str name = image_reference_name(&p->arena, &p->ref);
	struct image_entry *e = &p->entry;

	tagged.digest = (struct str){0};
	e->names.items = arena_new(&p->arena, sizeof(struct str));
	e->digests.items = arena_new(&p->arena, sizeof(struct str));
	/* A name with a digest means that digest: its tag may mean another by now. */
	if (p->ref.tag.len && p->ref.digest.len == 0)
		e->names.items[e->names.count++] = image_reference_print(&p->arena, &tagged);
	e->digests.items[e->digests.count++] =
		arena_print(&p->arena, "%.*s@%.*s", STRF(name), STRF(p->digest));
	e->came = env_wall(p->job.store->env);
}

static void enter_work(struct work *w)
{
	struct image_pull *p = CONTAINER_OF(w, struct image_pull, job.work);
	const struct image_disk *d = &p->job.store->disk;
	int failed = 0;

	if (p->config_text.len)
		failed = image_take_config(d, &p->arena, p->config_text, &p->entry.id, &w->err);
	if (!failed)
		failed = image_index_add(d, &p->entry, &w->err);
	if (!failed)
		image_picture_load(d, &p->job.picture, &w->err);
}

static void enter_known(struct image_pull *p, const struct image_record *r)
{
	struct image_entry *e = &p->entry;

	fill_names(p);
	/* The record's memory goes with its picture. */
	e->id = arena_str(&p->arena, r->image.id);
	e->layers.items = arena_new(&p->arena, (r->layers.count + 1) * sizeof(struct str));
	e->layers.count = r->layers.count;
	e->layer_bytes = arena_copy(
		&p->arena, r->layer_bytes, (r->layers.count + 1) * sizeof(r->layer_bytes[0]));
	for (size_t i = 0; i < r->layers.count; i++)
		e->layers.items[i] = arena_str(&p->arena, r->layers.items[i]);
	start_work(p, PULL_ENTERED, enter_work);
}

static void resolved(struct image_pull *p, struct err *err)
{
	int status = p->call.http.status;

	if (err->code) {
		p->call.http.status = 0;
		return resolve_elsewhere(p, err);
	}
	if (status == 404) {
		err_set(err, ERR_NOT_FOUND, "%.*s: not found", STRF(p->full));
		return resolve_elsewhere(p, err);
	}
	if (status != 200 && status != 405) {
		registry_call_refusal(&p->call, err);
		return resolve_elsewhere(p, err);
	}
	struct str said = http_headers_get(&p->call.http.response, STR("Docker-Content-Digest"));
	if (p->ref.digest.len)
		p->digest = p->ref.digest;
	else if (status == 200 && image_digest_valid(said))
		p->digest = arena_str(&p->arena, said);
	struct image_record *known = known_image(p);
	if (known)
		return enter_known(p, known);
	ask_manifest(p, p->digest.len ? p->digest : p->ref.tag);
}

/* ---- manifests ---- */

static int check_digest(struct image_pull *p, struct str text, struct str wanted, struct err *err)
{
	struct str digest = image_digest_of(&p->arena, text);

	if (!str_eq(digest, wanted))
		return err_set(err, ERR_INVALID,
			"unexpected commit digest %.*s, expected %.*s: failed precondition",
			STRF(digest), STRF(wanted));
	return 0;
}

static void manifest_head(struct image_pull *p, struct err *err)
{
	if (!err->code && p->call.http.status == 404)
		err_set(err, ERR_NOT_FOUND, "content at %.*s not found: not found",
			STRF(p->call.url));
	else if (!err->code && p->call.http.status != 200)
		registry_call_refusal(&p->call, err);
	if (err->code) {
		err_wrap(err, err->code, "failed to copy: httpReadSeeker: failed open");
		return pull_fail(p, err);
	}
	note_type(p);
	read_body(p, PULL_MANIFEST_BODY);
}

static int take_manifest(struct image_pull *p, struct err *err)
{
	struct str text = arena_str(&p->arena, buf_str(&p->body));
	struct str wanted = image_digest_valid(p->now) ? p->now : (struct str){0};
	int failed = wanted.len ? check_digest(p, text, wanted, err) : 0;

	if (!failed)
		failed = image_document_parse(&p->arena, text, p->media_type,
			MAX(p->job.store->limits.image_layers, (int64_t)1000), &p->document, err);
	if (!failed && p->digest.len == 0)
		p->digest = image_digest_of(&p->arena, text);
	return failed;
}

static void manifest_came(struct image_pull *p, struct err *err)
{
	if (!err->code)
		take_manifest(p, err);
	if (err->code)
		return pull_fail(p, err);
	if (!p->document.is_index)
		return call(p, "GET",
			arena_print(&p->arena, "blobs/%.*s", STRF(p->document.config.digest)),
			PULL_CONFIG);
	const struct image_descriptor *chosen = image_document_choose(&p->document);
	if (!chosen)
		err_set(err, ERR_NOT_FOUND, "no match for platform in manifest: not found");
	else if (++p->depth >= NESTING_MAX)
		err_set(err, ERR_INVALID, "indexes within indexes");
	if (err->code)
		return pull_fail(p, err);
	ask_manifest(p, chosen->digest);
}

/* ---- the config ---- */

static void config_head(struct image_pull *p, struct err *err)
{
	if (!err->code && p->call.http.status != 200)
		registry_call_refusal(&p->call, err);
	if (err->code) {
		err_wrap(err, err->code, "failed to copy: httpReadSeeker: failed open");
		return pull_fail(p, err);
	}
	read_body(p, PULL_CONFIG_BODY);
}

static int take_config(struct image_pull *p, struct err *err)
{
	struct image_store *s = p->job.store;

	p->config_text = arena_str(&p->arena, buf_str(&p->body));
	int failed = check_digest(p, p->config_text, p->document.config.digest, err);
	if (!failed)
		failed = image_config_parse(
			&p->arena, p->config_text, s->limits.image_layers, &p->config, err);
	if (!failed && p->config.diff_ids.count != p->document.count)
		failed = err_set(err, ERR_INVALID, "mismatched image rootfs and manifest layers");
	return failed;
}

/* ---- all of it is here ---- */

static void enter_new(struct image_pull *p)
{
	struct image_entry *e = &p->entry;
	size_t count = p->document.count;

	fill_names(p);
	e->layers = p->config.diff_ids;
	e->layer_bytes = arena_new(&p->arena, (count + 1) * sizeof(e->layer_bytes[0]));
	for (size_t i = 0; i < count; i++)
		e->layer_bytes[i] = p->layers[p->layers[i].same].fetch.bytes;
	start_work(p, PULL_ENTERED, enter_work);
}

/* ---- the task ---- */

static void pull_held(struct image_pull *p, struct err *err)
{
	struct image_store *s = p->job.store;

	if (err->code)
		return pull_fail(p, err);
	if (!s->http)
		image_registry_open(s, p->tls);
	p->session.http = s->http;
	resolve(p);
}

static void pull_entered(struct image_pull *p)
{
	image_store_show(p->job.store, TAKE(p->job.picture));
	/* In the caller's hands as long as the picture shows it. */
	struct image_record *r = image_store_record(p->job.store, p->entry.id);
	p->asked->id = r ? r->image.id : (struct str){0};
	task_finish(&p->job.task, 0);
}

static void pull_run(struct task *t, struct err *err)
{
	struct image_pull *p = CONTAINER_OF(t, struct image_pull, job.task);

	switch ((enum pull_step)t->step) {
	case PULL_BEGIN:
		return pull_begin(p, err);
	case PULL_HELD:
		return pull_held(p, err);
	case PULL_RESOLVED:
		return resolved(p, err);
	case PULL_MANIFEST:
		return manifest_head(p, err);
	case PULL_MANIFEST_BODY:
		return manifest_came(p, err);
	case PULL_CONFIG:
		return config_head(p, err);
	case PULL_CONFIG_BODY:
		if (err->code || take_config(p, err))
			return pull_fail(p, err);
		return image_pull_layers(p);
	case PULL_LAYERS:
		return err->code ? pull_fail(p, err) : enter_new(p);
	case PULL_ENTERED:
		return err->code ? pull_fail(p, err) : pull_entered(p);
	}
}

static const struct task_kind pull_kind = TASK_KIND("pull", pull_steps, pull_run);

static void pull_end(struct store_job *job)
{
	struct image_pull *p = CONTAINER_OF(job, struct image_pull, job);

	image_pull_end_call(p);
	link_remove(&p->in_store);
	if (p->hold >= 0)
		close(p->hold);
	tls_config_unref(p->tls);
	buf_done(&p->body);
	err_done(&p->layer_err);
	mem_free(p->layers);
	arena_done(&p->session.arena);
	arena_done(&p->arena);
}

static const struct op_kind pull_op = {.name = "image pull", .cancel = store_job_cancel};

void image_store_pull(struct image_store *s, struct op *op, struct runtime_pull *pull)
{
	struct image_pull *p = store_job_new(s, op, &pull_op, sizeof(*p));

	if (!p)
		return;
	p->job.end = pull_end;
	p->asked = pull;
	p->hold = -1;
	arena_init(&p->arena);
	arena_init(&p->session.arena);
	buf_init(&p->body, IMAGE_DOCUMENT_MAX + 1);
	p->full = arena_str(&p->arena, pull->reference);
	if (pull->auth)
		p->auth = (struct image_auth){.user = arena_str(&p->arena, pull->auth->user),
			.password = arena_str(&p->arena, pull->auth->password),
			.identity_token = arena_str(&p->arena, pull->auth->identity_token),
			.registry_token = arena_str(&p->arena, pull->auth->registry_token)};
	store_job_run(&p->job, &pull_kind);
}
