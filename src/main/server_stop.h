/* The end of the server that holds a data directory: asked for, and waited for. */
#ifndef MAIN_SERVER_STOP_H
#define MAIN_SERVER_STOP_H

#include <kube/arena.h>
#include <kube/err.h>

/* Absolute, and NUL-terminated. */
const char *server_stop_directory(struct arena *a, struct str path);
/* timeout in ns. *ran false: there was none. ERR_TIMEOUT: it has not ended yet. */
int server_stop(const char *data_dir, int64_t timeout, bool *ran, struct err *err);

#endif
