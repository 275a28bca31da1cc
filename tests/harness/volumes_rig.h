/*
 * Volumes on virtual time, on real files: a root below /tmp in a mount namespace of the test's
 * own, objects from few words, a pod from JSON with single quotes. Needs root; without it rig_open
 * says false, and there is nothing to test.
 */
#ifndef KUBE_VOLUMES_RIG_H
#define KUBE_VOLUMES_RIG_H

#include "sim_world.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kubelet/environment.h"
#include "kubelet/volumes.h"

#define RIG_UID "0b5f3a6e-0000-4000-8000-000000000001"

struct volumes_rig {
	struct world *w;
	struct arena arena;
	char base[64]; /* ROOT is base/root; the rest of base is outside of it */
	struct node_facts node;
	struct volumes_host host;
	struct sources sources;
	struct map objects; /* "configmaps/NAME" → tree */
	const struct cJSON *pod;
	struct pod_volumes *volumes;
};

static inline struct cJSON *rig_json(struct volumes_rig *r, const char *text)
{
	struct str copy = arena_str(&r->arena, str_from(text));
	struct cJSON *tree = NULL;

	for (size_t i = 0; i < copy.len; i++)
		if (copy.at[i] == '\'')
			((char *)copy.at)[i] = '"';
	EXPECT_INT(json_parse(&r->arena, copy, NULL, &tree, NULL), 0);
	return tree;
}

static inline enum source_state rig_get(void *ctx, struct arena *a, const struct resource *resource,
	struct str name, const struct cJSON **object)
{
	struct volumes_rig *r = ctx;
	const char *kind = resource == resource_secrets() ? "secrets" : "configmaps";

	*object = map_get(&r->objects, arena_print(a, "%s/%.*s", kind, STRF(name)));
	return *object ? SOURCE_FOUND : SOURCE_MISSING;
}

/* text NULL: it is gone. */
static inline void rig_put(struct volumes_rig *r, const char *key, const char *text)
{
	if (text)
		map_set(&r->objects, str_from(key), rig_json(r, text));
	else
		map_remove(&r->objects, str_from(key));
}

static inline bool rig_open(struct volumes_rig *r, struct world *w)
{
	static bool apart;

	*r = (struct volumes_rig){.w = w};
	if (!apart && (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)))
		return false;
	apart = true;
	arena_init(&r->arena);
	map_init(&r->objects);
	snprintf(r->base, sizeof(r->base), "/tmp/kube-volumes-XXXXXX");
	if (!EXPECT(mkdtemp(r->base) != NULL))
		return false;
	r->node = (struct node_facts){
		.name = STR("n"), .allocatable = rig_json(r, "{'memory':'64Mi','cpu':'2'}")};
	r->host = (struct volumes_host){.env = w->env,
		.client = w->client,
		.root = arena_print(&r->arena, "%s/root", r->base),
		.node = &r->node};
	r->sources = (struct sources){rig_get, r};
	fake_put(&w->api, "serviceaccounts/default/default", "{}");
	return true;
}

static inline void rig_close(struct volumes_rig *r)
{
	char command[160];

	pod_volumes_free(r->volumes);
	snprintf(command, sizeof(command), "rm -rf --one-file-system '%s'", r->base);
	EXPECT_INT(system(command), 0);
	map_done(&r->objects);
	arena_done(&r->arena);
}

/* spec: members of the pod's spec. */
static inline void rig_pod(struct volumes_rig *r, const char *spec)
{
	r->pod = rig_json(
		r, arena_print(&r->arena,
			   "{'metadata':{'name':'p','namespace':'default','uid':'" RIG_UID "',"
			   "'labels':{'b':'2','a':'x'},'annotations':{'note':'two\\nlines'}},'spec'"
			   ":{%s}}",
			   spec)
			   .at);
	if (!r->volumes)
		r->volumes = pod_volumes_new(&r->host, STR(RIG_UID));
	else
		pod_volumes_touch(r->volumes);
}

/* 0, or the code; the problems are in pod_volumes_problems. */
static inline int rig_prepare(struct volumes_rig *r)
{
	struct told told = {0};

	pod_volumes_prepare(
		r->volumes, told_op(&told, r->w->root, OP_NO_DEADLINE), r->pod, &r->sources);
	world_await(r->w, &told);
	int code = told.err.code;
	told_done(&told);
	return code;
}

static inline struct str rig_problem(struct volumes_rig *r, size_t i)
{
	size_t count;
	const struct str *list = pod_volumes_problems(r->volumes, &count);

	return i < count ? list[i] : STR("(none)");
}

static inline int rig_remove(struct volumes_rig *r, struct buf *why)
{
	struct told told = {0};

	pod_volumes_remove(r->volumes, told_op(&told, r->w->root, OP_NO_DEADLINE));
	world_await(r->w, &told);
	int code = told.err.code;
	if (why)
		buf_add_text(why, err_text(&told.err));
	told_done(&told);
	return code;
}

/* "volumes/KIND/NAME/FILE" of the pod, on the machine. */
static inline const char *rig_path(struct volumes_rig *r, const char *below)
{
	return arena_print(&r->arena, "%s/root/pods/" RIG_UID "/%s", r->base, below).at;
}

static inline const char *rig_outside(struct volumes_rig *r, const char *below)
{
	return arena_print(&r->arena, "%s/%s", r->base, below).at;
}

static inline struct str rig_read(struct volumes_rig *r, const char *path)
{
	char *text = arena_new(&r->arena, 4096);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, 4095);

	if (fd >= 0)
		close(fd);
	return n < 0 ? STR("(none)") : str_make(text, (size_t)n);
}

static inline void rig_write(struct volumes_rig *r, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)r;
	if (EXPECT(fd >= 0)) {
		EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
		close(fd);
	}
}

static inline unsigned rig_mode(const char *path)
{
	struct stat st = {0};

	return lstat(path, &st) ? 0 : st.st_mode & 07777;
}

static inline bool rig_is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#define RIG_TMPFS 0x01021994
static inline bool rig_in_memory(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == RIG_TMPFS;
}

#endif
