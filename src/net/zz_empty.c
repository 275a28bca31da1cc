/* placeholder */ typedef int kube_net;
