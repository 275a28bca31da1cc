/* placeholder */ typedef int kube_base;
