/*
 * One request on its way through the pipeline (pipeline.c has the stages in their order). All of
 * it lives in the exchange's arena. A stage ends by exactly one of request_next, request_fail and
 * an answer (respond.h), now or later; stages that wait use r->op.
 */
#ifndef KUBE_APISERVER_REQUEST_H
#define KUBE_APISERVER_REQUEST_H

#include "server.h"

#include <kube/api_codec.h>
#include <kube/http.h>
#include <kube/resource.h>
#include <kube/selector.h>
#include <kube/status.h>
#include <kube/store.h>
#include <kube/strategy.h>
#include <kube/url.h>

struct user_extra {
	struct str key;
	struct str *values;
	size_t count;
};

/* Who asks. Immutable; in an arena of its own or the request's. */
struct api_user {
	struct str name, uid;
	struct str *groups;
	size_t group_count;
	struct user_extra *extra;
	size_t extra_count;
};
bool user_in_group(const struct api_user *u, struct str group);

enum field_validation { VALIDATE_WARN, VALIDATE_IGNORE, VALIDATE_STRICT };
enum version_match { MATCH_UNSET, MATCH_EXACT, MATCH_NOT_OLDER };

/* Query parameters (and bodies of DELETE), decoded and checked: options.c. */
struct request_options {
	/* reading */
	struct selector labels, fields;
	bool watch, allow_bookmarks, has_send_initial, send_initial;
	int64_t limit;
	struct str continue_;
	struct str resource_version; /* as given */
	int64_t version;             /* the same as a number; 0 when empty */
	enum version_match match;
	int64_t timeout_seconds; /* -1: none given */
	/* writing */
	bool dry_run, force;
	enum field_validation validation;
	struct str field_manager; /* never empty: the User-Agent's first word otherwise */
	bool field_manager_given;
	/* deleting */
	bool has_grace, has_propagation, has_orphan, orphan;
	int64_t grace;
	enum propagation propagation;
	struct str precondition_uid, precondition_version;
	bool has_precondition_uid, has_precondition_version;
	bool ignore_store_read_error;
};

enum wire_format { WIRE_JSON, WIRE_YAML, WIRE_PROTOBUF };
enum wire_as { AS_OBJECT, AS_TABLE, AS_PARTIAL, AS_PARTIAL_LIST };
enum table_objects { TABLE_OBJECT_METADATA, TABLE_OBJECT_NONE, TABLE_OBJECT_FULL };

/* What the client wants to see: negotiate.c reads the Accept header. */
struct representation {
	enum wire_format format;
	enum wire_as as;
	struct str as_version; /* of meta.k8s.io: "v1", "v1beta1" */
	bool pretty, stream;   /* stream: a watch in frames (protobuf) */
	enum table_objects objects;
	const struct resource *resource; /* the version to be shown */
	int64_t now;                     /* wall clock, for ages in Tables */
};

struct custom_kind;
struct kept_object;
struct list_answer;
struct list_writer;
struct fair_ticket;
struct audit_record;
struct passage;
struct access_waits;
struct authn_waits;
struct api_request;
typedef void stage_fn(struct api_request *r);
struct stage {
	const char *name;
	stage_fn *run;
};

struct api_request {
	struct api_server *server;
	struct http_exchange *x;
	struct arena *arena;
	const struct stage *stage; /* that runs now */
	struct op op;              /* of the stage that waits */
	int64_t now;               /* wall clock at arrival */
	int64_t deadline;          /* on the loop's clock: when 504 is answered; of watches: none */
	struct str audit_id;
	struct audit_record *audit; /* NULL: nothing of it is written down */
	struct cJSON *noted;        /* for the audit log, while it is not known who asks */

	/* parse, resolve */
	struct str method, path, user_agent;
	struct str query; /* as it stands */
	struct query parameters;
	bool is_resource; /* below /api or /apis with a resource in the path */
	struct str verb;  /* "get", "list", "watch", "create", …; others: lower-case method */
	struct str group, version, plural, subresource, namespace, name;
	struct str rest; /* of the path behind …/proxy/, without a leading slash */
	size_t deeper;   /* segments behind the subresource */
	bool has_name;   /* the path names an object; `name` may also be of a selector */
	const struct resource *resource; /* as asked for; NULL when not served */
	const struct subresource *sub;
	struct str cluster_path; /* plain paths: as authorized */

