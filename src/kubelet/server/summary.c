/* /stats/summary: what the node, its pods and their containers use, in the kubelet's own schema. */
#include "figures.h"
#include "volume_stats.h"

#include <kube/machine.h>
#include <kube/mem.h>
#include <kube/time.h>

#define SUMMARY_MAX (32 * MIB)

static void set_time(struct arena *a, struct cJSON *n, const char *key, int64_t wall)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, wall);
	json_add(a, n, str_from(key), json_new_str(a, buf_str(&text)));
}

static void set_int(struct arena *a, struct cJSON *n, const char *key, int64_t value)
{
	if (value >= 0)
		json_add(a, n, str_from(key), json_new_int(a, value));
}

static struct cJSON *cpu_of(struct arena *a, int64_t at, int64_t nano_cores, int64_t cpu_ns)
{
	struct cJSON *cpu = json_new(a, JSON_OBJECT);

	set_time(a, cpu, "time", at);
	set_int(a, cpu, "usageNanoCores", nano_cores);
	set_int(a, cpu, "usageCoreNanoSeconds", cpu_ns);
	return cpu;
}

static struct cJSON *memory_of(struct arena *a, const struct container_usage *u)
{
	struct cJSON *memory = json_new(a, JSON_OBJECT);

	set_time(a, memory, "time", u->at);
	set_int(a, memory, "usageBytes", u->memory_bytes);
	set_int(a, memory, "workingSetBytes", u->memory_working_set);
	set_int(a, memory, "rssBytes", u->memory_rss);
	set_int(a, memory, "pageFaults", u->page_faults);
	set_int(a, memory, "majorPageFaults", u->major_page_faults);
	return memory;
}

static struct cJSON *files_of(struct arena *a, int64_t at, int64_t bytes, int64_t inodes)
{
	struct cJSON *files = json_new(a, JSON_OBJECT);

	set_time(a, files, "time", at);
	set_int(a, files, "usedBytes", bytes);
	set_int(a, files, "inodesUsed", inodes);
	return files;
}

static struct cJSON *container_of(struct arena *a, const struct container_figure *c)
{
	struct cJSON *o = json_new(a, JSON_OBJECT);
	const struct container_usage *u = &c->usage;

	json_add(a, o, STR("name"), json_new_str(a, c->container->name));
	set_time(a, o, "startTime", c->container->started);
	json_add(a, o, STR("cpu"), cpu_of(a, u->at, c->nano_cores, u->cpu_ns));
	json_add(a, o, STR("memory"), memory_of(a, u));
	json_add(a, o, STR("rootfs"), files_of(a, u->at, u->writable_bytes, u->writable_inodes));
	json_add(a, o, STR("logs"), files_of(a, u->at, u->log_bytes, -1));
	return o;
}

static void add_usage(struct container_usage *sum, const struct container_usage *u)
{
	sum->at = MAX(sum->at, u->at);
	sum->cpu_ns += u->cpu_ns;
	sum->memory_bytes += u->memory_bytes;
	sum->memory_working_set += u->memory_working_set;
	sum->memory_rss += u->memory_rss;
	sum->page_faults += u->page_faults;
	sum->major_page_faults += u->major_page_faults;
	sum->pids += u->pids;
	sum->writable_bytes += u->writable_bytes + u->log_bytes;
	sum->writable_inodes += u->writable_inodes;
}

/* used -1: all that is not free. */
static struct cJSON *disk_of(struct arena *a, int64_t at, struct str directory, int64_t used)
{
	struct cJSON *disk = json_new(a, JSON_OBJECT);
	struct machine_space s;

	if (!directory.len || !machine_space(directory.at, &s))
		return NULL;
	set_time(a, disk, "time", at);
	set_int(a, disk, "availableBytes", s.free_bytes);
	set_int(a, disk, "capacityBytes", s.bytes);
	set_int(a, disk, "usedBytes", used < 0 ? s.bytes - s.free_bytes : used);
	set_int(a, disk, "inodesFree", s.free_inodes);
	set_int(a, disk, "inodes", s.inodes);
	set_int(a, disk, "inodesUsed", s.inodes - s.free_inodes);
	return disk;
}

