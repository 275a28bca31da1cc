/* Events of events.k8s.io: those of core by other names. */
#include "convert.h"

static const char *const names[][2] = {
	{"reportingController", "reportingComponent"},
	{"regarding", "involvedObject"},
	{"note", "message"},
	{"deprecatedSource", "source"},
	{"deprecatedFirstTimestamp", "firstTimestamp"},
	{"deprecatedLastTimestamp", "lastTimestamp"},
	{"deprecatedCount", "count"},
};

void event_to_hub(struct arena *a, struct cJSON *object)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		convert_rename(a, object, names[i][0], names[i][1]);
}

void event_from_hub(struct arena *a, struct cJSON *object)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		convert_rename(a, object, names[i][1], names[i][0]);
}
