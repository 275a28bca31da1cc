/* What lies on disk of sandboxes and containers. */
#include "native.h"

#define STATE_NODES 100000

/* ---- pairs ---- */

struct runtime_pairs native_pairs(struct arena *a, struct runtime_pairs pairs)
{
	struct runtime_pair *items = arena_new(a, (pairs.count + 1) * sizeof(*items));

	for (size_t i = 0; i < pairs.count; i++)
		items[i] = (struct runtime_pair){
			arena_str(a, pairs.items[i].key), arena_str(a, pairs.items[i].value)};
	return (struct runtime_pairs){items, pairs.count};
}

static struct cJSON *pairs_json(struct arena *a, struct runtime_pairs pairs)
{
	struct cJSON *object = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < pairs.count; i++)
		json_set(a, object, pairs.items[i].key, json_new_str(a, pairs.items[i].value));
	return object;
}

static struct runtime_pairs pairs_from(struct arena *a, const struct cJSON *object)
{
	struct runtime_pair *items = arena_new(a, (json_count(object) + 1) * sizeof(*items));
	size_t n = 0;

	json_each (member, object)
		items[n++] = (struct runtime_pair){
			arena_str(a, json_key(member)), arena_str(a, json_str(member))};
	return (struct runtime_pairs){items, n};
}

/* ---- single members ---- */

static void set_str(struct arena *a, struct cJSON *o, const char *name, struct str value)
{
	json_add(a, o, str_from(name), json_new_str(a, value));
}

static void set_int(struct arena *a, struct cJSON *o, const char *name, int64_t value)
{
	json_add(a, o, str_from(name), json_new_int(a, value));
}

static struct str get_str(struct arena *a, const struct cJSON *o, const char *name)
{
	return arena_str(a, json_str(json_get(o, str_from(name))));
}

static int64_t get_int(const struct cJSON *o, const char *name)
{
	int64_t n = 0;

	json_int(json_get(o, str_from(name)), &n);
	return n;
}

static int parse(struct arena *a, struct str text, struct cJSON **root, struct err *err)
{
	struct json_options options = {
		.limits = {.max_bytes = NATIVE_FILE_MAX, .max_nodes = STATE_NODES}};

	return json_parse(a, text, &options, root, err);
}

/* ---- host ports ---- */

static struct cJSON *ports_json(struct arena *a, struct runtime_ports ports)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < ports.count; i++) {
		const struct runtime_port *p = &ports.items[i];
		_cleanup_(buf_done) struct buf ip = BUF_INIT(64);
		struct cJSON *o = json_new(a, JSON_OBJECT);
		if (p->host_ip.len)
			ip_print(&ip, &p->host_ip);
		set_int(a, o, "protocol", p->protocol);
		set_int(a, o, "containerPort", p->container_port);
		set_int(a, o, "hostPort", p->host_port);
		set_str(a, o, "hostIP", buf_str(&ip));
		json_append(list, o);
	}
	return list;
}

static struct runtime_ports ports_from(struct arena *a, const struct cJSON *list)
{
	struct runtime_port *items = arena_new(a, (json_count(list) + 1) * sizeof(*items));
	size_t n = 0;

	json_each (o, list) {
		struct runtime_port *p = &items[n++];
		p->protocol = (uint8_t)get_int(o, "protocol");
		p->container_port = (uint16_t)get_int(o, "containerPort");
		p->host_port = (uint16_t)get_int(o, "hostPort");
		ip_parse(json_str(json_get(o, STR("hostIP"))), &p->host_ip);
	}
	return (struct runtime_ports){items, n};
}

/* ---- sandboxes ---- */

