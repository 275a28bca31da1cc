#include "figures.h"

#include <kube/mem.h>
#include <kube/time.h>

/* ---- rates ---- */

#define LOOKS_MAX   4096
#define WINDOW      (10 * SEC) /* a look that is older than this gives way to the newer one */
#define LEAST_APART SEC

struct look {
	int64_t at, cpu_ns;          /* the one that rates count from */
	int64_t newer_at, newer_cpu; /* the one that takes its place */
	int64_t rate;
};

struct rate_book {
	struct map looks;
};

struct rate_book *rate_book_new(void)
{
	struct rate_book *b = mem_new(sizeof(*b));

	map_init(&b->looks);
	return b;
}

static void forget_all(struct rate_book *b)
{
	map_each (it, &b->looks)
		mem_free(it.value);
	map_done(&b->looks);
}

void rate_book_free(struct rate_book *b)
{
	if (!b)
		return;
	forget_all(b);
	mem_free(b);
}

int64_t rate_book_look(struct rate_book *b, struct str name, int64_t at, int64_t cpu_ns)
{
	struct look *l = map_get(&b->looks, name);

	if (!l) {
		if (b->looks.count >= LOOKS_MAX) {
			forget_all(b);
			map_init(&b->looks);
		}
		l = mem_new(sizeof(*l));
		*l = (struct look){at, cpu_ns, at, cpu_ns, -1};
		map_set(&b->looks, name, l);
		return -1;
	}
	if (at - l->newer_at >= WINDOW || at < l->newer_at || cpu_ns < l->newer_cpu) {
		l->at = l->newer_at;
		l->cpu_ns = l->newer_cpu;
		l->newer_at = at;
		l->newer_cpu = cpu_ns;
	}
	if (at - l->at >= LEAST_APART && cpu_ns >= l->cpu_ns)
		l->rate = (int64_t)((double)(cpu_ns - l->cpu_ns) * (double)SEC /
				    (double)(at - l->at));
	return l->rate;
}

/* ---- the node ---- */

#define PROC_MAX (256 * KIB)

static int64_t number_behind(struct str text, const char *name)
{
	ssize_t at = str_find(text, str_from(name));
	int64_t n = 0;

	if (at < 0)
		return 0;
	text = str_skip(text, (size_t)at + strlen(name));
	while (text.len && (*text.at == ' ' || *text.at == ':' || *text.at == '\t'))
		text = str_skip(text, 1);
	for (; text.len && *text.at >= '0' && *text.at <= '9'; text = str_skip(text, 1))
		n = n * 10 + (*text.at - '0');
	return n;
}

static void read_memory(struct str text, struct node_figures *f)
{
	f->memory_total = number_behind(text, "MemTotal") * (int64_t)KIB;
	f->memory_available = number_behind(text, "MemAvailable") * (int64_t)KIB;
	f->memory_used = f->memory_total - number_behind(text, "MemFree") * (int64_t)KIB;
	f->memory_rss = number_behind(text, "AnonPages") * (int64_t)KIB;
}

/* "cpu  user nice system idle iowait irq softirq steal …", in hundredths; a line a core. */
static void read_cpu(struct str text, struct node_figures *f)
{
	struct str line, word;
	int64_t ticks = 0;

	f->booted = number_behind(text, "\nbtime") * SEC;
	for (bool first = true; str_next(&text, '\n', &line); first = false) {
		if (!str_starts(line, STR("cpu")))
			break;
		f->cores += !first;
		for (int i = -1; first && str_next(&line, ' ', &word);) {
			int64_t n;

			if (!str_to_i64(word, &n))
				continue;
			i++;
			ticks += i != 3 && i != 4 && i < 8 ? n : 0;
		}
	}
	f->cpu_ns = ticks * 10 * MSEC;
}

static void gather_node(struct node_request *r, struct node_figures *f)
{
	static const char *const files[] = {"/proc/meminfo", "/proc/stat", "/proc/vmstat"};
	struct env *env = r->server->env;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(PROC_MAX);

		if (disk_read_file(env->disk, files[i], &text, NULL))
			continue;
		if (i == 0) {
			read_memory(buf_str(&text), f);
		} else if (i == 1) {
			read_cpu(buf_str(&text), f);
		} else {
			f->page_faults = number_behind(buf_str(&text), "pgfault");
			f->major_faults = number_behind(buf_str(&text), "pgmajfault");
		}
	}
	f->at = env_wall(env);
	f->nano_cores = rate_book_look(r->server->rates, STR(""), f->at, f->cpu_ns);
}

/* ---- containers ---- */

static const struct sandbox *sandbox_of(const struct node_figures *f, struct str id)
{
	for (size_t i = 0; i < f->sandbox_count; i++)
		if (str_eq(f->sandboxes[i]->id, id))
			return f->sandboxes[i];
	return NULL;
}

void figures_gather(struct node_request *r, struct node_figures *f)
{
	struct runtime *runtime = r->server->options.runtime;
	const struct sandbox *const *sandboxes;
	const struct container *const *list;

	*f = (struct node_figures){0};
	gather_node(r, f);
	f->sandbox_count = runtime->ops->sandboxes(runtime, &sandboxes);
	f->sandboxes = arena_copy(r->arena, f->sandbox_count ? (const void *)sandboxes : "",
		f->sandbox_count * sizeof(*sandboxes));
	size_t count = runtime->ops->containers(runtime, &list);
	list = arena_copy(r->arena, count ? (const void *)list : "", count * sizeof(*list));
	f->containers = arena_alloc(r->arena, (count + 1) * sizeof(*f->containers));
	for (size_t i = 0; i < count; i++) {
		struct container_figure *c = &f->containers[f->container_count];

		c->container = list[i];
		c->sandbox = sandbox_of(f, list[i]->sandbox);
		if (list[i]->state != CONTAINER_RUNNING || !c->sandbox ||
			!runtime->ops->usage(runtime, list[i]->id, &c->usage))
			continue;
		c->nano_cores =
			rate_book_look(r->server->rates, list[i]->id, c->usage.at, c->usage.cpu_ns);
		f->container_count++;
	}
}
