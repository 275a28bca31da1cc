/* Days and dates of the Gregorian calendar, before its time and after. */
#ifndef KUBE_CEL_DATES_H
#define KUBE_CEL_DATES_H

#include <kube/time.h>

int64_t days_of_date(int year, int month, int day); /* since 1970 */
/* Year, month, day and weekday. */
struct time_parts date_of_days(int64_t days);

#endif
