/* The downward API: what containers may learn of their pod. */
#include "environment.h"

#include <kube/api_codec.h>
#include <kube/quantity.h>

#include <stdlib.h>

/* ---- maps, as files have them ---- */

/* As Go quotes strings. */
static void quote(struct buf *out, struct str s)
{
	static const char named[] = "\a\b\f\n\r\t\v\"\\", shown[] = "abfnrtv\"\\";

	buf_add_char(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		const char *at = c ? strchr(named, c) : NULL;

		if (at)
			buf_print(out, "\\%c", shown[at - named]);
		else if (c < 0x20 || c == 0x7f)
			buf_print(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '"');
}

static int by_key(const void *a, const void *b)
{
	return str_cmp(json_key(*(const struct cJSON *const *)a),
		json_key(*(const struct cJSON *const *)b));
}

static struct str format_map(struct arena *a, const struct cJSON *map)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	size_t count = json_count(map), at = 0;

	if (!count)
		return STR("");
	const struct cJSON **all = arena_alloc(a, count * sizeof(*all));
	json_each (entry, map)
		all[at++] = entry;
	qsort(all, count, sizeof(*all), by_key);
	for (size_t i = 0; i < count; i++) {
		buf_print(&out, "%s%.*s=", i ? "\n" : "", STRF(json_key(all[i])));
		quote(&out, json_str(all[i]));
	}
	return arena_str(a, buf_str(&out));
}

/* ---- fields ---- */

/* "metadata.labels['key']" → map and key. */
static bool is_subscript(struct str path, struct str *map, struct str *key)
{
	ssize_t open = str_find(path, STR("['"));

	if (open < 0 || !str_ends(path, STR("']")))
		return false;
	*map = str_sub(path, 0, (size_t)open);
	*key = str_sub(path, (size_t)open + 2, path.len - 2);
	return true;
}

static struct str join_ips(struct arena *a, const struct cJSON *list)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1024);

	json_each (entry, list)
		buf_print(&out, "%s%.*s", out.len ? "," : "", STRF(tree_str(entry, "ip")));
	return arena_str(a, buf_str(&out));
}

static struct str node_ips(struct arena *a, const struct node_facts *node, bool all)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1024);

	for (size_t i = 0; i < (all ? node->ip_count : MIN(node->ip_count, (size_t)1)); i++) {
		if (i)
			buf_add_char(&out, ',');
		ip_print(&out, &node->ips[i]);
	}
	return arena_str(a, buf_str(&out));
}

int downward_field(struct arena *a, const struct cJSON *pod, const struct node_facts *node,
	struct str path, struct str *value, struct err *err)
{
	static const char *const plain[] = {"metadata.name", "metadata.namespace", "metadata.uid",
		"spec.serviceAccountName", "status.podIP"};
	struct str map, key;

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (str_eq_text(path, plain[i])) {
			*value = tree_str(pod, plain[i]);
			return 0;
		}
	if (is_subscript(path, &map, &key) &&
		(str_eq(map, STR("metadata.labels")) || str_eq(map, STR("metadata.annotations")))) {
		*value = json_str(json_get(json_path(pod, arena_str(a, map).at), key));
		return 0;
	}
	if (str_eq(path, STR("metadata.labels")) || str_eq(path, STR("metadata.annotations")))
		*value = format_map(a, json_path(pod, arena_str(a, path).at));
	else if (str_eq(path, STR("status.podIPs")))
		*value = join_ips(a, json_path(pod, "status.podIPs"));
	else if (str_eq(path, STR("spec.nodeName")))
		*value = node->name;
	else if (str_eq(path, STR("status.hostIP")) || str_eq(path, STR("status.hostIPs")))
		*value = node_ips(a, node, str_ends(path, STR("s")));
	else
		return err_set(err, ERR_INVALID, "unsupported fieldPath: %.*s", STRF(path));
	return 0;
}

/* ---- resources ---- */

static const struct cJSON *container_named(const struct cJSON *pod, struct str name)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			if (str_eq(tree_str(container, "name"), name))
				return container;
	return NULL;
}

/* A container without a limit may take what the node has. */
static struct str amount_of(
	const struct cJSON *container, const struct node_facts *node, bool limits, struct str name)
{
	const struct cJSON *list =
		json_path(container, limits ? "resources.limits" : "resources.requests");
	struct str text = json_str(json_get(list, name));

	if (text.len || !limits)
		return text;
	return json_str(json_get(node->allocatable, name));
}

int downward_resource(struct arena *a, const struct cJSON *pod, const struct cJSON *container,
	const struct node_facts *node, const struct cJSON *ref, struct str *value, struct err *err)
{
	struct str resource = tree_str(ref, "resource"), which, name;
	struct str named = tree_str(ref, "containerName");
	struct str divisor_text = tree_str(ref, "divisor");
	struct quantity amount = {0}, divisor = quantity_from_int(1, QUANTITY_DECIMAL_SI);

	if (named.len)
		container = container_named(pod, named);
	if (!container)
		return err_set(err, ERR_INVALID, "container %.*s not found", STRF(named));
	if (!str_cut(resource, '.', &which, &name) ||
		(!str_eq(which, STR("limits")) && !str_eq(which, STR("requests"))))
		return err_set(
			err, ERR_INVALID, "unsupported container resource : %.*s", STRF(resource));
	struct str text = amount_of(container, node, str_eq(which, STR("limits")), name);
	if (text.len && quantity_parse(text, &amount, err))
		return ERR_BAD_REQUEST;
	if (divisor_text.len && quantity_parse(divisor_text, &divisor, err))
		return ERR_BAD_REQUEST;
	if (quantity_sign(divisor) <= 0)
		divisor = quantity_from_int(1, QUANTITY_DECIMAL_SI);
	/* Always up: half a core that is told as none would be worse. */
	__int128 whole = (amount.nano + divisor.nano - 1) / divisor.nano;
	*value = arena_print(a, "%lld", (long long)whole);
	return 0;
}
