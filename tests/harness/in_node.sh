#!/bin/bash
# Runs a program in an isolated node (see node.sh), as a child of that node's first process:
#
#   tests/harness/in_node.sh PROGRAM ARGUMENT…
. "$(dirname "$0")/node.sh"
"$@"