void native_sandbox_print(struct buf *out, const struct native_sandbox *s)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct cJSON *o = json_new(&a, JSON_OBJECT);
	set_str(&a, o, "name", s->s.name);
	set_str(&a, o, "namespace", s->s.namespace);
	set_str(&a, o, "uid", s->s.uid);
	set_int(&a, o, "attempt", s->s.attempt);
	set_int(&a, o, "created", s->s.created);
	json_add(&a, o, STR("labels"), pairs_json(&a, s->s.labels));
	json_add(&a, o, STR("annotations"), pairs_json(&a, s->s.annotations));
	json_add(&a, o, STR("ports"), ports_json(&a, s->s.ports));
	set_str(&a, o, "cgroupParent", s->cgroup_parent);
	set_str(&a, o, "cgroup", s->cgroup);
	set_str(&a, o, "logDirectory", s->log_directory);
	set_str(&a, o, "hostname", s->hostname);
	set_str(&a, o, "shm", s->shm);
	set_int(&a, o, "network", s->network);
	set_int(&a, o, "pid", s->pid);
	set_int(&a, o, "ipc", s->ipc);
	json_add(&a, o, STR("privileged"), json_new_bool(&a, s->privileged));
	set_int(&a, o, "userFirst", s->user_first);
	set_int(&a, o, "userCount", s->user_count);
	json_print(out, o, JSON_COMPACT);
}

static enum runtime_namespace get_namespace(const struct cJSON *o, const char *name)
{
	return (enum runtime_namespace)MIN(MAX(get_int(o, name), 0), NAMESPACE_TARGET);
}

int native_sandbox_parse(struct native_sandbox *s, struct str text, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *o;

	arena_init(&a);
	int code = parse(&a, text, &o, err);
	if (code)
		return code;
	s->s.name = get_str(&s->arena, o, "name");
	s->s.namespace = get_str(&s->arena, o, "namespace");
	s->s.uid = get_str(&s->arena, o, "uid");
	s->s.attempt = (uint32_t)get_int(o, "attempt");
	s->s.created = get_int(o, "created");
	s->s.labels = pairs_from(&s->arena, json_get(o, STR("labels")));
	s->s.annotations = pairs_from(&s->arena, json_get(o, STR("annotations")));
	s->s.ports = ports_from(&s->arena, json_get(o, STR("ports")));
	s->cgroup_parent = get_str(&s->arena, o, "cgroupParent");
	s->cgroup = get_str(&s->arena, o, "cgroup");
	s->log_directory = get_str(&s->arena, o, "logDirectory");
	s->hostname = get_str(&s->arena, o, "hostname");
	s->shm = get_str(&s->arena, o, "shm");
	s->network = get_namespace(o, "network");
	s->pid = get_namespace(o, "pid");
	s->ipc = get_namespace(o, "ipc");
	s->privileged = json_bool(json_get(o, STR("privileged")));
	s->user_first = (uint32_t)get_int(o, "userFirst");
	s->user_count = (uint32_t)get_int(o, "userCount");
	native_users_know(s);
	/* A group that is all groups must never be killed. */
	if (s->cgroup.len < 2 || s->cgroup.at[0] != '/')
		return err_set(err, ERR_INVALID, "sandbox %s has no group", s->s.id.at);
	return 0;
}

void native_ips_print(struct buf *out, const struct native_sandbox *s)
{
	buf_add_text(out, "{\"ips\":[");
	for (size_t i = 0; i < s->s.ip_count; i++) {
		buf_add_text(out, i ? ",\"" : "\"");
		ip_print(out, &s->s.ips[i]);
		buf_add_char(out, '"');
	}
	buf_add_text(out, "]}");
}

void native_ips_parse(struct native_sandbox *s, struct str text)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *o;

	arena_init(&a);
	s->s.ip_count = 0;
	if (parse(&a, text, &o, NULL))
		return;
	json_each (ip, json_get(o, STR("ips")))
		if (s->s.ip_count < 2 && ip_parse(json_str(ip), &s->s.ips[s->s.ip_count]))
			s->s.ip_count++;
}

/* ---- containers ---- */

