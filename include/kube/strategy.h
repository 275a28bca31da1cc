/*
 * What is particular about writing one kind: strategy(operation, old, new) → object or errors.
 * Pure: no clock, no store, no network; everything needed stands in the change.
 *
 * The generic registry does what all kinds share (metadata, table defaults, dropping and keeping
 * status, generation, canonical form); a strategy says the rest. One file a kind in
 * src/api/kinds/. Objects are trees of the hub version; functions are called in this order:
 *
 *	defaults → (create: prepare_create, validate)
 *	           (update: prepare_update, validate_update)
 *	           (status: prepare_status, validate_status)
 *	→ settle → warn → canonical form again
 */
#ifndef KUBE_STRATEGY_H
#define KUBE_STRATEGY_H

#include <kube/names.h>
#include <kube/resource.h>

/* One write under way. */
struct change {
	struct arena *arena;
	const struct resource *resource;  /* hub */
	const struct resource *requested; /* the version the client speaks; NULL: not asked yet */
	struct str subresource;           /* empty for the object itself */
	struct str namespace, name;
	struct cJSON *object;          /* the new one; functions change it in place */
	const struct cJSON *old;       /* NULL on create */
	int64_t now;                   /* wall clock, ns */
	struct str user;               /* who asks */
	const struct cJSON *user_info; /* username, uid, groups, extra, when records_user */
	bool applying;                 /* server-side apply */
	struct str *warnings;          /* for Warning headers */
	size_t warning_count, warning_cap;
};
void change_warn(struct change *c, const char *format, ...) KUBE_PRINTF(2, 3);

typedef void change_fn(struct change *c);
typedef void change_check_fn(struct change *c, struct field_errors *errors);

enum generation_rule {
	GENERATION_NONE, /* what the client sends is kept on create, as upstream */
	GENERATION_SPEC, /* 1 on create, +1 when spec changes (or what `changed` says) */
};

enum propagation { PROPAGATE_BACKGROUND, PROPAGATE_ORPHAN, PROPAGATE_FOREGROUND };

/* A subresource that takes the whole object but may change only part of it. */
struct part_strategy {
	const char *name;   /* "ephemeralcontainers", "resize", "approval", "finalize" */
	change_fn *prepare; /* object: what the client sent; must bring the rest back from old */
	change_check_fn *validate;
};

struct field_alias {
	const char *group, *label;
	const char *hub; /* the same in field_labels */
};

struct strategy {
	name_check_fn *name_rule;
	bool put_creates;   /* PUT on a name that is not there creates */
	bool unconditional; /* PUT without resourceVersion */
	enum generation_rule generation;
	bool (*changed)(
		const struct cJSON *object, const struct cJSON *old); /* NULL: spec differs */
	/* Where the spec of a pod template stands, "spec.template.spec"; NULL: there is none. */
	const char *template_spec;
	bool drops_status;        /* the main endpoint takes status from old (or none on create) */
	bool create_reads_status; /* prepare_create sees what the client sent, and drops it */
	bool creates_status; /* dropped on the main endpoint later, but the first one is kept */
	bool status_keeps_metadata; /* /status takes all metadata from old, but managedFields */
	/* What nobody comes to own through /status; ends with NULL; NULL: spec alone. */
	const char *const *status_resets;
	bool untracked;    /* upstream fails to say who owns its fields, and so they are nobody's */
	bool records_user; /* who creates it stands in the object */
	bool update_checks_metadata_once; /* upstream's rules for the kind leave metadata out */
	bool delete_answers_object;       /* a finished DELETE answers the object, not Status */
	enum propagation propagation;
	/*
	 * Annotations that only the versions have, upstream's own form has fields for them:
	 * metadata shown alone is without them. Ends with NULL; NULL: none.
	 */
	const char *const *version_annotations;

	change_fn *defaults; /* beyond the tables' standards */
	change_fn *prepare_create;
	change_fn *prepare_update;
	change_check_fn *validate;        /* metadata has been checked */
	change_check_fn *validate_update; /* alone: calls `validate`'s parts itself */
	change_fn *prepare_status;        /* spec, and metadata as above, are old's already */
	change_check_fn *validate_status;
	change_fn
		*settle; /* what is filled in unchecked: upstream does as it reads from its store */
	change_fn *warn;
	const struct part_strategy *parts; /* ends with name == NULL */

	/* Field selectors beyond metadata.name and metadata.namespace. */
	const char *const *field_labels; /* ends with NULL; NULL: none */
	/* What versions of another group call them, and no others; ends with label == NULL. */
	const struct field_alias *field_aliases;
	/* The value of one of these labels; NULL: they are paths, all of them. */
	struct str (*field_value)(struct arena *a, const struct cJSON *object, struct str label);

	/* Where the scale subresource finds its numbers; NULL: none. */
	const struct scale_paths *scale;
};

struct scale_paths {
	const char *replicas;        /* "spec.replicas" */
	const char *status_replicas; /* "status.replicas" */
	const char *selector;        /* "spec.selector": a LabelSelector or a plain map */
	bool selector_is_map;
};

/* Table standards, then the strategy's own defaults, for a hub object. */
void strategy_set_defaults(struct change *c);

#endif
