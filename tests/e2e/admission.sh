#!/bin/bash
# Plugins that are off unless somebody asks for them, and what their configuration file says.
. "$(dirname "$0")/../harness/check.sh"
. "$(dirname "$0")/../harness/apiserver.sh"
kube=$1

start() { # PLUGINS [CONFIG-FILE]
	start_with_tokens "$kube" --disable-admission-plugins ServiceAccount \
		--enable-admission-plugins "$1" ${2:+--admission-control-config-file "$2"}
}
refused() { # WHY PLUGINS CONFIG-TEXT
	printf '%s\n' "$3" >"$dir/wrong.yaml"
	! start "$2" "$dir/wrong.yaml" >"$dir/said" && grep -qF "$1" "$dir/said" || { cat "$dir/said"; return 1; }
}
say() { # METHOD PATH-OF-NAMESPACES [BODY]: the answer on one line
	ask "$1" "/api/v1/namespaces$2" "${@:3}" | tr -d '\n' | tr -s ' '
}
namespace() { # NAME [ANNOTATIONS] [LABELS]
	say POST "" "{\"metadata\":{\"name\":\"$1\",\"annotations\":{$2},\"labels\":{$3}}}" >/dev/null
}
pod() { # NAMESPACE [SPEC-MEMBERS] [CONTAINER-MEMBERS]
	say POST "/$1/pods" "{\"metadata\":{\"generateName\":\"p-\"},\"spec\":{${2:+$2,}
		\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"${3:+,$3}}]}}"
}

# ---- the file itself ----
kind='apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration'
check "a limit of events that nobody set is an error" refused "must not be empty" EventRateLimit "$kind"
check "so is a wrong one" refused 'limits[0].type: Unsupported value: ' EventRateLimit "$kind
plugins:
- name: EventRateLimit
  configuration:
    apiVersion: eventratelimit.admission.k8s.io/v1alpha1
    kind: Configuration
    limits: [{type: Planet, qps: 1, burst: 1}]"
check "a plugin of another world" refused 'there is no plugin ' AlwaysAdmit "$kind
plugins: [{name: Horoscope}]"
check "a kind of another world" refused 'is registered for version' AlwaysAdmit 'kind: Pod
apiVersion: v1'
check "a file that is not there" refused "no-such-file" AlwaysAdmit "$kind
plugins: [{name: PodSecurity, path: no-such-file}]"
check "a level that is none" refused "must be one of privileged, baseline, restricted" AlwaysAdmit \
	"$kind
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: lax}"

# ---- plugins ----
cat >"$dir/admission.yaml" <<'YAML'
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: EventRateLimit
  path: rates.yaml
- name: PodNodeSelector
  configuration:
    podNodeSelectorPluginConfig:
      clusterDefaultNodeSelector: zone=a
      strict: zone=a,disk=ssd
- name: PodTolerationRestriction
  configuration:
    apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1
    kind: Configuration
    default: [{key: spot, operator: Exists}]
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: baseline}
    exemptions:
      usernames: [free]
      namespaces: [loose]
YAML
cat >"$dir/rates.yaml" <<'YAML'
apiVersion: eventratelimit.admission.k8s.io/v1alpha1
kind: Configuration
limits:
- {type: Namespace, qps: 1, burst: 3, cacheSize: 2}
YAML
start NamespaceExists,AlwaysPullImages,PodNodeSelector,PodTolerationRestriction,EventRateLimit,ExtendedResourceToleration,LimitPodHardAntiAffinityTopology,DenyServiceExternalIPs,AlwaysAdmit,PodPreset \
	"$dir/admission.yaml"
check "it serves" test -n "$port"
namespace a
namespace own '"scheduler.alpha.kubernetes.io/node-selector":"zone=b",
	"scheduler.alpha.kubernetes.io/defaultTolerations":"[{\"key\":\"k\",\"operator\":\"Exists\"}]",
	"scheduler.alpha.kubernetes.io/tolerationsWhitelist":"[{\"key\":\"k\",\"operator\":\"Exists\"},{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\"},{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\"}]"'
namespace strict
namespace loose

check "images are pulled always" contains '"imagePullPolicy":"Always"' \
	"$(pod a '"volumes":[]' '"imagePullPolicy":"Never"' | tr -d ' ')"
check "pods are given their cluster's selector" contains '"nodeSelector":{"zone":"a"}' \
	"$(pod a | tr -d ' ')"
check "beside their own" contains '"nodeSelector":{"disk":"hdd","zone":"a"}' \
	"$(pod a '"nodeSelector":{"disk":"hdd"}' | tr -d ' ')"
check "a namespace's own comes before" contains '"nodeSelector":{"zone":"b"}' "$(pod own | tr -d ' ')"
check "another value is refused" contains \
	"is forbidden: pod node label selector conflicts with its namespace node label selector" \
	"$(pod a '"nodeSelector":{"zone":"c"}')"
check "what the namespace may have is listed" contains \
	"pod node label selector labels conflict with its namespace whitelist" \
	"$(pod strict '"nodeSelector":{"gpu":"yes"}')"
check "and may be had" contains " 201" "$(pod strict '"nodeSelector":{"disk":"ssd"}')"

