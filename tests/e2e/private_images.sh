#!/bin/bash
# An image that was pulled with the credentials of one pod is no other pod's, unless it has the same
# or the registry gives it to anybody; what came from an archive is everybody's.
#
#   private_images.sh KUBE
. "$(dirname "$0")/../harness/cluster.sh"

join_world
add_image
start_registry
flags="--node-name node --insecure-registry $place"
check "the cluster starts" start $flags
within 20 k get serviceaccount default
secret() { # NAME USER PASSWORD
	k create secret docker-registry "$1" --docker-server "$place" --docker-username "$2" \
		--docker-password "$3" >/dev/null
}
secret right user secret
secret same user secret
secret wrong user guessed
pod() { # NAME REPOSITORY POLICY [SECRET]
	create_pod "$1" 0 <<-E
		${4:+imagePullSecrets: [{name: $4\}]}
		containers: [{name: c, image: "$place/$2/x:1", imagePullPolicy: $3}]
	E
}
runs() { [ "$(k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].ready}')" = true ]; }
waits() { # NAME REASON…: any of them
	local reason
	reason=$(k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}')
	[[ " ${*:2} " = *" $reason "* ]]
}
asked() { grep -c "/v2/$1/" "$dir/registry.log"; }

pod first basic IfNotPresent right
check "a pod with the password runs" within 30 runs first
pod second basic IfNotPresent
check "one without does not, though the image is here" within 20 waits second ErrImagePull ImagePullBackOff
pod third basic IfNotPresent wrong
check "nor one with another" within 20 waits third ErrImagePull ImagePullBackOff
pod never basic Never
check "nor one that would not ask" within 20 waits never ErrImageNeverPull
k delete pod second third --wait=true --timeout=20s >/dev/null
before=$(asked basic)
pod fourth basic IfNotPresent same
check "one with the same does" within 20 runs fourth
pod fifth basic Never right
check "also if it would not ask" within 20 runs fifth
check "and the registry is not asked" prints "$before" asked basic

pod open open IfNotPresent
check "an image for everybody runs" within 30 runs open
before=$(asked open)
pod again open IfNotPresent
check "and again" within 20 runs again
check "without a question" prints "$before" asked open
create_pod imported 0 <<<'containers: [{name: c, image: "kube.local/sample:1", imagePullPolicy: Never}]'
check "so does one that was imported" within 20 runs imported

check "it ends" stop
kept() { grep -q "$place/basic/x" "$dir/d/kubelet/pulled-images.json"; }
check "it is written down" kept
check "but no password" eval '! grep -q secret "$dir/d/kubelet/pulled-images.json"'
check "it starts again" start $flags
pod later basic IfNotPresent
check "the next node knows it, too" within 20 waits later ErrImagePull ImagePullBackOff
pod known basic Never right
check "and who had it" within 20 runs known
stop

echo 'imagePullCredentialsVerificationPolicy: NeverVerify' >>"$dir/roomy.yaml"
check "a node that does not care starts" start $flags
pod anyone basic Never
check "there it is anybody's" within 20 runs anyone
stop
cat >>"$dir/roomy.yaml" <<-E
	imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages
	preloadedImagesVerificationAllowlist: [kube.local/other, "kube.local/more/*"]
E
sed -i '/: NeverVerify$/d' "$dir/roomy.yaml"
check "one that trusts some starts" start $flags
create_pod unlisted 0 <<<'containers: [{name: c, image: "kube.local/sample:1", imagePullPolicy: Never}]'
check "what was imported and is not named is nobody's" within 20 waits unlisted ErrImageNeverPull
k delete pod --all --wait=true --timeout=40s >/dev/null
check "it ends at last" stop
kill $registry
finish
