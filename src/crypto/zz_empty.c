/* placeholder */ typedef int kube_crypto;
