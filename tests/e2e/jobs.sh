#!/bin/bash
# What upstream's conformance tests ask of Jobs whose pods really run: restarts in place, exit codes,
# evictions, indexes that fail, successes that are enough.
. "$(dirname "$0")/../harness/cluster.sh"
begin_cluster

job() { # NAME RESTART-POLICY COMMAND SPEC…
	local name=$1 restart=$2 command=$3 line
	shift 3
	{
		printf 'apiVersion: batch/v1\nkind: Job\nmetadata: {name: %s}\nspec:\n' "$name"
		for line in "$@"; do echo "  $line"; done
		cat <<-E
		  template:
		    spec:
		      restartPolicy: $restart
		      terminationGracePeriodSeconds: 1
		      volumes: [{name: data, emptyDir: {}}]
		      containers:
		      - name: c
		        image: kube.local/sample:1
		        command: [sh, -c, '$command']
		        volumeMounts: [{name: data, mountPath: /data}]
		E
	} | k create -f - >/dev/null
}
status() { k get job "$1" -o "jsonpath={.status.$2}"; }
ended() { k get job "$1" -o 'jsonpath={range .status.conditions[*]}{.type}={.reason} {end}'; }
pods() { k get pods -l "job-name=$1" -o "jsonpath={.items[*].$2}"; }

job restarts OnFailure 'if [ -e /data/x ]; then exit 0; fi; touch /data/x; exit 1' \
	'completions: 4' 'parallelism: 2'
check "pods that fail once are restarted where they are" within 40 prints 4 status restarts succeeded
check "none of them is counted as failed" prints '' status restarts failed
check "the job completes" within 5 contains 'Complete=CompletionsReached' "$(ended restarts)"

job early Never 'exit 42' 'completions: 4' 'parallelism: 2' 'backoffLimit: 6' \
	'podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: c, operator: In, values: [42]}}]}'
failed() { ended "$1" | grep -q "Failed=$2"; }
check "an exit code ends a job early" within 30 failed early PodFailurePolicy
check "the condition says which" contains 'failed with exit code 42 matching FailJob rule at index 0' \
	"$(k get job early -o 'jsonpath={.status.conditions[?(@.type=="Failed")].message}')"

job moved Never 'if [ -e /tmp/none ]; then exit 1; fi; exec sleep 600' 'completions: 1' 'backoffLimit: 0' \
	'podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: "True"}]}]}'
check "a pod runs" within 20 prints Running pods moved status.phase
old=$(pods moved metadata.name)
printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"%s","namespace":"default"}}' "$old" |
	k create --raw "/api/v1/namespaces/default/pods/$old/eviction" -f - >/dev/null
replaced() { pods moved metadata.name | grep -qv "$old" && [ "$(pods moved status.phase)" = Running ]; }
check "evicted, it is replaced" within 30 replaced
check "and not counted" prints '' status moved failed
k delete job moved --wait=true --timeout=30s >/dev/null

# shellcheck disable=SC2016
job each Never 'exit $((JOB_COMPLETION_INDEX % 2))' 'completions: 4' 'parallelism: 2' 'completionMode: Indexed' \
	'backoffLimitPerIndex: 1'
check "each index may fail by itself" within 90 failed each FailedIndexes
check "these did not" prints 0,2 status each completedIndexes
check "these did" prints 1,3 status each failedIndexes
check "two pods each" prints 4 status each failed

# shellcheck disable=SC2016
job most Never 'exit $((JOB_COMPLETION_INDEX != 0))' 'completions: 4' 'parallelism: 1' 'completionMode: Indexed' \
	'backoffLimitPerIndex: 0' 'maxFailedIndexes: 0'
check "too many failed indexes end a job" within 60 failed most MaxFailedIndexesExceeded
check "and what had not begun does not begin" prints 1 status most failed

# shellcheck disable=SC2016
job first Never '[ "$JOB_COMPLETION_INDEX" = 0 ] || exec sleep 600' 'completions: 5' 'parallelism: 2' \
	'completionMode: Indexed' 'successPolicy: {rules: [{succeededIndexes: "0"}]}'
enough() { ended first | grep -q 'Complete=SuccessPolicy'; }
check "one success may be enough" within 40 enough
check "it is index 0" prints 0 status first completedIndexes
check "nothing runs any more" prints '' status first active
check "nor is about to end" prints 0 status first terminating

k delete job --all --wait=true --timeout=30s >/dev/null
gone() { [ -z "$(k get pods --no-headers -o name)" ]; }
check "with the jobs their pods go" within 30 gone
check "it ends" stop
finish
