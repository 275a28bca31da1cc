/* Nodes, events, access, extension: cells of what a cluster is made of. */
#include "cells_own.h"

/* ---- nodes ---- */

void cell_node_status(struct table_row *row, const char *argument)
{
	const struct cJSON *ready = row_condition(row, "Ready");
	const char *word = "Unknown";

	(void)argument;
	if (ready)
		word = str_eq_text(tree_str(ready, "status"), "True") ? "Ready" : "NotReady";
	row_add(row,
		arena_print(row->arena, "%s%s", word,
			tree_true(row->object, "spec.unschedulable") ? ",SchedulingDisabled" : ""));
}

/* Role names stand in label keys, or as the value of an older label; sorted, each once. */
void cell_roles(struct table_row *row, const char *argument)
{
	static const struct str prefix = STR_INIT("node-role.kubernetes.io/");
	const struct cJSON *labels = json_path(row->object, "metadata.labels");
	struct str old = json_str(json_get(labels, STR("kubernetes.io/role")));
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 0);
	json_each (label, labels) { /* canonical: in byte order */
		struct str role = str_skip(json_key(label), prefix.len);

		if (!str_starts(json_key(label), prefix) || !role.len)
			continue;
		if (old.len && str_cmp(old, role) <= 0) {
			if (!str_eq(old, role))
				joined_add(&j, old);
			old.len = 0;
		}
		joined_add(&j, role);
	}
	if (old.len)
		joined_add(&j, old);
	joined_end(&j, row, "<none>");
}

void cell_node_address(struct table_row *row, const char *argument)
{
	json_each (address, json_path(row->object, "status.addresses"))
		if (str_eq_text(tree_str(address, "type"), argument)) {
			row_add(row, tree_str(address, "address"));
			return;
		}
	row_add(row, STR("<none>"));
}

void cell_kernel(struct table_row *row, const char *argument)
{
	struct str version = tree_str(row->object, "status.nodeInfo.kernelVersion");
	struct str architecture = tree_str(row->object, "status.nodeInfo.architecture");

	(void)argument;
	if (!version.len)
		version = STR("<unknown>");
	if (architecture.len)
		version = arena_print(row->arena, "%.*s (%.*s)", STRF(version), STRF(architecture));
	row_add(row, version);
}

void cell_component_health(struct table_row *row, const char *argument)
{
	(void)argument;
	json_each (condition, json_get(row->object, STR("conditions")))
		if (str_eq_text(tree_str(condition, "type"), "Healthy")) {
			bool healthy = str_eq_text(tree_str(condition, "status"), "True");

			row_add(row, healthy ? STR("Healthy") : STR("Unhealthy"));
			return;
		}
	row_add(row, STR("Unknown"));
}

void cell_component_text(struct table_row *row, const char *argument)
{
	json_each (condition, json_get(row->object, STR("conditions")))
		if (str_eq_text(tree_str(condition, "type"), "Healthy")) {
			row_add(row, tree_str(condition, argument));
			return;
		}
	row_add(row, STR(""));
}

/* ---- events ---- */

static struct str first_of(struct str a, struct str b)
{
	return a.len ? a : b;
}

void cell_event_first_seen(struct table_row *row, const char *argument)
{
	(void)argument;
	row_add_since(row,
		first_of(tree_str(row->object, "firstTimestamp"),
			tree_str(row->object, "eventTime")),
		STR("<unknown>"));
}

void cell_event_last_seen(struct table_row *row, const char *argument)
{
	struct str first = first_of(
		tree_str(row->object, "firstTimestamp"), tree_str(row->object, "eventTime"));
	struct str last = first_of(tree_str(row->object, "lastTimestamp"), first);

	(void)argument;
	if (tree_has(row->object, "series"))
		last = tree_str(row->object, "series.lastObservedTime");
	row_add_since(row, last, STR("<unknown>"));
}

void cell_event_count(struct table_row *row, const char *argument)
{
	int64_t count = tree_int(row->object, "count", 0);

	(void)argument;
	if (tree_has(row->object, "series"))
		count = tree_int(row->object, "series.count", 0);
	row_add_int(row, count ? count : 1);
}

void cell_event_message(struct table_row *row, const char *argument)
{
	(void)argument;
	row_add(row, str_trim(tree_str(row->object, "message")));
}

void cell_event_object(struct table_row *row, const char *argument)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
	struct str kind = tree_str(row->object, "involvedObject.kind");
	struct str name = tree_str(row->object, "involvedObject.name");

	(void)argument;
	for (size_t i = 0; i < kind.len; i++)
		buf_add_char(&text, text_lower(kind.at[i]));
	if (name.len)
		buf_print(&text, "/%.*s", STRF(name));
	row_add(row, buf_str(&text));
}

void cell_event_source(struct table_row *row, const char *argument)
{
	struct str component = first_of(tree_str(row->object, "source.component"),
		tree_str(row->object, "reportingComponent"));
	struct str host = first_of(
		tree_str(row->object, "source.host"), tree_str(row->object, "reportingInstance"));

	(void)argument;
	row_add(row, host.len ? arena_print(row->arena, "%.*s, %.*s", STRF(component), STRF(host))
			      : component);
}

