/* The parts of a write (registry.h), one file each; in their order. */
#ifndef KUBE_REGISTRY_WRITE_H
#define KUBE_REGISTRY_WRITE_H

#include "registry.h"

/* ---- write.c ---- */
/* Begins (again) with what stands there now. */
void writing_attempt(struct writing *w);

/* ---- write_fields.c ---- */
/* Managed fields. Before admission: what plugins add belongs to nobody. */
struct status *writing_track(struct writing *w);
/* With a warning; upstream looks twice. */
void writing_drop_repeated_owners(struct writing *w, bool after_admission);

/* ---- write_object.c ---- */
/* What every object gets, and what of metadata a client may leave out or not touch. */
void writing_complete_meta(struct writing *w);
/* The kind's strategy and its validation; w->tree is canonical then. */
struct status *writing_run_strategy(struct writing *w);

/* ---- write_commit.c ---- */
void writing_finish(struct writing *w);
void writing_refuse(struct writing *w, struct status *s);

#endif