/* ---- volumes ---- */

static struct cJSON *volume_of(struct arena *a, const struct volume_figure *f, struct str namespace)
{
	struct cJSON *volume = json_new(a, JSON_OBJECT), *claim;

	set_time(a, volume, "time", f->at);
	set_int(a, volume, "availableBytes", f->available);
	set_int(a, volume, "capacityBytes", f->capacity);
	set_int(a, volume, "usedBytes", f->used);
	set_int(a, volume, "inodesFree", f->inodes_free);
	set_int(a, volume, "inodes", f->inodes);
	set_int(a, volume, "inodesUsed", f->inodes_used);
	json_add(a, volume, STR("name"), json_new_str(a, f->name));
	if (!f->claim.len)
		return volume;
	claim = json_new(a, JSON_OBJECT);
	json_add(a, claim, STR("name"), json_new_str(a, f->claim));
	json_add(a, claim, STR("namespace"), json_new_str(a, namespace));
	json_add(a, volume, STR("pvcRef"), claim);
	return volume;
}

static void add_volumes(struct node_request *r, const struct sandbox *s, struct cJSON *pod,
	struct container_usage *sum)
{
	const struct kubelet_server_pods *pods = &r->server->options.pods;
	struct volume_figures all = {0};
	struct cJSON *list = json_new(r->arena, JSON_ARRAY);

	if (pods->volumes)
		all = pods->volumes(pods->ctx, s->uid);
	for (size_t i = 0; i < all.count; i++) {
		json_append(list, volume_of(r->arena, &all.items[i], s->namespace));
		if (!all.items[i].of_pod)
			continue;
		sum->writable_bytes += all.items[i].used;
		sum->writable_inodes += all.items[i].inodes_used;
	}
	if (all.count)
		json_add(r->arena, pod, STR("volume"), list);
}

/* Of the node's disk: what there is of it, and what the pod takes. */
static struct cJSON *ephemeral_of(struct node_request *r, const struct container_usage *sum)
{
	struct cJSON *files =
		disk_of(r->arena, sum->at, r->server->options.root_dir, sum->writable_bytes);

	if (!files)
		return files_of(r->arena, sum->at, sum->writable_bytes, sum->writable_inodes);
	json_set(r->arena, files, STR("inodesUsed"), json_new_int(r->arena, sum->writable_inodes));
	return files;
}

static struct cJSON *pod_of(
	struct node_request *r, const struct node_figures *f, const struct sandbox *s)
{
	struct arena *a = r->arena;
	struct cJSON *pod = json_new(a, JSON_OBJECT), *ref = json_new(a, JSON_OBJECT),
		     *list = json_new(a, JSON_ARRAY), *processes = json_new(a, JSON_OBJECT);
	struct container_usage sum = {.at = f->at};
	int64_t nano_cores = 0;

	json_add(a, ref, STR("name"), json_new_str(a, s->name));
	json_add(a, ref, STR("namespace"), json_new_str(a, s->namespace));
	json_add(a, ref, STR("uid"), json_new_str(a, s->uid));
	for (size_t i = 0; i < f->container_count; i++) {
		const struct container_figure *c = &f->containers[i];

		if (c->sandbox != s)
			continue;
		json_append(list, container_of(a, c));
		add_usage(&sum, &c->usage);
		nano_cores = c->nano_cores < 0 || nano_cores < 0 ? -1 : nano_cores + c->nano_cores;
	}
	json_add(a, pod, STR("podRef"), ref);
	set_time(a, pod, "startTime", s->created);
	json_add(a, pod, STR("containers"), list);
	json_add(a, pod, STR("cpu"), cpu_of(a, sum.at, nano_cores, sum.cpu_ns));
	json_add(a, pod, STR("memory"), memory_of(a, &sum));
	add_volumes(r, s, pod, &sum);
	json_add(a, pod, STR("ephemeral-storage"), ephemeral_of(r, &sum));
	set_int(a, processes, "process_count", sum.pids);
	json_add(a, pod, STR("process_stats"), processes);
	return pod;
}