check "the configuration gives tolerations" contains '{"key":"spot","operator":"Exists"}' \
	"$(pod a | tr -d ' ')"
check "the namespace gives its own instead" contains '"tolerations":[{"key":"k","operator":"Exists"}' \
	"$(pod own | tr -d ' ')"
check "and says which are allowed" contains \
	"pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist" \
	"$(pod own '"tolerations":[{"key":"x","operator":"Exists"}]')"
check "what asks for memory bears its pressure" contains 'node.kubernetes.io/memory-pressure' \
	"$(pod a '"restartPolicy":"Never"' '"resources":{"requests":{"memory":"1Mi"}}')"
check "what asks for a device bears its taint" contains \
	'{"effect":"NoSchedule","key":"example.com/gpu","operator":"Exists"}' \
	"$(pod a '"restartPolicy":"Never"' '"resources":{"limits":{"example.com/gpu":"1"}}' | tr -d ' ' |
		sed 's/{"key":"example.com\/gpu","operator":"Exists","effect":"NoSchedule"}/{"effect":"NoSchedule","key":"example.com\/gpu","operator":"Exists"}/')"
check "far anti-affinity is refused" contains \
	"affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed" \
	"$(pod a '"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[
		{"topologyKey":"zone","labelSelector":{}}]}}')"

service() { # NAME IPS
	say POST /a/services "{\"metadata\":{\"name\":\"$1\"},\"spec\":{\"externalIPs\":[$2],
		\"ports\":[{\"port\":80}]}}"
}
check "external addresses are refused" contains "Use of external IPs is denied by admission control" \
	"$(service s '"192.0.2.1"')"
check "services without pass" contains " 201" "$(service s)"

event() { # NAMESPACE NAME
	say POST "/$1/events" "{\"metadata\":{\"name\":\"$2\"},
		\"involvedObject\":{\"namespace\":\"$1\",\"kind\":\"Pod\",\"name\":\"p\"}}"
}
flood() { for i in 1 2 3 4 5 6; do event "$1" "$2$i"; done; }
check "events beyond the rate are refused" contains \
	"Too many requests: limit reached on type Namespace for key a" "$(flood a e)"
check "those of another namespace are not" contains " 201" "$(event own e)"

check "the configuration's standard holds where labels say nothing" contains \
	'violates PodSecurity \"baseline:latest\"' "$(pod a '"hostNetwork":true')"
check "but not for who is exempt" contains " 201" "$(who=free pod a '"hostNetwork":true')"
check "nor where" contains " 201" "$(pod loose '"hostNetwork":true')"
check "labels go before it" contains " 201" \
	"$(namespace open '' '"pod-security.kubernetes.io/enforce":"privileged"'
	pod open '"hostNetwork":true')"
counted() { ask GET /metrics | grep -F "$1"; }
check "evaluations are counted" contains ' 1' "$(counted 'pod_security_evaluations_total{decision="deny",mode="enforce",policy_level="baseline",policy_version="latest",request_operation="create",resource="pod",subresource=""}')"
check "so are the exempt" contains ' 2' "$(counted 'pod_security_exemptions_total{request_operation="create",resource="pod",subresource=""}')"
check "there is no namespace for this" contains 'namespaces \"nowhere\" not found' \
	"$(pod nowhere)"

preset() { # NAME SPEC
	ask POST /apis/settings.k8s.io/v1alpha1/namespaces/loose/podpresets \
		"{\"metadata\":{\"name\":\"$1\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}},$2}}"
}
web() { # [ANNOTATIONS] [CONTAINER-MEMBERS]
	say POST /loose/pods "{\"metadata\":{\"generateName\":\"w-\",\"labels\":{\"app\":\"web\"},
		\"annotations\":{$1}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"${2:+,$2}}]}}" | tr -d ' '
}
check "a preset is kept" contains " 201" "$(preset cache '"env":[{"name":"CACHE","value":"on"}],
	"volumeMounts":[{"name":"cache","mountPath":"/cache"}],
	"volumes":[{"name":"cache","emptyDir":{}}]')"
check "pods of its labels have its environment" contains '"env":[{"name":"CACHE","value":"on"}]' "$(web)"
check "its volumes" contains '"volumeMounts":[{"name":"cache","mountPath":"/cache"}]' "$(web)"
check "and its mark" contains '"podpreset.admission.kubernetes.io/podpreset-cache":"' "$(web)"
check "who contradicts it stays as it is" test -z \
	"$(web '' '"env":[{"name":"CACHE","value":"off"}]' | grep podpreset-cache)"
check "and who asks to be left alone" test -z \
	"$(web '"podpreset.admission.kubernetes.io/exclude":"true"' | grep podpreset-cache)"
check "it ends in peace" end_apiserver

# ---- all or nothing ----
start AlwaysDeny
check "it serves" test -n "$port"
check "everything is denied" contains "is forbidden: admission control is denying all modifications" \
	"$(say POST /default/configmaps '{"metadata":{"name":"c"}}')"
check "reads are not" contains " 200" "$(say GET /default)"
check "it ends in peace" end_apiserver
finish
