/* What a plain scalar means, by the rules of Go's yaml.v2. Private to yaml. */
#ifndef KUBE_BASE_YAML_SCALAR_H
#define KUBE_BASE_YAML_SCALAR_H

#include <kube/str.h>

enum yaml_kind {
	YAML_KIND_STRING,
	YAML_KIND_NULL,
	YAML_KIND_BOOL,
	YAML_KIND_INT,
	YAML_KIND_UINT, /* above int64 */
	YAML_KIND_FLOAT,
	YAML_KIND_TIMESTAMP, /* stays text, but is quoted when a string looks like one */
};

struct yaml_scalar {
	enum yaml_kind kind;
	bool truth;
	int64_t integer;
	uint64_t natural;
	double real;
};

/* timestamps: whether text may be one (it may not under another explicit tag). */
struct yaml_scalar yaml_resolve(struct str text, bool timestamps);

/* YAML 1.1's base 60 numbers: read as strings, but quoted for other readers. */
bool yaml_is_base60(struct str text);

#endif
