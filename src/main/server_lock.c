#include "server_lock.h"

#include <kube/buf.h>
#include <kube/err.h>
#include <kube/file_tree.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX 8192

/* ---- what stands in it ---- */

void server_trace_print(const struct server_trace *trace, struct buf *out)
{
	for (size_t i = 0; i < trace->dns_ip_count; i++) {
		buf_add_text(out, "dns ");
		ip_print(out, &trace->dns_ips[i]);
		buf_add_text(out, "\n");
	}
	if (trace->pods_log_dir.len)
		buf_print(out, "logs %.*s\n", STRF(trace->pods_log_dir));
}

void server_trace_parse(struct str text, struct server_trace *trace)
{
	struct str line, key, value;

	*trace = (struct server_trace){0};
	while (str_next(&text, '\n', &line)) {
		if (!str_cut(line, ' ', &key, &value))
			continue;
		if (str_eq_text(key, "dns") && trace->dns_ip_count < ARRAY_LEN(trace->dns_ips) &&
			ip_parse(value, &trace->dns_ips[trace->dns_ip_count]))
			trace->dns_ip_count++;
		else if (str_eq_text(key, "logs"))
			trace->pods_log_dir = value;
	}
}

/* ---- the file ---- */

/* -1 with errno. */
static int open_file(const char *data_dir, int flags)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8 * KIB);

	buf_print(&path, "%s/server.lock", data_dir);
	if (buf_over(&path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(buf_text(&path), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static bool has_text(int fd, struct str text)
{
	char old[TEXT_MAX];
	ssize_t len = pread(fd, old, sizeof(old), 0);

	return len >= 0 && str_eq(str_make(old, (size_t)len), text);
}

/* In the room that the old text has: on a full disk there may be no other. */
static int write_text(int fd, struct str text)
{
	ssize_t n = pwrite(fd, text.at, text.len, 0);

	if (n >= 0 && n != (ssize_t)text.len)
		errno = ENOSPC;
	return n == (ssize_t)text.len ? ftruncate(fd, n) : -1;
}

/*
 * A lock of fcntl's older kind: it belongs to the process, children do not inherit it, and whoever
 * asks is told the number of its holder as seen from there.
 */
int server_lock_take(const char *data_dir, const struct server_trace *trace, struct err *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	_cleanup_(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	int code = file_tree_top(data_dir, 0700, NULL, err);

	if (code)
		return code;
	/* Not closed before the end: that would give up the lock. */
	int fd = open_file(data_dir, O_RDWR | O_CREAT);
	if (fd < 0)
		return err_set_errno(err, errno, "%s/server.lock", data_dir);
	if (fcntl(fd, F_SETLK, &whole)) {
		code = errno;
		close(fd);
		if (code == EAGAIN || code == EACCES)
			return err_set(err, ERR_CONFLICT,
				"another server runs on %s: kube stop ends it", data_dir);
		return err_set_errno(err, code, "%s/server.lock", data_dir);
	}
	server_trace_print(trace, &text);
	if (!has_text(fd, buf_str(&text)) && write_text(fd, buf_str(&text)))
		return err_set_errno(err, errno, "%s/server.lock", data_dir);
	return 0;
}

int server_lock_holder(const char *data_dir, pid_t *pid, struct err *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open_file(data_dir, O_RDWR);
	int code = 0;

	*pid = 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set_errno(err, errno, "%s/server.lock", data_dir);
	if (fcntl(fd, F_GETLK, &whole))
		code = err_set_errno(err, errno, "%s/server.lock", data_dir);
	else if (whole.l_type != F_UNLCK && whole.l_pid <= 0)
		code = err_set(err, ERR_UNSUPPORTED,
			"the server runs where its process cannot be seen from here");
	else if (whole.l_type != F_UNLCK)
		*pid = whole.l_pid;
	close(fd);
	return code;
}

int server_lock_read(
	struct arena *a, const char *data_dir, struct server_trace *trace, struct err *err)
{
	char text[TEXT_MAX];
	int fd = open_file(data_dir, O_RDONLY);

	*trace = (struct server_trace){0};
	if (fd < 0 && errno == ENOENT)
		return 0;
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
	int failed = errno;
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return err_set_errno(err, failed, "%s/server.lock", data_dir);
	server_trace_parse(arena_str(a, str_make(text, (size_t)len)), trace);
	return 0;
}
