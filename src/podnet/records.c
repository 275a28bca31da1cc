#include "records.h"

#include <kube/mem.h>

#include <fcntl.h>
#include <netinet/in.h>

#define FILE_MAX (64 * KIB)

/* ---- texts ---- */

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

static const char *protocol_name(uint8_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (protocols[i].number == number)
			return protocols[i].name;
	return NULL;
}

void record_print(const struct record *r, struct buf *out)
{
	buf_add_str(out, r->sandbox);
	buf_add_char(out, '\n');
	for (size_t i = 0; i < r->ports.count; i++) {
		const struct runtime_port *p = &r->ports.items[i];

		if (!protocol_name(p->protocol))
			continue;
		buf_print(out, "%s %u %u", protocol_name(p->protocol), p->host_port,
			p->container_port);
		if (p->host_ip.len) {
			buf_add_char(out, ' ');
			ip_print(out, &p->host_ip);
		}
		buf_add_char(out, '\n');
	}
}

static bool parse_number(struct str s, uint16_t *number)
{
	uint64_t value;

	if (!str_to_u64(s, &value) || value > UINT16_MAX)
		return false;
	*number = (uint16_t)value;
	return true;
}

static bool parse_port(struct str line, struct runtime_port *p)
{
	struct str words[4], rest = line, word;
	size_t count = 0;

	*p = (struct runtime_port){0};
	while (str_next(&rest, ' ', &word)) {
		if (count == ARRAY_LEN(words))
			return false;
		words[count++] = word;
	}
	if (count < 3 || (count == 4 && !ip_parse(words[3], &p->host_ip)))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (str_eq_text(words[0], protocols[i].name))
			p->protocol = protocols[i].number;
	return p->protocol && parse_number(words[1], &p->host_port) &&
	       parse_number(words[2], &p->container_port);
}

static bool is_id(struct str s)
{
	if (!s.len || s.len > RECORD_ID_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] > '~' || s.at[i] == '/')
			return false;
	return true;
}

bool record_parse(struct str text, struct arena *a, struct record *r)
{
	struct str line, rest = text;
	struct runtime_port *ports;
	size_t count = 0, lines = 0;

	for (size_t i = 0; i < text.len; i++)
		lines += text.at[i] == '\n';
	/* The last line ends, too: what does not was never written to its end. */
	if (!lines || text.at[text.len - 1] != '\n' || lines > RECORD_PORTS_MAX + 1)
		return false;
	if (!str_next(&rest, '\n', &line) || !is_id(line))
		return false;
	r->sandbox = arena_str(a, line);
	ports = arena_new(a, lines * sizeof(*ports));
	while (str_next(&rest, '\n', &line) && line.len)
		if (!parse_port(line, &ports[count++]))
			return false;
	r->ports = (struct runtime_ports){.items = ports, .count = count};
	return rest.at == NULL;
}

/* ---- reading ---- */

static char *path_of(const char *directory, const char *name)
{
	return mem_print("%s/%s", directory, name);
}

static char *path_of_address(const char *directory, const struct ip *ip)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	ip_print(&text, ip);
	return mem_print("%s/addresses/%s", directory, buf_text(&text));
}

struct reading {
	struct disk *disk;
	const char *directory;
	struct records *all;
	struct str *names;
	size_t name_count, name_cap;
};

static int note_name(void *ctx, const char *name)
{
	struct reading *r = ctx;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	ARENA_ROOM(r->all->arena, r->names, r->name_count, r->name_cap, 64);
	r->names[r->name_count++] = arena_str(r->all->arena, str_from(name));
	return 0;
}

/*
 * Written under another name and renamed, so what cannot be read is not of ours, or of a disk
 * that lies: nobody can have such an address.
 */
