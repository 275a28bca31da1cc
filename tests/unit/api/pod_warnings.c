/* What authors of pods are warned of. */
#include "pod_cases.h"

/* The warnings, one a line. */
static const char *warnings(const char *spec)
{
	struct change c = change_of(pod(spec, ""), NULL);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	c.resource->strategy->warn(&c);
	for (size_t i = 0; i < c.warning_count; i++)
		buf_print(&text, "%s%.*s", i ? "\n" : "", STRF(c.warnings[i]));
	return arena_str(&a, buf_str(&text)).at;
}

TEST(overlapping_files_are_told_of)
{
	arena_init(&a);
	EXPECT_TEXT(warnings(",'volumes':[{'name':'v','configMap':{'name':'m','items':[{'key':'a',"
			     "'path':'t'},{'key':'b','path':'t/x'},{'key':'c','path':'tx'}]}}]"),
		"volume \"v\" (ConfigMap \"m\"): overlapping paths: \"t/x\" with \"t\"");
	EXPECT_TEXT(warnings(",'volumes':[{'name':'v','projected':{'sources':[{'secret':{'name':"
			     "'s','items':[{'key':'a','path':'t'}]}},{'serviceAccountToken':{"
			     "'path':'t'}}]}}]"),
		"volume \"v\" (Projected): overlapping paths: \"t\" (ServiceAccountToken) with "
		"\"t\" (Secret \"s\")");
	arena_done(&a);
}

TEST(old_labels_are_told_of_where_they_stand)
{
	arena_init(&a);
	EXPECT_TEXT(warnings(",'nodeSelector':{'beta.kubernetes.io/os':'linux'}"),
		"spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
		"\"kubernetes.io/os\" instead");
	EXPECT_TEXT(warnings(",'affinity':{'nodeAffinity':{"
			     "'requiredDuringSchedulingIgnoredDuringExecution':{"
			     "'nodeSelectorTerms':[{'matchExpressions':[{'key':"
			     "'beta.kubernetes.io/os','operator':'Exists'}]}]}}}"),
		"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		"nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated "
		"since v1.14; use \"kubernetes.io/os\" instead");
	arena_done(&a);
}

TEST(selectors_that_match_nothing_are_told_of)
{
	arena_init(&a);
	EXPECT_TEXT(warnings(",'affinity':{'podAntiAffinity':{"
			     "'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':"
			     "'k'},{'topologyKey':'k','labelSelector':{}}]}}"),
		"spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]."
		"labelSelector: a null labelSelector results in matching no pod");
	arena_done(&a);
}
