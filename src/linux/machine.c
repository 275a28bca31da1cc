#include <kube/machine.h>

#include <kube/buf.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILE_MOST (64 * KIB)

static struct str read_file(struct arena *a, const char *path)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MOST);
	char chunk[4096];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return (struct str){0};
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)got);
	close(fd);
	return arena_str(a, str_trim(buf_str(&text)));
}

/* "Name:  123 kB" of /proc/meminfo, in bytes. */
static int64_t memory_field(struct str text, const char *name)
{
	struct str line, number, unit;
	int64_t value;

	while (str_next(&text, '\n', &line)) {
		struct str key, rest;

		if (!str_cut(line, ':', &key, &rest) || !str_eq_text(key, name))
			continue;
		str_cut(str_trim(rest), ' ', &number, &unit);
		return str_to_i64(number, &value) ? value * 1024 : 0;
	}
	return 0;
}

static int64_t number_in(struct arena *a, const char *path)
{
	int64_t value = 0;

	str_to_i64(read_file(a, path), &value);
	return value;
}

static int64_t process_limit(struct arena *a)
{
	int64_t most = number_in(a, "/proc/sys/kernel/pid_max");
	int64_t threads = number_in(a, "/proc/sys/kernel/threads-max");

	return threads && threads < most ? threads : most;
}

bool machine_processes(int64_t *most, int64_t *now)
{
	struct str load, all;
	struct arena a;

	/* "0.20 0.18 0.12 1/80 11206": threads that run, and all there are */
	arena_init(&a);
	*most = process_limit(&a);
	str_cut(read_file(&a, "/proc/loadavg"), '/', &load, &all);
	str_cut(all, ' ', &all, &load);
	bool known = *most && str_to_i64(all, now);
	arena_done(&a);
	return known;
}

static struct str os_image(struct arena *a)
{
	struct str text = read_file(a, "/etc/os-release"), line;

	if (!text.len)
		text = read_file(a, "/usr/lib/os-release");
	while (str_next(&text, '\n', &line)) {
		struct str key, value;

		if (!str_cut(line, '=', &key, &value) || !str_eq(key, STR("PRETTY_NAME")))
			continue;
		if (value.len >= 2 && (value.at[0] == '"' || value.at[0] == '\''))
			value = str_sub(value, 1, value.len - 1);
		return value;
	}
	return STR("Unknown");
}

static struct str architecture(struct arena *a, const char *machine)
{
	static const struct {
		const char *kernel, *go;
	} names[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},
		{"armv6l", "arm"}, {"i686", "386"}, {"i386", "386"}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(machine, names[i].kernel) == 0)
			return str_from(names[i].go);
	return arena_str(a, str_from(machine));
}

static void read_hugepages(struct arena *a, struct machine *m)
{
	DIR *dir = opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;
	long long kib;

	while (dir && (entry = readdir(dir)) && m->hugepage_count < ARRAY_LEN(m->hugepages)) {
		if (sscanf(entry->d_name, "hugepages-%lldkB", &kib) != 1)
			continue;
		struct str path =
			arena_print(a, "/sys/kernel/mm/hugepages/%s/nr_hugepages", entry->d_name);
		m->hugepages[m->hugepage_count++] =
			(struct machine_hugepages){kib * 1024, number_in(a, path.at)};
	}
	if (dir)
		closedir(dir);
}

/* Of a directory that is still to be made: where it will be. */
static bool find_space(const char *directory, struct statvfs *fs)
{
	struct str path = str_from(directory), name;
	struct arena a;
	int code;

	arena_init(&a);
	while ((code = statvfs(path.len ? arena_str(&a, path).at : "/", fs)) && errno == ENOENT &&
		path.len)
		str_cut_last(path, '/', &path, &name);
	arena_done(&a);
	return code == 0;
}

bool machine_space(const char *directory, struct machine_space *s)
{
	struct statvfs fs;

	*s = (struct machine_space){0};
	if (!find_space(directory, &fs))
		return false;
	*s = (struct machine_space){.bytes = (int64_t)(fs.f_blocks * fs.f_frsize),
		.inodes = (int64_t)fs.f_files,
		.free_bytes = (int64_t)(fs.f_bavail * fs.f_frsize),
		.free_inodes = (int64_t)fs.f_favail,
		.id = fs.f_fsid};
	return true;
}

void machine_read(struct arena *a, const char *directory, struct machine *m)
{
	struct machine_space space;
	struct utsname names;

	*m = (struct machine){.cpus = sysconf(_SC_NPROCESSORS_ONLN)};
	struct str memory = read_file(a, "/proc/meminfo");
	m->memory = memory_field(memory, "MemTotal");
	m->swap = memory_field(memory, "SwapTotal");
	machine_space(directory, &space);
	m->disk = space.bytes;
	m->inodes = space.inodes;
	m->processes = process_limit(a);
	read_hugepages(a, m);
	m->machine_id = read_file(a, "/etc/machine-id");
	if (!m->machine_id.len)
		m->machine_id = read_file(a, "/var/lib/dbus/machine-id");
	m->boot_id = read_file(a, "/proc/sys/kernel/random/boot_id");
	m->apparmor = str_eq(read_file(a, "/sys/module/apparmor/parameters/enabled"), STR("Y"));
	/* A virtual machine may have none, or be too private to tell. */
	m->system_uuid = read_file(a, "/sys/class/dmi/id/product_uuid");
	if (!m->system_uuid.len)
		m->system_uuid = m->machine_id;
	m->os_image = os_image(a);
	if (uname(&names) == 0) {
		m->kernel = arena_str(a, str_from(names.release));
		m->architecture = architecture(a, names.machine);
	}
}

void machine_measure(const char *directory, struct machine_free *f)
{
	struct machine_space space;
	struct arena a;

	arena_init(&a);
	*f = (struct machine_free){
		.memory = memory_field(read_file(&a, "/proc/meminfo"), "MemAvailable")};
	machine_space(directory, &space);
	f->disk = space.free_bytes;
	f->inodes = space.free_inodes;
	int64_t most, now;
	if (machine_processes(&most, &now))
		f->processes = most - now;
	arena_done(&a);
}
