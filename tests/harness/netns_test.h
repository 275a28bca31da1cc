/*
 * Tests with network namespaces: each runs in a child that has one of its own, and makes more of
 * them for those it talks to. All are gone with the child.
 */
#ifndef KUBE_NETNS_TEST_H
#define KUBE_NETNS_TEST_H

#include "test.h"

#include <kube/ip.h>

/* Runs the function in a child, in a new network namespace; its failures are this test's. */
void netns_test_run(void (*test)(void));
/* Another namespace: its descriptor. The thread stays where it is. */
int netns_test_new(void);
/* A socket in the namespace (-1: this one), bound to the address and port; SOCK_STREAM listens. */
int netns_test_socket(int netns, int type, const char *ip, uint16_t port);
/* One that blocks, not bound to anything; AF_INET or AF_INET6. */
int netns_test_client(int netns, int family);
/*
 * A client in the namespace (-1: this one) says something to the address and hears it again
 * ("echo") from a server: 0, or the errno that came instead. `server` is a socket of
 * netns_test_socket, on which this function answers. *seen: whom the server saw; may be NULL.
 */
int netns_test_echo(
	int netns, int type, const char *to, uint16_t port, int server, struct address *seen);
/* Runs a command of the shell in the namespace, which must succeed; what it prints, as text. */
void netns_test_shell(int netns, char *out, size_t size, const char *command);

#endif
