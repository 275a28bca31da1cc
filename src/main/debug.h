/* Commands below `kube debug`: for those who work on kube, or want to see it at work. */
#ifndef MAIN_DEBUG_H
#define MAIN_DEBUG_H

int debug_fake_node(int argc, char **argv);

#endif
