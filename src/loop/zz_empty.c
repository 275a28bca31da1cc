/* placeholder */ typedef int kube_loop;
