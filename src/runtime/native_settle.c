/* What a container is to be, as far as the node itself has to be looked at. Blocks. */
#include "native.h"

#include <kube/seccomp.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEVICES_MAX 1024
#define PROFILE_MAX (4 * MIB)
#define ANY         (-1)

/* ---- devices ---- */

static int add_device(struct native_build *b, struct spec_device device, struct err *err)
{
	if (b->spec.device_count >= DEVICES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d devices", DEVICES_MAX);
	b->spec.devices[b->spec.device_count++] = device;
	return 0;
}

static int allow(struct native_build *b, const char *type, int64_t major, int64_t minor,
	const char *access, struct err *err)
{
	return add_device(b,
		(struct spec_device){.type = str_from(type),
			.major = major,
			.minor = minor,
			.access = str_from(access)},
		err);
}

static int add_usual(struct native_build *b, struct err *err)
{
	static const struct {
		const char *path;
		int64_t major, minor;
	} usual[] = {{"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7},
		{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
	int code = 0;

	for (size_t i = 0; i < ARRAY_LEN(usual) && !code; i++)
		code = add_device(b,
			(struct spec_device){.path = str_from(usual[i].path),
				.type = STR("c"),
				.major = usual[i].major,
				.minor = usual[i].minor,
				.mode = 0666,
				.access = STR("rwm")},
			err);
	if (code || b->config->security.privileged)
		return code;
	/* Any may be made, these opened: terminals, their master, the console. */
	code = allow(b, "c", ANY, ANY, "m", err);
	if (!code)
		code = allow(b, "b", ANY, ANY, "m", err);
	if (!code)
		code = allow(b, "c", 136, ANY, "rwm", err);
	if (!code)
		code = allow(b, "c", 5, 2, "rwm", err);
	return code ? code : allow(b, "c", 5, 1, "rwm", err);
}

static int add_node_device(struct native_build *b, const char *from, struct str to,
	struct str access, bool required, struct err *err)
{
	struct stat there;

	if (stat(from, &there))
		return required ? err_set_errno(err, errno, "device %s", from) : 0;
	if (!S_ISCHR(there.st_mode) && !S_ISBLK(there.st_mode))
		return required ? err_set(err, ERR_INVALID, "%s is no device", from) : 0;
	return add_device(b,
		(struct spec_device){.path = arena_str(b->arena, to),
			.type = S_ISBLK(there.st_mode) ? STR("b") : STR("c"),
			.major = major(there.st_rdev),
			.minor = minor(there.st_rdev),
			.mode = there.st_mode & 0777,
			.uid = there.st_uid,
			.gid = there.st_gid,
			.access = access},
		err);
}

/* All that the node has, for whoever may do all. */
static int add_all_below(struct native_build *b, struct str directory, int depth, struct err *err)
{
	static const char *const skipped[] = {"pts", "shm", "fd", "mqueue", "console", "lxc",
		"lxd-", "ptmx", ".udev", "null", "zero", "full", "random", "urandom", "tty"};
	DIR *d = opendir(directory.at);
	int code = 0;

	if (!d)
		return 0;
	for (struct dirent *e; !code && (e = readdir(d));) {
		bool skip = e->d_name[0] == '.' || e->d_type == DT_LNK;
		for (size_t i = 0; i < ARRAY_LEN(skipped) && depth == 0; i++)
			skip = skip || strcmp(e->d_name, skipped[i]) == 0;
		if (skip)
			continue;
		struct str path = arena_print(b->arena, "%.*s/%s", STRF(directory), e->d_name);
		if (e->d_type == DT_DIR && depth < 4)
			code = add_all_below(b, path, depth + 1, err);
		else if (e->d_type == DT_CHR || e->d_type == DT_BLK)
			code = add_node_device(b, path.at, path, STR("rwm"), false, err);
	}
	closedir(d);
	return code;
}

static int settle_devices(struct native_build *b, struct err *err)
{
	const struct container_config *g = b->config;
	int code;

	b->spec.devices = arena_new(b->arena, DEVICES_MAX * sizeof(struct spec_device));
	code = add_usual(b, err);
	for (size_t i = 0; i < g->device_count && !code; i++) {
		const struct runtime_device *d = &g->devices[i];
		struct str access = d->permissions.len ? d->permissions : STR("rwm");
		code = add_node_device(b, arena_str(b->arena, d->host_path).at, d->container_path,
			arena_str(b->arena, access), true, err);
	}
	if (code || !g->security.privileged)
		return code;
	code = add_all_below(b, STR("/dev"), 0, err);
	return code ? code : allow(b, "a", ANY, ANY, "rwm", err);
}

/* ---- mounts ---- */

/* What is missing on the node is made, a directory; links are followed once, here. */
static int settle_mount(struct native_build *b, struct spec_mount *m, struct err *err)
{
	char real[PATH_MAX];

	if (!str_eq(m->type, STR("bind")))
		return 0;
	if (!realpath(m->source.at, real)) {
		int code = errno == ENOENT ? native_make_dirs(m->source.at, 0755, err)
					   : err_set_errno(err, errno, "%s", m->source.at);
		if (code)
			return code;
		if (!realpath(m->source.at, real))
			return err_set_errno(err, errno, "%s", m->source.at);
	}
	m->source = arena_str(b->arena, str_from(real));
	return 0;
}

/* ---- filters of system calls ---- */

static int compile_default(struct native_build *b, struct err *err)
{
	_cleanup_(buf_done) struct buf filter = BUF_INIT(SECCOMP_FILTER_MAX);
	uint64_t set = (uint64_t)b->spec.capabilities;

	b->spec.seccomp = arena_print(
		b->arena, "%.*s/default-%llx", STRF(b->seccomp_directory), (unsigned long long)set);
	if (access(b->spec.seccomp.at, R_OK) == 0)
		return 0;
	int code = native_make_dirs(b->seccomp_directory.at, 0700, err);
	if (!code)
		code = seccomp_filter_default(set, &filter, err);
	return code ? code : native_write(b->spec.seccomp.at, buf_str(&filter), err);
}

static int compile_profile(struct native_build *b, struct str profile, struct err *err)
{
	_cleanup_(buf_done) struct buf filter = BUF_INIT(SECCOMP_FILTER_MAX);
	_cleanup_(buf_done) struct buf text = BUF_INIT(PROFILE_MAX);
	int code = native_read(arena_str(b->arena, profile).at, &text, err);

	if (!code)
		code = seccomp_filter_profile(
			buf_str(&text), (uint64_t)b->spec.capabilities, &filter, err);
	if (code)
		return err_wrap(err, code, "seccomp profile %.*s", STRF(profile));
	b->spec.seccomp = arena_print(b->arena, "%.*s/seccomp", STRF(b->directory));
	return native_write(b->spec.seccomp.at, buf_str(&filter), err);
}

static int settle_seccomp(struct native_build *b, struct err *err)
{
	const struct container_security *s = &b->config->security;

	if (s->privileged || s->seccomp.kind == SECCOMP_UNCONFINED)
		return 0;
	if (s->seccomp.kind == SECCOMP_LOCALHOST)
		return compile_profile(b, s->seccomp.profile, err);
	return compile_default(b, err);
}

int native_spec_settle(struct native_build *b, struct err *err)
{
	int code = settle_devices(b, err);

	for (size_t i = 0; i < b->spec.mount_count && !code; i++)
		code = settle_mount(b, &b->spec.mounts[i], err);
	if (!code)
		code = settle_seccomp(b, err);
	if (!code && b->log_path.len) {
		struct str directory, name;
		str_cut_last(b->log_path, '/', &directory, &name);
		code = native_make_dirs(arena_str(b->arena, directory).at, 0755, err);
	}
	return code;
}
