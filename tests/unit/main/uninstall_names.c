#include "main/uninstall_names.c"

#include "main/backup_archive.c"
#include "main/restore_place.c"

#include "test.h"

TEST(logs_of_pods_are_told_from_others)
{
	EXPECT(uninstall_is_log("default_web-5d9c_0b1c2d3e"));
	EXPECT(uninstall_is_log("kube-system_dns.1_abc"));
	EXPECT(!uninstall_is_log("syslog"));
	EXPECT(!uninstall_is_log("apt_history"));
	EXPECT(!uninstall_is_log("__"));
	EXPECT(!uninstall_is_log("a_b_c_d"));
	EXPECT(!uninstall_is_log("a__c"));
}

TEST(only_what_a_server_makes_is_its_data)
{
	EXPECT(uninstall_is_data("state"));
	EXPECT(uninstall_is_data("pki"));
	EXPECT(uninstall_is_data("restore.old"));
	EXPECT(uninstall_is_data("before-restore-2"));
	EXPECT(!uninstall_is_data("server.lock"));
	EXPECT(!uninstall_is_data("home"));
	EXPECT(!uninstall_is_data("stat"));
	EXPECT(!uninstall_is_data(""));
}
