/*
 * hooks: what MutatingAdmissionWebhook and ValidatingAdmissionWebhook share. The configurations
 * that stand in the store are read once and kept while they stand there (hook_source.c); which
 * hooks a review is for is decided by their rules and selectors (hook_match.c); the question is
 * written and the answer read (hook_question.c, hook_answer.c); asking one is hook_ask.c.
 */
#ifndef KUBE_APISERVER_ADMISSION_HOOKS_H
#define KUBE_APISERVER_ADMISSION_HOOKS_H

#include "admission.h"
#include "webhook_call.h"

#include <kube/selector.h>

/* ---- configurations ---- */

struct match_conditions;
struct vocabulary;

struct hook {
	struct str name, configuration;
	struct str uid;            /* "configuration/name/0" */
	const struct cJSON *rules; /* lists of the configuration */
	const struct cJSON *versions;
	struct match_conditions *conditions; /* NULL: none */
	struct selector namespaces, objects;
	bool all_namespaces, all_objects; /* the selector is empty */
	bool exact;                       /* matchPolicy */
	bool fails_open;                  /* failurePolicy Ignore */
	bool reinvoked;                   /* reinvocationPolicy IfNeeded */
	bool has_side_effects;            /* cannot be asked in a dry run */
	int64_t timeout;
	struct backend_target target;
};

/* All hooks of one kind of configuration as they stand, in the order in which they are asked. */
struct hook_set {
	size_t refs;
	struct arena arena;
	struct hook *hooks;
	size_t count;
	bool mutating;
	struct vocabulary *words; /* of all conditions; NULL: no hook has any */
};

struct hook_sources;
struct hook_sources *hook_sources_new(struct api_server *s);
void hook_sources_free(struct hook_sources *h);
/* A reference; NULL when there is none. */
struct hook_set *hook_set_take(struct hook_sources *h, bool mutating);
void hook_set_unref(struct hook_set *set); /* NULL is fine */
/* Is the review of v1 the first that both sides know? */
bool hook_asks_v1(const struct hook *h);
/* Who we are to it, by the plugin's configuration; NULL: nobody. In the arena. */
struct hook_identities;
const struct client_config *hook_identity_find(
	const struct hook_identities *h, struct arena *a, const struct hook *hook);
struct hook_sources *admission_hooks(struct admission *a);

/* ---- who is asked about what ---- */

/* A review as hooks see it: names and kinds as they were asked for. */
struct hook_subject {
	struct admission_review *review;
	struct arena *arena;
	const struct resource *resource; /* as requested */
	const struct subresource
		*body; /* the object's kind, where it has one of its own; or NULL */
	struct str group, version, kind; /* of the object */
	struct str namespace, name, subresource;
	const char *operation;
	struct cJSON *options; /* made when first asked for */
};
void hook_subject_init(struct hook_subject *s, struct admission_review *review);
/* Configurations of admission are nobody's business but their author's. */
bool hook_subject_is_exempt(const struct hook_subject *s);
/* Questions of who somebody is and what he may do: policies in expressions leave them alone. */
bool hook_subject_is_review(const struct hook_subject *s);

/* How a hook wants to see it. */
struct hook_view {
	const struct hook *hook;
	const struct resource *resource; /* the requested one, or an equivalent */
};
/* false: this one of the set is not asked. *no: it should be, and that cannot be decided. */
bool hook_matches(struct hook_subject *s, const struct hook_set *set, const struct hook *h,
	struct hook_view *view, struct status **no);
/* The parts of that: by namespace and object; *no: there is no such namespace. */
bool hook_selects(struct hook_subject *s, const struct hook *h, struct status **no);
/* As it was asked for, or (earlier rules first) as an equivalent; NULL: no rule is for it. */
const struct resource *hook_match_rules(
	const struct hook_subject *s, const struct cJSON *rules, bool exact);
/* The object, or the old one, in that version: canonical; NULL when there is none. */
struct status *hook_show(struct hook_subject *s, const struct hook_view *view,
	const struct cJSON *hub, struct cJSON **out);
/*
 * Back: decoded, completed, of the hub version. *same: it is what the review's object is. strict:
 * fields that the type does not have are a failure.
 */
int hook_take(struct hook_subject *s, const struct hook_view *view, const struct cJSON *shown,
	bool strict, struct cJSON **hub, bool *same, struct err *err);

/* ---- question and answer ---- */

/* An AdmissionReview; uid has room for 37 bytes. NULL: no version that we know. */
struct cJSON *hook_question(
	struct hook_subject *s, const struct hook_view *view, char *uid, struct status **no);
/* The request alone, without object and oldObject: what conditions see. */
struct cJSON *hook_request(struct hook_subject *s, const struct hook_view *view, const char *uid);
/* The same with what stands behind the object: as conditions see it. */
struct cJSON *hook_request_shown(struct hook_subject *s, const struct hook_view *view);

struct hook_answer {
	bool allowed;
	struct status *denial; /* in the hook's words */
	struct str patch;      /* JSON; empty: none */
	struct str patch_type;
	const struct cJSON *warnings, *annotations;
};
/* ERR_* with what is behind "failed calling webhook "x": ". */
int hook_answer_read(struct arena *a, struct str text, struct str content_type, int status,
	const struct hook *hook, const char *uid, bool mutating, struct hook_answer *answer,
	struct err *err);

/* ---- one call ---- */

enum hook_outcome {
	HOOK_ALLOWED,
	HOOK_CALL_FAILED, /* the failure policy decides */
	HOOK_DENIED,
	HOOK_FAILED, /* nobody was asked, or the patch was none */
};

struct hook_call;
typedef void hook_called_fn(struct hook_call *c);
struct hook_call {
	struct hook_subject *subject;
	struct hook_view view;
	bool mutating;
	hook_called_fn *called; /* once, later or at once */
	void *ctx;
	/* what came of it */
	enum hook_outcome outcome;
	struct status *status;     /* but of HOOK_ALLOWED: what the client is told if it is told */
	struct str why;            /* of HOOK_CALL_FAILED, for the log */
	const struct cJSON *patch; /* a list; NULL: none */
	int code;                  /* of HOOK_CALL_FAILED, as metrics count it */
	bool over;                 /* the request's own time is over, or its client has gone */
	/* private */
	struct webhook_call call;
	struct op op;
	char uid[37];
	int64_t began;
};
void hook_call_start(struct hook_call *c);
/* Counts it, and what was made of its failure. */
void hook_count(struct hook_call *c, bool rejected);
void hook_count_fail_open(struct hook_call *c);

#endif