/* ---- access ---- */

void cell_subjects(struct table_row *row, const char *argument)
{
	struct joined j;

	joined_init(&j, ", ", 0);
	json_each (subject, json_get(row->object, STR("subjects"))) {
		struct str name = tree_str(subject, "name");

		if (!str_eq_text(tree_str(subject, "kind"), argument))
			continue;
		if (str_eq_text(str_from(argument), "ServiceAccount"))
			name = arena_print(row->arena, "%.*s/%.*s",
				STRF(tree_str(subject, "namespace")), STRF(name));
		joined_add(&j, name);
	}
	joined_end(&j, row, "");
}

void cell_request_condition(struct table_row *row, const char *argument)
{
	const char *word = "Pending";

	(void)argument;
	if (row_condition(row, "Denied"))
		word = "Denied";
	else if (row_condition(row, "Approved"))
		word = "Approved";
	row_add(row, arena_print(row->arena, "%s%s%s", word,
			     row_condition(row, "Failed") ? ",Failed" : "",
			     tree_str(row->object, "status.certificate").len ? ",Issued" : ""));
}

void cell_requested_duration(struct table_row *row, const char *argument)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	(void)argument;
	if (tree_has(row->object, "spec.expirationSeconds"))
		duration_print_human(
			&text, tree_int(row->object, "spec.expirationSeconds", 0) * SEC);
	else
		buf_add_text(&text, "<none>");
	row_add(row, buf_str(&text));
}

void cell_certificate_state(struct table_row *row, const char *argument)
{
	struct str word = STR("Pending");

	(void)argument;
	json_each (condition, json_path(row->object, "status.conditions")) {
		struct str type = tree_str(condition, "type");

		if (str_eq_text(type, "Issued") || str_eq_text(type, "Denied") ||
			str_eq_text(type, "Failed"))
			word = type;
	}
	row_add(row, word);
}

/* ---- extension ---- */

void cell_api_service(struct table_row *row, const char *argument)
{
	const struct cJSON *service = json_path(row->object, "spec.service");

	(void)argument;
	if (!service)
		row_add(row, STR("Local"));
	else
		row_add(row,
			arena_print(row->arena, "%.*s/%.*s", STRF(tree_str(service, "namespace")),
				STRF(tree_str(service, "name"))));
}

void cell_api_service_available(struct table_row *row, const char *argument)
{
	const struct cJSON *available = row_condition(row, "Available");
	struct str status = tree_str(available, "status"), reason = tree_str(available, "reason");

	(void)argument;
	if (!available)
		row_add(row, STR("Unknown"));
	else if (!str_eq_text(status, "True") && reason.len)
		row_add(row, arena_print(row->arena, "%.*s (%.*s)", STRF(status), STRF(reason)));
	else
		row_add(row, status);
}

void cell_param_kind(struct table_row *row, const char *argument)
{
	const struct cJSON *kind = json_path(row->object, "spec.paramKind");

	(void)argument;
	if (!kind)
		row_add(row, STR("<unset>"));
	else
		row_add(row,
			arena_print(row->arena, "%.*s/%.*s", STRF(tree_str(kind, "apiVersion")),
				STRF(tree_str(kind, "kind"))));
}

void cell_param_ref(struct table_row *row, const char *argument)
{
	const struct cJSON *ref = json_path(row->object, "spec.paramRef");
	struct str name = tree_str(ref, "name"), namespace = tree_str(ref, "namespace");

	(void)argument;
	if (!ref)
		row_add(row, STR("<unset>"));
	else if (name.len)
		row_add(row, arena_print(row->arena, "%.*s/%.*s",
				     STRF(namespace.len ? namespace : STR("*")), STRF(name)));
	else
		cell_selector(row, "spec.paramRef.selector");
}

void cell_missing_level(struct table_row *row, const char *argument)
{
	struct str status = tree_str(row_condition(row, "Dangling"), "status");

	(void)argument;
	row_add(row, status.len ? status : STR("?"));
}

void cell_storage_versions(struct table_row *row, const char *argument)
{
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 3);
	json_each (version, json_path(row->object, "status.storageVersions"))
		joined_add(&j,
			arena_print(row->arena, "%.*s=%.*s", STRF(tree_str(version, "apiServerID")),
				STRF(tree_str(version, "encodingVersion"))));
	joined_end(&j, row, "<unset>");
}

void cell_migrated(struct table_row *row, const char *argument)
{
	const struct cJSON *r = json_path(row->object, "spec.resource");

	(void)argument;
	row_add(row, arena_print(row->arena, "%.*s.%.*s", STRF(tree_str(r, "resource")),
			     STRF(tree_str(r, "group"))));
}

void cell_migration_status(struct table_row *row, const char *argument)
{
	static const char *const types[] = {"Running", "Failed", "Succeeded", NULL};
	const char *word = "Unknown";

	(void)argument;
	for (size_t i = 0; types[i]; i++)
		if (str_eq_text(tree_str(row_condition(row, types[i]), "status"), "True"))
			word = types[i];
	row_add(row, str_from(word));
}