	/* authenticate */
	const struct api_user *user;      /* after impersonation */
	const struct api_user *real_user; /* before */
	bool local;                       /* came from this process */
	struct access_waits *waits;       /* answers of webhooks; NULL: none was needed */
	struct authn_waits *token_waits;  /* the same of those who know tokens */
	int64_t authorizing;              /* on the loop's clock: since when; 0: not yet */

	/* decode */
	struct request_options options;
	struct representation wants;
	struct buf body;
	struct str content_type;    /* of the body, without parameters */
	bool resets_managed_fields; /* the object sent says that nobody owns anything */

	struct str origin; /* of the page that asks, when it may; headers say so */

	struct str *warnings; /* Warning headers, in order, without repetitions */
	size_t warning_count, warning_cap;
	bool routed; /* authorized, and on its way to a handler */
	bool answered;
	int answer_code;
	bool long_running; /* watches and streams: not counted, no deadline */

	/* respond's and fair's own */
	struct list_answer *list;
	struct list_writer *writer;
	struct passage *passage;  /* to whoever answers instead */
	struct object *held;      /* a reference, while its text is being sent */
	struct kept_object *kept; /* others, to the request's end */
	struct custom_kind *kind; /* a reference, of a custom resource */
	struct block *held_block; /* the same of ready-made bytes */
	struct buf out;
	struct fair_ticket *ticket;
	int64_t *under_way; /* the gauge of metrics that counts it now */
	struct op wait;     /* of the answer's parts */
};

void request_next(struct api_request *r);
/* Ends the exchange: after an answer, or without one (the connection breaks). */
void request_end(struct api_request *r);
/* A Status from what an op failed with: 504 when the deadline has passed. */
void request_fail_err(struct api_request *r, const struct err *err);
void request_fail(struct api_request *r, struct status *status);
/* The same Status, for those who hand it on. */
struct status *request_status(struct api_request *r, const struct err *err);
/* A reference that is given back when the request has ended: its tree may lean on it. */
void request_keep(struct api_request *r, struct object *o);
void request_release_kept(struct api_request *r); /* pipeline.c's */
void request_warn(struct api_request *r, struct str text);
/* First value of a query parameter, decoded; false when it is not there. */
bool request_query(const struct api_request *r, const char *name, struct str *value);
/* A switch: there, and neither "false" in whatever letters nor "0", as Go's clients are used to. */
bool request_is_on(const struct api_request *r, const char *name);
/* All values of it, in order. */
size_t request_query_all(
	const struct api_request *r, const char *name, struct str *values, size_t max);
/* DeleteOptions that stand inside another body. */
struct status *request_take_delete_options(struct api_request *r, const struct cJSON *tree);
struct str request_header(const struct api_request *r, const char *name);

/* ---- the stages, each in a file of its name ---- */
stage_fn stage_parse;        /* path and query, audit id */
stage_fn stage_resolve;      /* which resource, which verb */
stage_fn stage_origins;      /* pages of other sites: origins.c */
stage_fn stage_authenticate; /* authn/ */
stage_fn stage_impersonate;  /* authn/ */
stage_fn stage_throttle;     /* fair.c */
stage_fn stage_authorize;    /* authz/ */
stage_fn stage_route;        /* what is not served: 404, 405, 415, 406 */
stage_fn stage_negotiate;    /* Accept, Content-Type */
stage_fn stage_read_body;
stage_fn stage_options; /* query parameters */
stage_fn stage_serve;   /* hands over to the verb's handler or to a plain path's */

/* ---- verbs: registry/, one file each ---- */
/* All that there are, as if their time had come: the server goes. */
void server_watches_end(struct api_server *s);
stage_fn verb_get, verb_list, verb_watch, verb_create, verb_update, verb_patch, verb_delete,
	verb_delete_collection;
/* Subresources that are not the object's own parts; NULL when `status`-like or unknown. */
stage_fn *subresource_handler(const struct resource *r, struct str subresource, struct str method);
/* Resources that are not stored (reviews, bindings, componentstatuses); NULL when stored. */
stage_fn *virtual_handler(const struct resource *r);
/* Paths that are no resources (/healthz, /version, /openapi/v2, discovery, …); NULL: 404. */
stage_fn *plain_handler(struct api_request *r);

#endif
