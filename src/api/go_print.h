/* Values as Go's formatted printing has them in messages: JSON decoded into interface{}. */
#ifndef KUBE_API_GO_PRINT_H
#define KUBE_API_GO_PRINT_H

#include <kube/json.h>

/* %v: map[a:b c:[x 1]], keys sorted, <nil> for null. */
void go_print_plain(struct buf *out, struct arena *a, const struct cJSON *value);
/* %#v: map[string]interface {}{"a":"b"}. */
void go_print_syntax(struct buf *out, struct arena *a, const struct cJSON *value);
/* %T: "map[string]interface {}", "int64", … */
const char *go_type_of(const struct cJSON *value);

#endif
