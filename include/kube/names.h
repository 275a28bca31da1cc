/*
 * The rules of names, labels, annotations and their like. Checks that answer with text say NULL
 * when all is well, else upstream's sentence (constant or in the arena).
 */
#ifndef KUBE_NAMES_H
#define KUBE_NAMES_H

#include <kube/field.h>

/* Fills in one or more sentences; upstream may report several for one value. */
struct name_faults {
	const char *items[4];
	size_t count;
};

void name_check_dns_label(struct str s, struct name_faults *f); /* RFC 1123, 63 */
void name_check_dns_label_1035(struct str s, struct name_faults *f);
void name_check_dns_subdomain(struct str s, struct name_faults *f); /* RFC 1123, 253 */
/* With underscores, as resolvers search for them. */
void name_check_search_domain(struct str s, struct name_faults *f);
void name_check_wildcard_subdomain(struct str s, struct name_faults *f);
void name_check_path_segment(struct str s, struct name_faults *f);
void name_check_qualified(struct str s, struct name_faults *f); /* label and annotation keys */
void name_check_label_value(struct str s, struct name_faults *f);
void name_check_port_name(struct str s, struct name_faults *f);
void name_check_env_var(struct str s, struct name_faults *f); /* today's relaxed rule */
void name_check_config_map_key(struct str s, struct name_faults *f);
void name_check_c_identifier(struct str s, struct name_faults *f);
void name_check_port(int64_t port, struct name_faults *f);
void name_check_ip(struct str s, struct name_faults *f);
void name_check_http_header(struct str s, struct name_faults *f);
void name_check_percent(struct str s, struct name_faults *f);
void name_check_prefixed(
	struct str prefix_and_name, struct name_faults *f); /* domain-prefixed path */
/* Names of objects, with generateName's prefix allowed to end in '-'. One of these per kind. */
typedef void name_check_fn(struct str s, struct name_faults *f);

/* Records one "Invalid value" for each fault. */
void field_check_name(
	struct field_errors *e, const struct path *p, struct str value, name_check_fn *check);

/* ---- metadata ---- */
void check_labels(struct field_errors *e, const struct path *p, const struct cJSON *labels);
void check_annotations(
	struct field_errors *e, const struct path *p, const struct cJSON *annotations);
/* Label selectors of objects (matchLabels, matchExpressions). */
struct label_selector_rules {
	bool allow_invalid_values; /* values that no label can have are let through */
};
void check_label_selector(struct field_errors *e, const struct path *p,
	const struct cJSON *selector, struct label_selector_rules rules);
/* All of ObjectMeta on create, and what may change on update. */
void check_object_meta(struct field_errors *e, const struct path *p, const struct cJSON *meta,
	bool namespaced, name_check_fn *name_rule);
void check_object_meta_update(struct field_errors *e, const struct path *p,
	const struct cJSON *meta, const struct cJSON *old_meta);

/* five characters of upstream's 27, behind the base cut to 58 */
struct str generate_name(struct arena *a, struct str base, const uint8_t random[5]);

#endif
