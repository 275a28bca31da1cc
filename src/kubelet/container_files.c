#include "container_files.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define HOSTS_MOST MIB

/* ---- hosts ---- */

static void add_aliases(struct buf *out, const struct cJSON *pod)
{
	const struct cJSON *aliases = json_path(pod, "spec.hostAliases");

	if (json_count(aliases))
		buf_add_text(out, "\n# Entries added by HostAliases.\n");
	json_each (alias, aliases) {
		buf_add_str(out, tree_str(alias, "ip"));
		json_each (name, json_get(alias, STR("hostnames")))
			buf_print(out, "\t%.*s", STRF(json_str(name)));
		buf_add_char(out, '\n');
	}
}

/* One line for each address of the pod. */
static void add_names(
	struct buf *out, const struct cJSON *pod, struct str hostname, struct str domain)
{
	json_each (ip, json_path(pod, "status.podIPs")) {
		buf_print(out, "%.*s\t", STRF(tree_str(ip, "ip")));
		if (domain.len)
			buf_print(out, "%.*s.%.*s\t", STRF(hostname), STRF(domain));
		buf_print(out, "%.*s\n", STRF(hostname));
	}
}

struct str hosts_text(
	struct arena *a, const struct cJSON *pod, struct str hostname, struct str domain)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(HOSTS_MOST);

	if (!tree_true(pod, "spec.hostNetwork")) {
		buf_add_text(&out, "# Kubernetes-managed hosts file.\n"
				   "127.0.0.1\tlocalhost\n"
				   "::1\tlocalhost ip6-localhost ip6-loopback\n"
				   "fe00::0\tip6-localnet\n"
				   "fe00::0\tip6-mcastprefix\n"
				   "fe00::1\tip6-allnodes\n"
				   "fe00::2\tip6-allrouters\n");
		add_names(&out, pod, hostname, domain);
	}
	add_aliases(&out, pod);
	return arena_str(a, buf_str(&out));
}

/* ---- on a worker ---- */

static int write_all(int fd, struct str text, const char *name, struct err *err)
{
	while (text.len) {
		ssize_t wrote = write(fd, text.at, text.len);

		if (wrote < 0 && errno != EINTR)
			return err_set_errno(err, errno, "%s", name);
		if (wrote > 0)
			text = str_skip(text, (size_t)wrote);
	}
	return 0;
}

static void add_node_hosts(struct buf *out)
{
	int fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t got;

	buf_add_text(out, "# Kubernetes-managed hosts file (host network).\n");
	while (fd >= 0 && (got = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)got);
	if (fd >= 0)
		close(fd);
}

/* The containers that mount it see a change: it is the same file that is written anew. */
static int write_hosts(struct container_files *f, int pod, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(2 * HOSTS_MOST);
	int fd, code;

	if (f->node_hosts)
		add_node_hosts(&text);
	buf_add_str(&text, f->hosts);
	fd = openat(pod, "etc-hosts", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set_errno(err, errno, "etc-hosts");
	code = write_all(fd, buf_str(&text), "etc-hosts", err);
	if (!code && fchmod(fd, 0644))
		code = err_set_errno(err, errno, "etc-hosts");
	close(fd);
	return code;
}

/* Whatever user the container has may write into it. */
static int make_last_words(struct container_files *f, int pod, struct err *err)
{
	char name[32];
	int dir, fd, code;
	struct str path = arena_print(f->arena, "containers/%s", f->container);

	snprintf(name, sizeof(name), "%u", f->attempt);
	code = file_tree_make(pod, path.at, 0750, &dir, err);
	if (code)
		return code;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0 || fchmod(fd, 0666))
		code = err_set_errno(err, errno, "%s/%s", path.at, name);
	if (fd >= 0)
		close(fd);
	close(dir);
	return code;
}

static void make_files(struct work *w)
{
	struct container_files *f = CONTAINER_OF(w, struct container_files, work);
	struct str path = arena_print(f->arena, "%s/pods/%s", f->root, f->uid);
	int pod, code = file_tree_top(f->logs, 0755, NULL, &w->err);

	if (!code)
		code = file_tree_top(path.at, 0750, &pod, &w->err);
	if (code)
		return;
	code = write_hosts(f, pod, &w->err);
	if (!code)
		make_last_words(f, pod, &w->err);
	close(pod);
	f->hosts_path = arena_print(f->arena, "%s/etc-hosts", path.at);
	f->last_words =
		arena_print(f->arena, "%s/containers/%s/%u", path.at, f->container, f->attempt);
}

void container_files_make(struct container_files *f, struct op *op, struct arena *a)
{
	f->arena = a;
	work_start(&f->work, op, WORK_DISK, make_files);
}
