/*
 * reinvocation: who of a plugin is called once more in the second round of those that change
 * objects. Those that want it (IfNeeded) are called again when the object was changed behind them,
 * by others of the same plugin or by other plugins.
 */
#ifndef KUBE_APISERVER_ADMISSION_REINVOCATION_H
#define KUBE_APISERVER_ADMISSION_REINVOCATION_H

#include "admission.h"

/* Of one plugin and one review, over both rounds; in the review's arena. */
struct reinvocation;

/* The plugin's, from its place in the review, when it begins a round. */
struct reinvocation *reinvocation_enter(
	struct admission_review *review, struct reinvocation **place);
/* Is it to be called in this round? */
bool reinvocation_calls(const struct reinvocation *r, struct str key);
/* It was, and wants to be again if something changes from now on. The key is copied. */
void reinvocation_note(struct reinvocation *r, struct str key);
/* Somebody changed the object: all that were noted are due, and there is a second round. */
void reinvocation_changed(struct reinvocation *r);
/* The plugin ends its round. */
void reinvocation_leave(struct reinvocation *r);

#endif