void native_container_print(struct buf *out, const struct native_container *c)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	struct cJSON *o = json_new(&a, JSON_OBJECT);
	set_str(&a, o, "sandbox", c->c.sandbox);
	set_str(&a, o, "name", c->c.name);
	set_str(&a, o, "image", c->c.image);
	set_str(&a, o, "imageRef", c->c.image_ref);
	struct cJSON *mounted = json_new(&a, JSON_ARRAY);
	for (size_t i = 0; i < c->mounted_count; i++)
		json_append(mounted, json_new_str(&a, c->mounted[i]));
	json_add(&a, o, STR("mountedImages"), mounted);
	set_int(&a, o, "attempt", c->c.attempt);
	set_int(&a, o, "created", c->c.created);
	json_add(&a, o, STR("labels"), pairs_json(&a, c->c.labels));
	json_add(&a, o, STR("annotations"), pairs_json(&a, c->c.annotations));
	set_str(&a, o, "logPath", c->c.log_path);
	set_str(&a, o, "cgroup", c->cgroup);
	set_str(&a, o, "stopSignal", c->stop_signal);
	set_str(&a, o, "terminationPath", c->termination_path);
	json_print(out, o, JSON_COMPACT);
}

int native_container_parse(struct native_container *c, struct str text, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	struct cJSON *o;

	arena_init(&a);
	int code = parse(&a, text, &o, err);
	if (code)
		return code;
	c->c.name = get_str(&c->arena, o, "name");
	c->c.image = get_str(&c->arena, o, "image");
	c->c.image_ref = get_str(&c->arena, o, "imageRef");
	const struct cJSON *mounted = json_get(o, STR("mountedImages"));
	c->mounted_count = 0;
	c->mounted = arena_new(&c->arena, (json_count(mounted) + 1) * sizeof(*c->mounted));
	json_each (id, mounted)
		c->mounted[c->mounted_count++] = arena_str(&c->arena, json_str(id));
	c->c.attempt = (uint32_t)get_int(o, "attempt");
	c->c.created = get_int(o, "created");
	c->c.labels = pairs_from(&c->arena, json_get(o, STR("labels")));
	c->c.annotations = pairs_from(&c->arena, json_get(o, STR("annotations")));
	c->c.log_path = get_str(&c->arena, o, "logPath");
	c->cgroup = get_str(&c->arena, o, "cgroup");
	c->stop_signal = get_str(&c->arena, o, "stopSignal");
	c->termination_path = get_str(&c->arena, o, "terminationPath");
	if (c->cgroup.len < 2 || c->cgroup.at[0] != '/')
		return err_set(err, ERR_INVALID, "container %s has no group", c->c.id.at);
	return 0;
}

/* A helper of before may not tell all of it. */
void native_container_user(struct native_container *c, const struct cJSON *told)
{
	const struct cJSON *list = json_get(told, STR("groups"));

	if (!json_get(told, STR("uid")))
		return;
	c->c.uid = (int32_t)get_int(told, "uid");
	c->c.gid = (int32_t)get_int(told, "gid");
	int64_t *groups = arena_alloc(&c->arena, (json_count(list) + 1) * sizeof(*groups));
	c->c.groups = groups;
	c->c.group_count = 0;
	json_each (item, list)
		if (json_int(item, &groups[c->c.group_count]))
			c->c.group_count++;
}

void native_container_started(struct native_container *c, const struct cJSON *started)
{
	c->c.state = CONTAINER_RUNNING;
	c->c.started = get_int(started, "started");
	native_container_user(c, started);
}

void native_container_exited(struct native_container *c, const struct cJSON *exited)
{
	struct str reason = json_str(json_get(exited, STR("reason")));
	struct str message = json_str(json_get(exited, STR("message")));

	c->c.state = CONTAINER_EXITED;
	c->c.finished = get_int(exited, "finished");
	c->c.exit_code = (int32_t)get_int(exited, "code");
	c->c.signal = (int32_t)get_int(exited, "signal");
	c->c.out_of_memory = json_bool(json_get(exited, STR("oom")));
	if (reason.len == 0)
		reason = c->c.out_of_memory ? STR("OOMKilled")
			 : c->c.exit_code   ? STR("Error")
					    : STR("Completed");
	c->c.reason = arena_str(&c->arena, reason);
	if (message.len)
		c->c.message = arena_str(&c->arena, message);
}
