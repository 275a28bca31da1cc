/*
 * registry: the verbs over the store. What is shared by those that write: one write under way,
 * from the client's tree to the commit (registry/write.h).
 */
#ifndef KUBE_APISERVER_REGISTRY_H
#define KUBE_APISERVER_REGISTRY_H

#include "admission.h"
#include "allocate.h"
#include "body.h"
#include "respond.h"

#include <kube/patch.h>
#include <kube/strategy.h>

struct conversion;
struct writing;
/* Builds the new object from w->old_tree (NULL: it is not there) into w->tree. NULL: done. */
typedef struct status *writing_build_fn(struct writing *w);

/*
 * A write of one object. `build` is called for every attempt, with what stands there; it gives
 * the whole new object as a hub tree with defaults. Then admission, strategy, validation, commit
 * and the answer follow; a conflict begins another attempt unless the client named a version.
 */
struct writing {
	struct api_request *r;
	const struct resource *hub;
	const struct strategy *strategy;
	writing_build_fn *build;
	void *ctx;

	/* of this attempt */
	struct object *old; /* borrowed from the store */
	const struct cJSON *old_tree;
	const struct cJSON *managed_before; /* metadata.managedFields before admission */
	struct cJSON *tree;
	struct cJSON *stored; /* the same as it is stored, once it is right */
	bool creating;
	bool may_create;       /* something that is not there is made */
	bool patches;          /* PATCH, of whatever kind */
	bool applied;          /* by server-side apply: managed fields are right already */
	bool pinned;           /* the client named the version it means */
	bool generated;        /* the name came from generateName */
	struct str given_name; /* before generating */
	int attempts;

	struct str namespace, name, subresource;
	struct str meant_uid; /* of a PUT: it is about the object with that uid, or none */
	const struct part_strategy *part; /* of subresources that change a part */
	enum { WRITE_OBJECT, WRITE_STATUS, WRITE_PART } what;
	int created_code, updated_code;
	/* Instead of the object: how the answer is made (scale, eviction …); NULL: the object. */
	void (*answer)(struct writing *w, int code, struct object *o);

	struct admission_review review;
	struct reservation taken; /* addresses and ports of a Service */
	struct commit commit;
	struct settling settling;
	struct status *refusal; /* told when what it is about has settled */
	struct op op;
	struct conversion *conversion; /* by a webhook, to what is stored */
};

struct writing *writing_new(struct api_request *r, writing_build_fn *build, void *ctx);
void writing_start(struct writing *w);
/* Object, status or part, by w->subresource; false: none of these. */
bool registry_choose_part(struct writing *w);
const struct part_strategy *registry_part(const struct strategy *s, struct str name);
/* uid and resourceVersion of w->tree against what stands there. */
struct status *registry_check_version(struct writing *w);
struct status *registry_match_namespace(struct api_request *r, struct cJSON *tree);
void registry_set_defaults(struct api_request *r, struct cJSON *tree); /* hub */
struct apply_request registry_apply_request(struct writing *w);
/* Server-side apply of a configuration, by a write that has chosen its part: apply.c. */
/* notes: what the configuration repeats. */
void registry_apply(
	struct writing *w, const struct cJSON *config, const struct decode_notes *notes);
/*
 * A change the server itself makes to a stored object on behalf of a subresource: no strategy and
 * no admission, begun again when somebody was quicker. direct.c
 */
struct direct_write;
/* Changes the tree in place; a status ends the write. Called for every attempt. */
typedef struct status *direct_change_fn(struct direct_write *d, struct cJSON *tree);
typedef void direct_done_fn(struct direct_write *d, struct status *failure); /* once */
struct direct_write {
	struct api_request *r;
	const struct resource *hub;
	struct str namespace, name;
	direct_change_fn *change;
	direct_done_fn *done;
	void *ctx;
	/* private */
	int attempts;
	struct commit commit;
	struct settling settling;
	struct op op;
};
void direct_write_start(struct direct_write *d);
/* Names one thing, and another stands there. */
struct status *status_wrong_uid(struct arena *a, const struct resource *r, struct str key,
	struct str name, struct str wanted, struct str found);