static int read_record(struct reading *r, struct str name, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	_cleanup_(mem_done) char *path = mem_print("%s/addresses/%s", r->directory, name.at);
	struct records *all = r->all;
	struct record record = {0};

	int code = disk_read_file(r->disk, path, &text, err);
	if (code && code != ERR_TOO_LARGE)
		return code;
	if (code || !ip_parse(name, &record.ip) ||
		!record_parse(buf_str(&text), all->arena, &record)) {
		if (err)
			err_done(err);
		return r->disk->ops->remove(r->disk, path, err);
	}
	ARENA_ROOM(all->arena, all->items, all->count, all->cap, 64);
	all->items[all->count++] = record;
	return 0;
}

/* Words of a file; none when there is no such file. */
static int read_words(
	struct reading *r, const char *name, struct str words[2], size_t *count, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	_cleanup_(mem_done) char *path = path_of(r->directory, name);
	struct err inner = {0};
	struct str rest, word;

	*count = 0;
	int code = disk_read_file(r->disk, path, &text, &inner);
	if (code && code != ERR_NOT_FOUND)
		return err_move(err, &inner);
	err_done(&inner);
	if (code)
		return 0;
	rest = arena_str(r->all->arena, str_trim(buf_str(&text)));
	while (*count < 2 && str_next(&rest, ' ', &word))
		words[(*count)++] = word;
	return 0;
}

int records_read(struct disk *d, const char *directory, struct records *all, struct err *err)
{
	struct reading r = {.disk = d, .directory = directory, .all = all};
	_cleanup_(mem_done) char *addresses = path_of(directory, "addresses");
	struct str words[2];
	size_t count;
	int code = disk_make_dirs(d, addresses, 0700, err);

	if (!code)
		code = d->ops->list(d, addresses, note_name, &r, err);
	for (size_t i = 0; !code && i < r.name_count; i++)
		code = read_record(&r, r.names[i], err);
	if (!code)
		code = read_words(&r, "cidrs", words, &count, err);
	for (size_t i = 0; !code && i < count; i++)
		if (cidr_parse(words[i], &all->cidrs[all->cidr_count]))
			all->cidr_count++;
	if (!code)
		code = read_words(&r, "last", words, &count, err);
	for (size_t i = 0; !code && i < count; i++)
		if (ip_parse(words[i], &all->last[all->last_count]))
			all->last_count++;
	return code;
}

/* ---- writing ---- */

int records_add(struct disk *d, const char *directory, const struct record *r, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	_cleanup_(mem_done) char *path = path_of_address(directory, &r->ip);

	record_print(r, &text);
	if (buf_over(&text))
		return err_set(err, ERR_TOO_LARGE, "too many host ports");
	return disk_write_file(d, path, buf_str(&text), 0600, err);
}

int records_remove(
	struct disk *d, const char *directory, const struct ip *ips, size_t count, struct err *err)
{
	_cleanup_(mem_done) char *addresses = path_of(directory, "addresses");
	size_t removed = 0;

	for (size_t i = 0; i < count; i++) {
		_cleanup_(mem_done) char *path = path_of_address(directory, &ips[i]);
		struct err inner = {0};
		int code = d->ops->remove(d, path, &inner);

		if (code && code != ERR_NOT_FOUND)
			return err_move(err, &inner);
		err_done(&inner);
		removed += !code;
	}
	return removed ? d->ops->sync_dir(d, addresses, err) : 0;
}

int records_set_cidrs(struct disk *d, const char *directory, const struct cidr *cidrs, size_t count,
	struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	_cleanup_(mem_done) char *path = path_of(directory, "cidrs");

	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(&text, ' ');
		cidr_print(&text, &cidrs[i]);
	}
	buf_add_char(&text, '\n');
	return disk_write_file(d, path, buf_str(&text), 0600, err);
}

void records_note_last(struct disk *d, const char *directory, const struct ip *ips, size_t count)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	_cleanup_(mem_done) char *path = path_of(directory, "last");

	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(&text, ' ');
		ip_print(&text, &ips[i]);
	}
	buf_add_char(&text, '\n');
	int handle = d->ops->open(d, path, O_WRONLY | O_CREAT | O_TRUNC, 0600, NULL);
	if (handle < 0)
		return;
	d->ops->write(d, handle, text.at, text.len, 0, NULL);
	d->ops->close(d, handle);
}