static int64_t image_bytes(struct runtime *r)
{
	const struct image *const *list;
	size_t count = r->ops->images ? r->ops->images(r, &list) : 0;
	int64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += list[i]->size;
	return bytes;
}

static void add_disks(struct node_request *r, int64_t at, struct cJSON *node)
{
	const struct kubelet_server_options *o = &r->server->options;
	struct arena *a = r->arena;
	struct cJSON *fs = disk_of(a, at, o->root_dir, -1), *runtime = json_new(a, JSON_OBJECT);
	struct cJSON *images = disk_of(a, at, o->image_dir, image_bytes(o->runtime));
	struct cJSON *containers = disk_of(a, at, o->image_dir, -1);

	if (fs)
		json_add(a, node, STR("fs"), fs);
	if (!images || !containers)
		return;
	json_add(a, runtime, STR("imageFs"), images);
	json_add(a, runtime, STR("containerFs"), containers);
	json_add(a, node, STR("runtime"), runtime);
}

static void add_processes(struct node_request *r, int64_t at, struct cJSON *node)
{
	struct cJSON *rlimit = json_new(r->arena, JSON_OBJECT);
	int64_t most, now;

	if (!machine_processes(&most, &now))
		return;
	set_time(r->arena, rlimit, "time", at);
	set_int(r->arena, rlimit, "maxpid", most);
	set_int(r->arena, rlimit, "curproc", now);
	json_add(r->arena, node, STR("rlimit"), rlimit);
}

static struct cJSON *node_of(struct node_request *r, const struct node_figures *f)
{
	struct arena *a = r->arena;
	struct cJSON *node = json_new(a, JSON_OBJECT), *memory = json_new(a, JSON_OBJECT);

	json_add(a, node, STR("nodeName"), json_new_str(a, r->server->options.node_name));
	set_time(a, node, "startTime", f->booted);
	json_add(a, node, STR("cpu"), cpu_of(a, f->at, f->nano_cores, f->cpu_ns));
	set_time(a, memory, "time", f->at);
	set_int(a, memory, "availableBytes", f->memory_available);
	set_int(a, memory, "usageBytes", f->memory_used);
	set_int(a, memory, "workingSetBytes", f->memory_total - f->memory_available);
	set_int(a, memory, "rssBytes", f->memory_rss);
	set_int(a, memory, "pageFaults", f->page_faults);
	set_int(a, memory, "majorPageFaults", f->major_faults);
	json_add(a, node, STR("memory"), memory);
	add_disks(r, f->at, node);
	add_processes(r, f->at, node);
	return node;
}

void node_summary(struct node_request *r)
{
	struct arena *a = r->arena;
	struct cJSON *summary = json_new(a, JSON_OBJECT), *pods = json_new(a, JSON_ARRAY);
	_cleanup_(buf_done) struct buf text = BUF_INIT(SUMMARY_MAX);
	struct node_figures f;

	if (r->part_count != 2 || !str_eq_text(r->parts[1], "summary")) {
		node_answer_text(r, 404, "404 page not found\n");
		return;
	}
	figures_gather(r, &f);
	json_add(a, summary, STR("node"), node_of(r, &f));
	for (size_t i = 0; i < f.sandbox_count; i++)
		if (f.sandboxes[i]->state == SANDBOX_READY)
			json_append(pods, pod_of(r, &f, f.sandboxes[i]));
	json_add(a, summary, STR("pods"), pods);
	json_print(&text, summary, JSON_PRETTY);
	node_answer(r, 200, "application/json", arena_str(a, buf_str(&text)));
}