/*
 * Admission of what is no stored object (a subresource's own body, the options of a connection):
 * by those that change it, then by those that judge. Tells `next` the outcome, now or later.
 */
struct body_admission;
typedef void body_admitted_fn(struct body_admission *b, struct status *no);
typedef struct status *body_check_fn(struct body_admission *b);
struct body_admission {
	body_admitted_fn *next;
	body_check_fn *check; /* between those that change and those that judge; NULL: nothing */
	void *ctx;
	enum admission_operation operation; /* 0: ADMIT_CREATE */
	struct admission_review review;     /* private; .object: what became of the body */
};
void registry_admit_body(struct body_admission *b, struct api_request *r,
	const struct resource *hub, struct str name, struct cJSON *body);
/* Of a connection: `go` follows when all agree. connect.c */
void registry_admit_connect(struct api_request *r, stage_fn *go);
/* 201 with a Status that says Success. */
void registry_answer_success(struct api_request *r);

/* pods/binding and bindings, pods/eviction, and what needs a kubelet. */
void handle_component_statuses(struct api_request *r);
stage_fn handle_binding, handle_eviction, handle_rollback, handle_log, handle_exec,
	handle_pod_proxy, handle_node_proxy, handle_service_proxy;

/* metrics.k8s.io: usage_metrics.c. */
stage_fn serve_usage;

/* The scale subresource: scale.c. */
void handle_scale(struct api_request *r);
void registry_answer_scale(struct writing *w);
/* The scale of an object (of the hub), and an object that takes a scale's number. */
struct cJSON *registry_scale_of(struct api_request *r, const struct cJSON *object);
void registry_scale_take(struct api_request *r, struct cJSON *object, const struct cJSON *scale);
struct status *registry_patch_scale(
	struct writing *w, struct status *(*apply)(struct writing *w, const struct cJSON *shown,
				   const struct body_kind *kind, struct cJSON **out));
/* NULL with *err set: the configuration cannot be applied. */
struct status *registry_apply_to_scale(struct writing *w, const struct cJSON *config,
	struct apply_conflicts *conflicts, struct err *err);
int64_t registry_event_ttl(const struct api_server *s);

/* ---- names and versions ---- */
/* "the object has been modified; …" */
struct status *status_stale(struct arena *a, const struct resource *r, struct str name);
/* What stands under the request's namespace and name, or NULL. Borrowed. */
struct object *registry_find(struct api_request *r);
/*
 * The object as the request's version has it, and back: the same one, but for custom kinds. Kept
 * until the request has ended.
 */
struct object *registry_view(struct api_request *r, struct object *o); /* NULL gives NULL */
struct cJSON *registry_stored(struct api_request *r, struct cJSON *tree);
/* Label and field selectors of the request against an object as its version has it. */
bool registry_selects(struct api_request *r, const struct object *o);
/* 400 for fields that cannot be asked for. */
/* "default/" for one namespace, "" for all. */
struct str registry_prefix(struct api_request *r);

/* Deletes one object by the request's options: delete.c. `done` hears the outcome once. */
struct deletion;
typedef void deletion_done_fn(struct deletion *d, struct status *failure);
struct deletion {
	struct api_request *r;
	struct str namespace, name;
	deletion_done_fn *done;
	void *ctx;
	struct object *result; /* the last state: a reference of the deletion's owner */
	bool gone;             /* it is not there any more */
	bool remove_next;      /* private: marked first, removed then */
	bool admitted;         /* by another review: it is not asked again */
	/* private */
	struct admission_review review;
	struct object *old;
	struct cJSON *tree;
	int attempts;
	struct commit commit;
	struct settling settling;
	struct status *outcome; /* told when what it is about has settled */
	struct op op;
};
void deletion_start(struct deletion *d);
/* The preconditions of the request's options against what stands there. */
struct status *registry_check_preconditions(
	struct api_request *r, struct str name, const struct cJSON *tree);
/* What becomes of the pods of deleted jobs, if the client did not say. */
void registry_warn_children(struct api_request *r);

/* Continue tokens: where the next page begins, and at which revision. */
struct str continue_print(struct arena *a, int64_t revision, struct str key, struct str prefix);
struct status *continue_parse(
	struct api_request *r, struct str prefix, int64_t *revision, struct str *from);

#endif
