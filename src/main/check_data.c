/* The data directory: is there room, can images be unpacked there, how long do certificates hold.
 */
#include "check.h"

#include <kube/file_tree.h>
#include <kube/mount.h>
#include <kube/x509.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPACE_NEEDED ((int64_t)(500 * MIB))
#define SPACE_WANTED ((int64_t)(4096 * MIB))
#define SOON         (30 * 24 * HOUR)

/* The directory, or the nearest above it that is there; NULL with errno. */
static const char *nearest(struct check *c)
{
	struct str path = str_from(c->dir), head, name;
	const char *at = c->dir;

	while (access(at, F_OK)) {
		if (errno != ENOENT || !path.len || !str_cut_last(path, '/', &head, &name))
			return NULL;
		path = head;
		at = path.len ? arena_str(&c->arena, path).at : "/";
	}
	return at;
}

static void check_space(struct check *c, const char *at)
{
	struct statvfs fs;

	if (statvfs(at, &fs)) {
		check_say(c, WARNING, "disk", "name a --data-dir that can be read",
			"nothing is known of %s", c->dir);
		return;
	}
	int64_t space = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	check_say(c,
		space < SPACE_NEEDED   ? FAILURE
		: space < SPACE_WANTED ? WARNING
				       : FINE,
		"disk", space < SPACE_WANTED ? "make room, or choose another --data-dir" : NULL,
		"%lld MiB are free for %s", (long long)(space / MIB), c->dir);
	if (fs.f_files && fs.f_favail < 10000)
		check_say(c, WARNING, "inodes", "remove files, or choose another --data-dir",
			"%llu files can be made for %s", (unsigned long long)fs.f_favail, c->dir);
}

/* ---- overlayfs, as images are mounted ---- */

static int make_layers(const char *top, struct err *err)
{
	int dir, lower = -1, code = file_tree_top(top, 0700, &dir, err);

	if (code)
		return code;
	code = file_tree_make(dir, "lower", 0700, &lower, err);
	if (!code)
		code = file_tree_make(dir, "upper", 0700, NULL, err);
	if (!code)
		code = file_tree_make(dir, "work", 0700, NULL, err);
	int fd = code ? -1 : openat(lower, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (!code && fd < 0)
		code = err_set_errno(err, errno, "%s", top);
	if (fd >= 0)
		close(fd);
	if (lower >= 0)
		close(lower);
	close(dir);
	return code;
}

/* Seen by nobody else, as it is attached nowhere. A file of a layer below is removed above it. */
static int try_overlay(struct check *c, const char *top, struct err *err)
{
	const char *lower = arena_print(&c->arena, "%s/lower", top).at;
	int fd, code = make_layers(top, err);

	if (!code)
		code = mount_overlay(&lower, 1, arena_print(&c->arena, "%s/upper", top).at,
			arena_print(&c->arena, "%s/work", top).at, &fd, err);
	if (code)
		return code;
	if (unlinkat(fd, "file", 0))
		code = err_set_errno(err, errno, "removing a file of a layer");
	close(fd);
	return code;
}

static void check_overlay(struct check *c, const char *at)
{
	_cleanup_(err_done) struct err err = {0};
	const char *slash = strcmp(at, "/") == 0 ? "" : "/";
	char *top = arena_text(
		&c->arena, arena_print(&c->arena, "%s%s.kube-check-XXXXXX", at, slash).at);
	int parent = -1;

	if (geteuid() != 0)
		return; /* said already */
	if (!mkdtemp(top)) {
		check_say(c, FAILURE, "overlayfs", "choose a --data-dir that can be written to",
			"nothing can be made in %s", at);
		return;
	}
	if (try_overlay(c, top, &err))
		check_say(c, FAILURE, "overlayfs",
			"load it (modprobe overlay), or choose a --data-dir on ext4 or xfs",
			"images cannot be mounted in %s: %s", at, err_text(&err));
	else
		check_say(c, FINE, "overlayfs", NULL, "images can be mounted in %s", at);
	parent = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		file_tree_remove(parent, strrchr(top, '/') + 1, NULL, NULL);
		close(parent);
	}
}

/* ---- certificates ---- */

struct certificates {
	struct check *check;
	size_t seen, said;
	int64_t first; /* to end */
};

/* Others than authorities are made anew by the server, when it runs and when it begins. */
static void judge(struct certificates *s, const char *name, const struct cert_info *info)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct check *c = s->check;
	int64_t left = info->not_after - env_wall(c->env);

	s->seen++;
	s->first = MIN(s->first, info->not_after);
	if (left > SOON || (!info->is_ca && (!c->server || left > 0)))
		return;
	s->said++;
	time_print(&text, info->not_after);
	check_say(c, left > 0 ? WARNING : FAILURE, "certificates",
		info->is_ca ? "put pki aside while the server is stopped: the next start makes "
			      "another authority, whose kubeconfigs clients need then"
			    : "look into the server's log, and start it anew",
		"pki/%s %s %s", name, left > 0 ? "ends on" : "has ended on", buf_text(&text));
}

static int see_file(void *ctx, int dir, const char *name, struct err *err)
{
	struct certificates *s = ctx;
	struct certs certs = {0};

	(void)dir;
	(void)err;
	if (!str_ends(str_from(name), STR(".crt")))
		return 0;
	const char *text = check_read(
		s->check, arena_print(&s->check->arena, "%s/pki/%s", s->check->dir, name).at);
	if (!text || certs_parse_pem(str_from(text), &certs, NULL)) {
		s->said++;
		check_say(s->check, FAILURE, "certificates",
			"restore it from a backup, or remove it and its key: it is made anew",
			"pki/%s cannot be read", name);
		return 0;
	}
	for (size_t i = 0; i < certs.count; i++)
		judge(s, name, cert_info(certs.items[i]));
	certs_done(&certs);
	return 0;
}

static void check_certificates(struct check *c)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct certificates s = {.check = c, .first = INT64_MAX};
	int dir = open(
		arena_print(&c->arena, "%s/pki", c->dir).at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return; /* they are made at the first start */
	file_tree_each(dir, see_file, &s, NULL);
	close(dir);
	if (!s.seen || s.said)
		return;
	time_print(&text, s.first);
	check_say(c, FINE, "certificates", NULL, "the first of %zu ends on %s", s.seen,
		buf_text(&text));
}

void check_data(struct check *c)
{
	const char *at = nearest(c);

	if (!at) {
		check_say(c, FAILURE, "disk", "name a --data-dir that can be reached",
			"%s cannot be reached", c->dir);
		return;
	}
	check_space(c, at);
	check_overlay(c, at);
	check_certificates(c);
}
