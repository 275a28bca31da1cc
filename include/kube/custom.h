/*
 * Types of custom resources: what a CustomResourceDefinition says of the objects of one of its
 * versions, made ready to work with.
 *
 * A type carries a `struct schema` (its `custom` points back), and the functions of api_codec.h,
 * patch.h and openapi.h take that one as they take a built-in type's:
 *
 *	api_decode         reads metadata as ObjectMeta, prunes what the schema does not know,
 *	                   which is noted, and nulls that mean nothing; numbers as Go keeps
 *	                   them, keys in byte order
 *	api_set_standards  the schema's defaults
 *	api_canonical      keys in byte order at every level, nothing added, nothing taken away
 *	apply_*            granular maps, atomic lists and what the schema's extensions say
 *
 * The canonical form therefore begins with apiVersion, then kind.
 *
 * Immutable once built. Counted on the loop's thread only; everything else may be read anywhere.
 */
#ifndef KUBE_CUSTOM_H
#define KUBE_CUSTOM_H

#include <kube/api_codec.h>
#include <kube/definition.h>
#include <kube/strategy.h>

struct custom_type;

/*
 * `definition`: a canonical tree of the hub version. Nothing of it is borrowed. NULL: it has no
 * such version (ERR_NOT_FOUND), or a schema that cannot be worked with (ERR_INVALID: definitions
 * that passed their own rules have none).
 */
struct custom_type *custom_type_new(
	const struct cJSON *definition, struct str version, struct err *err);
struct custom_type *custom_type_ref(struct custom_type *t);
void custom_type_unref(struct custom_type *t); /* NULL is fine */

/* Of one object and of lists; as long as the type. */
const struct schema *custom_type_schema(const struct custom_type *t);
const struct schema *custom_type_list_schema(const struct custom_type *t);

/* ---- what the codec does, step by step: for conversion, storage and tests ---- */
/*
 * From what a client sent. ERR_BAD_REQUEST with Go's words for metadata that is none. Unknown
 * fields are noted in byte order: `unknown field "spec.nope"`.
 */
int custom_type_decode(const struct custom_type *t, struct arena *a, const struct cJSON *in,
	struct decode_notes *notes, struct cJSON **out, struct err *err);
/* In place: removes what the schema does not know, whole objects of others included. */
void custom_type_prune(const struct custom_type *t, struct arena *a, struct cJSON *object,
	struct decode_notes *notes);
/* In place: removes nulls that may not be there and have no default, then sets the defaults. */
void custom_type_default(const struct custom_type *t, struct arena *a, struct cJSON *object);
struct cJSON *custom_type_canonical(
	const struct custom_type *t, struct arena *a, const struct cJSON *in);

/* ---- rules: ready to stand in a struct strategy ---- */
/*
 * All rules but those of metadata, in upstream's order and words: kind and apiVersion, the schema,
 * the numbers of the scale subresource, objects within the object, sets and maps, rules in CEL.
 * The type is that of c->resource->schema. Updates are ratcheted: what was wrong before and is
 * unchanged is no error (CEL rules that are passed over so are warned of).
 */
void custom_validate(struct change *c, struct field_errors *errors);
void custom_validate_update(struct change *c, struct field_errors *errors);
void custom_validate_status(struct change *c, struct field_errors *errors);

/* ---- the definition itself ---- */
/* Why its schemas are not structural, as the message of its condition NonStructuralSchema. */
struct definition_faults custom_definition_faults(struct arena *a, const struct cJSON *definition);

#endif
