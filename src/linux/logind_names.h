/* Whom logind's users speak with. */
#ifndef KUBE_LINUX_LOGIND_NAMES_H
#define KUBE_LINUX_LOGIND_NAMES_H

#include <kube/dbus.h>

#define LOGIND         "org.freedesktop.login1"
#define LOGIND_PATH    "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"

#define DBUS_ITSELF      "org.freedesktop.DBus"
#define DBUS_ITSELF_PATH "/org/freedesktop/DBus"

/* The first call of every connection. */
static const struct dbus_call logind_hello = {.destination = DBUS_ITSELF,
	.path = DBUS_ITSELF_PATH,
	.interface = DBUS_ITSELF,
	.member = "Hello"};

#endif
