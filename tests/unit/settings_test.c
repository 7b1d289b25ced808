/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: defaults, each refusal with its line, rules of cameras, the way to the processes. Run from the
 * project's folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/settings.h"

static char folder[64], file[96], layouts[4096];
static char message[16384];

static int setup(void **state) {
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/settings_test.XXXXXX");
	if (mkdtemp(folder) == NULL || realpath("config/layouts", layouts) == NULL)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/retention.conf", folder);
	return 0;
}

static int teardown(void **state) {
	(void)state;
	(void)unlink(file);
	return rmdir(folder);
}

static int load(const char *text, struct settings **ret_settings) {
	FILE *out = fopen(file, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	message[0] = '\0';
	return settings_load(file, layouts, ret_settings, message, sizeof(message));
}

static struct settings *loaded(const char *text) {
	struct settings *settings = NULL;
	if (load(text, &settings) < 0)
		fail_msg("%s", message);
	return settings;
}

#define ROOT "roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"frigate\"; } );\n"

/* The text of a configuration, the line that is wrong, and a part of what is said about it. */
static void refused(const char *text, unsigned line, const char *part) {
	struct settings *settings = NULL;
	char place[128];
	int result = load(text, &settings);
	if (result == 0) {
		settings_free(settings);
		fail_msg("accepted: %s", text);
	}
	assert_null(settings);
	(void)snprintf(place, sizeof(place), "%s:%u: ", file, line);
	const char *at = strstr(message, place);
	if (at == NULL || strstr(at, part) == NULL || strstr(at, "; ") == NULL)
		fail_msg("'%s' has no line %u with '%s'", message, line, part);
}

static void test_defaults(void **state) {
	(void)state;
	struct settings *settings = loaded(ROOT);
	assert_string_equal(settings->state_dir, "/var/lib/retention");
	assert_string_equal(settings->run_dir, "/run/retention");
	assert_string_equal(settings->source, file);
	assert_false(settings->has_retention || settings->has_legal_maximum);
	assert_int_equal(settings->root_count, 1);
	assert_int_equal(settings->roots[0].mode, ROOT_OBSERVE);
	assert_int_equal(settings->roots[0].foreign, FOREIGN_KEEP);
	assert_int_equal(settings->roots[0].line, 1);
	assert_string_equal(settings->roots[0].timezone, "UTC");
	assert_null(settings->roots[0].vault);
	assert_int_equal(settings->holds.pre_roll.seconds, 60);
	assert_int_equal(settings->holds.post_roll.seconds, 240);
	assert_int_equal(settings->holds.review.days, 90);
	assert_int_equal(settings->holds.future.days, 7);
	assert_int_equal(settings->holds.release_delay.days, 1);
	assert_true(settings->holds.two_person);
	assert_string_equal(settings->holds.case_pattern, "");
	assert_int_equal(settings->holds.vault_reserve_percent, 5);
	assert_int_equal(settings->clock.require, CLOCK_RTC);
	assert_int_equal(settings->clock.max_jump.days, 1);
	assert_int_equal(settings->brake.days, 3);
	assert_int_equal(settings->brake.minimum, 2000);
	assert_int_equal(settings->expiry_interval.seconds, 600);
	assert_int_equal(settings->guard.mode, GUARD_ATTRIBUTE);
	assert_int_equal(settings->guard.allow_count, 0);
	assert_int_equal(settings->roots[0].recorder_count, 0);
	assert_int_equal(settings->fingerprint, FINGERPRINT_SEAL);
	assert_int_equal(settings->probe, PROBE_AT_ONCE_HEADER);
	assert_int_equal(settings->log.keep.years, 3);
	assert_int_equal(settings->log.checkpoint.seconds, 600);
	assert_int_equal(settings->log.rotate.days, 1);
	assert_false(settings_publishes(settings));
	assert_null(settings->publish.origin);
	assert_true(settings->log.syslog);
	assert_string_equal(settings->role_groups[ROLE_OFFICER], "retention-officer");
	assert_int_equal(settings->role_gids[ROLE_OFFICER], (gid_t)-1);
	settings_free(settings);
}

#define WITNESS_KEY "witness.example/w1+e07bb2cd+BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"

/* The example of the design, which is also the shape of what is installed. */
static const char full[] =
    "state_dir = \"/var/lib/r\";\nrun_dir = \"/run/r\";\n"
    "policy = { retention = \"P30D\"; legal_maximum = \"P1M\"; };\n"
    "roots = ( { name = \"frigate\"; path = \"/nonexistent/frigate/recordings\"; layout = \"frigate\"; timezone = "
    "\"UTC\";\n"
    "  mode = \"enforce\"; vault = \"/nonexistent/frigate/.retention-vault\"; foreign = \"expire\";\n"
    "  recorder = ( { unit = \"frigate.service\"; }, { exe = \"/nonexistent/bin/motion\"; user = \"motion\"; } ); },\n"
    " { name = \"ring\"; path = \"/nonexistent/ring/\"; layout = \"custom\"; patterns = ( "
    "\"%{camera}/%Y%m%d%H%M%S.mp4\" );\n"
    "   kind = \"sound\"; finish = \"idle\"; idle_seconds = 90; timezone = \"Europe/Brussels\"; allow_system_volume = "
    "true; recorder = { user = \"1001\"; }; } );\n"
    "cameras = ( { camera = \"gate\"; retention = \"P7D\"; }, { camera = \"frigate/hall\"; retention = \"P3M\";\n"
    "  legal_maximum = \"P3M\"; retention_basis = \"RD 6 December 2018\"; sound = false; }, { camera = \"hall\"; "
    "retention = \"P1D\"; } );\n"
    "holds = { pre_roll = \"PT0S\"; post_roll = \"PT10S\"; review = \"P1M\"; future = \"P1D\"; two_person = false;\n"
    "  release_delay = \"PT1H\"; case_pattern = \"^[A-Z]+-[0-9]+$\"; vault_reserve = \"10%\"; };\n"
    "clock = { require = \"unverified\"; max_jump = \"P2D\"; };\nbrake = { days = 5; minimum = 100; };\n"
    "expiry = { interval = \"PT1S\"; };\nguard = { mode = \"block\";\n"
    "  allow = ( { exe = \"/nonexistent/bin/ffmpeg\"; user = \"viewer\"; unit = \"player@1.service\"; } ); };\n"
    "fingerprint = \"hold\";\nprobe = \"decode\";\n"
    "log = { keep = \"P1Y\"; checkpoint = \"PT1M\"; rotate = \"P1Y\"; syslog = false; };\nroles = { officer = "
    "\"police\"; };\n"
    "publish = { syslog = ( \"udp://192.0.2.1:514\", \"tcp://[2001:db8::1]:601\", \"tls://log.example:6514\" );\n"
    "  witnesses = ( { url = \"https://witness.example:8443/w1/\"; key = \"" WITNESS_KEY "\"; } );\n"
    "  log_origin = \"recorder.example/audit\"; };\n";

static void check_full(const struct settings *settings) {
	assert_int_equal(settings->retention.days, 30);
	assert_int_equal(settings->legal_maximum.months, 1);
	assert_int_equal(settings->root_count, 2);
	assert_int_equal(settings->roots[0].mode, ROOT_ENFORCE);
	assert_int_equal(settings->roots[0].foreign, FOREIGN_EXPIRE);
	assert_string_equal(settings->roots[0].vault, "/nonexistent/frigate/.retention-vault");
	assert_string_equal(settings->roots[1].path, "/nonexistent/ring");
	assert_string_equal(settings->roots[1].timezone, "Europe/Brussels");
	assert_true(settings->roots[1].allow_system_volume);
	const struct layout *custom = settings->roots[1].layout;
	assert_string_equal(custom->name, "custom");
	assert_int_equal(custom->clock, LAYOUT_CLOCK_LOCAL);
	assert_int_equal(custom->patterns[0].kind, SEGMENT_SOUND);
	assert_int_equal(custom->finish, FINISH_IDLE);
	assert_int_equal(custom->idle_seconds, 90);
	assert_int_equal(settings->camera_count, 3);
	assert_false(settings->cameras[1].sound);
	assert_true(settings->cameras[0].sound);
	assert_string_equal(settings->cameras[1].retention_basis, "RD 6 December 2018");
	assert_false(settings->holds.two_person);
	assert_int_equal(settings->holds.review.months, 1);
	assert_string_equal(settings->holds.case_pattern, "^[A-Z]+-[0-9]+$");
	assert_int_equal(settings->holds.vault_reserve_percent, 10);
	assert_int_equal(settings->clock.require, CLOCK_UNVERIFIED);
	assert_int_equal(settings->brake.days, 5);
	assert_int_equal(settings->expiry_interval.seconds, 1);
	assert_int_equal(settings->guard.mode, GUARD_BLOCK);
	assert_int_equal(settings->guard.allow_count, 1);
	assert_string_equal(settings->guard.allow[0].executable, "/nonexistent/bin/ffmpeg");
	assert_string_equal(settings->guard.allow[0].user, "viewer");
	assert_string_equal(settings->guard.allow[0].unit, "player@1.service");
	assert_int_equal(settings->roots[0].recorder_count, 2);
	assert_null(settings->roots[0].recorders[0].executable);
	assert_null(settings->roots[0].recorders[0].user);
	assert_string_equal(settings->roots[0].recorders[0].unit, "frigate.service");
	assert_string_equal(settings->roots[0].recorders[1].executable, "/nonexistent/bin/motion");
	assert_string_equal(settings->roots[0].recorders[1].user, "motion");
	assert_int_equal(settings->roots[1].recorder_count, 1);
	assert_string_equal(settings->roots[1].recorders[0].user, "1001");
	assert_int_equal(settings->log.rotate.years, 1);
	assert_true(settings_publishes(settings));
	assert_int_equal(settings->publish.receiver_count, 3);
	assert_string_equal(settings->publish.receivers[1], "tcp://[2001:db8::1]:601");
	assert_int_equal(settings->publish.witness_count, 1);
	assert_string_equal(settings->publish.witnesses[0].url, "https://witness.example:8443/w1");
	assert_string_equal(settings->publish.witnesses[0].key, WITNESS_KEY);
	assert_string_equal(settings->publish.origin, "recorder.example/audit");
	assert_int_equal(settings->fingerprint, FINGERPRINT_HOLD);
	assert_int_equal(settings->probe, PROBE_AT_ONCE_DECODE);
	assert_false(settings->log.syslog);
	assert_string_equal(settings->role_groups[ROLE_OFFICER], "police");
	assert_string_equal(settings->role_groups[ROLE_ADMIN], "retention-admin");
}

static void test_everything(void **state) {
	(void)state;
	struct settings *settings = loaded(full);
	check_full(settings);
	settings_free(settings);
}

static void test_rules(void **state) {
	(void)state;
	struct settings *settings = loaded(full);
	struct retention_rule rule;
	settings_rule_for(settings, "frigate", "gate", &rule);
	assert_int_equal(rule.retention.days, 7);
	assert_int_equal(rule.legal_maximum.months, 1);
	assert_string_equal(rule.source, "cameras");
	settings_rule_for(settings, "frigate", "hall", &rule);
	assert_int_equal(rule.retention.months, 3);
	assert_int_equal(rule.legal_maximum.months, 3);
	assert_string_equal(rule.basis, "RD 6 December 2018");
	settings_rule_for(settings, "ring", "hall", &rule);
	assert_int_equal(rule.retention.days, 1);
	settings_rule_for(settings, "frigate", "other", &rule);
	assert_int_equal(rule.retention.days, 30);
	assert_string_equal(rule.source, "policy");
	assert_null(rule.basis);
	settings_free(settings);
}

/* A basis without a maximum of its own: the camera's retention is its maximum, or its footage would go after a month
 * all the same. */
static void test_basis_lifts_the_maximum(void **state) {
	(void)state;
	struct settings *settings =
	    loaded(ROOT "policy = { retention = \"P30D\"; legal_maximum = \"P1M\"; };\n"
	                "cameras = ( { camera = \"x\"; retention = \"P3M\"; retention_basis = \"RD\"; } );");
	struct retention_rule rule;
	settings_rule_for(settings, "a", "x", &rule);
	assert_true(rule.has_legal_maximum);
	assert_int_equal(rule.legal_maximum.months, 3);
	settings_free(settings);
}

static void test_transfer(void **state) {
	(void)state;
	struct settings *settings = loaded(full), *copy = NULL;
	settings->role_gids[ROLE_ADMIN] = 4711;
	settings->guard.allow[0].user_id = 4712;
	settings->roots[0].recorders[1].user_id = 4713;
	int fd = settings_seal(settings);
	assert_true(fd >= 0);
	assert_true(pwrite(fd, "x", 1, 0) < 0);
	assert_true(ftruncate(fd, 0) < 0);
	assert_int_equal(settings_unseal(fd, &copy), 0);
	check_full(copy);
	assert_int_equal(copy->role_gids[ROLE_ADMIN], 4711);
	assert_int_equal(copy->guard.allow[0].user_id, 4712);
	assert_int_equal(copy->roots[0].recorders[0].user_id, (uid_t)-1);
	assert_int_equal(copy->roots[0].recorders[1].user_id, 4713);
	assert_string_equal(copy->source, settings->source);
	assert_int_equal(copy->roots[0].line, settings->roots[0].line);
	assert_string_equal(copy->roots[0].layout->title, settings->roots[0].layout->title);
	settings_free(copy);
	settings_free(settings);
	(void)close(fd);
}

static int sealed_copy(const uint8_t *bytes, size_t length) {
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	return fd;
}

static void test_transfer_of_wrong_bytes(void **state) {
	(void)state;
	static uint8_t bytes[65536];
	struct settings *settings = loaded(full), *copy = NULL;
	int fd = settings_seal(settings);
	ssize_t length = pread(fd, bytes, sizeof(bytes), 0);
	assert_true(length > 0);
	(void)close(fd);
	settings_free(settings);
	for (size_t cut = 0; cut < (size_t)length; cut += 13) {
		fd = sealed_copy(bytes, cut);
		assert_true(settings_unseal(fd, &copy) < 0);
		(void)close(fd);
	}
	for (size_t at = 0; at < (size_t)length; at++) {
		bytes[at] ^= 0xff;
		fd = sealed_copy(bytes, (size_t)length);
		if (settings_unseal(fd, &copy) == 0)
			copy = settings_free(copy);
		(void)close(fd);
		bytes[at] ^= 0xff;
	}
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(write(fd, bytes, (size_t)length), length);
	assert_int_equal(settings_unseal(fd, &copy), -EPERM);
	(void)close(fd);
}

static void test_refusals(void **state) {
	(void)state;
	static const struct {
		const char *text;
		unsigned line;
		const char *part;
	} cases[] = {
	    {ROOT "retenton = 1;", 2, "unknown key 'retenton'"},
	    {ROOT "polcy = { };", 2, "write policy instead"},
	    {ROOT "policy = 5;", 2, "not a group"},
	    {ROOT "policy = { retention = 30; };", 2, "not a text"},
	    {ROOT "policy = { retention = \"30 days\"; };", 2, "ISO 8601"},
	    {ROOT "policy = { retention = \"P0D\"; };", 2, "erase everything"},
	    {ROOT "policy = { retention = \"P101Y\"; };", 2, "century"},
	    {ROOT "policy = {\n retention = \"P3M\"; legal_maximum = \"P1M\"; };", 3, "legal maximum of P1M"},
	    {ROOT "policy = { retention = \"P30D\"; legal_maximum = \"P1M\"; };\ncameras = (\n{ camera = \"x\"; retention "
	          "= \"P3M\"; } );",
	        4, "retention_basis"},
	    {ROOT "policy = { legal_maximum = \"P1M\"; };\ncameras = ( { camera = \"x\"; legal_maximum = \"P3M\"; } );", 3,
	        "retention_basis"},
	    {ROOT
	        "cameras = ( { camera = \"x\"; legal_maximum = \"P1M\"; retention = \"P2M\"; retention_basis = \"y\"; } );",
	        2, "own legal maximum"},
	    {ROOT "policy = { legal_maximum = \"P1M\"; };\ncameras = ( { camera = \"x\"; retention = \"P3M\"; "
	          "retention_basis = \"\"; } );",
	        3, "empty"},
	    {ROOT "cameras = ( { retention = \"P3M\"; } );", 2, "without its name"},
	    {ROOT "cameras = ( 5 );", 2, "not a group"},
	    {ROOT "cameras = ( { camera = \"b/x\"; } );", 2, "names a root"},
	    {ROOT "cameras = ( { camera = \"a/b/x\"; } );", 2, "not a camera"},
	    {ROOT "cameras = ( { camera = \"x\"; }, { camera = \"x\"; } );", 2, "stands twice"},
	    {ROOT "cameras = ( { camera = \"x\"; sound = \"no\"; } );", 2, "neither true nor false"},
	    {ROOT "holds = { case_pattern = \"[\"; };", 2, "regular expression"},
	    {ROOT "holds = { vault_reserve = \"95%\"; };", 2, "90%"},
	    {ROOT "holds = { vault_reserve = \"5\"; };", 2, "vault_reserve"},
	    {ROOT "holds = { pre_roll = \"P1M\"; };", 2, "out of range"},
	    {ROOT "holds = { review = \"P0D\"; };", 2, "is nothing"},
	    {ROOT "holds = { two_person = 1; };", 2, "two_person = true"},
	    {ROOT "clock = { require = \"untrusted\"; };", 2, "untrusted clock"},
	    {ROOT "clock = { require = \"sinced\"; };", 2, "synced"},
	    {ROOT "brake = { days = 0; };", 2, "1 to 366"},
	    {ROOT "brake = { days = \"3\"; };", 2, "whole number"},
	    {ROOT "brake = { minimum = 2.5; };", 2, "whole number"},
	    {ROOT "expiry = { interval = \"PT0S\"; };", 2, "out of range"},
	    {ROOT "expiry = { interval = \"P2D\"; };", 2, "out of range"},
	    {ROOT "guard = { mode = \"on\"; };", 2, "attribute"},
	    {ROOT "fingerprint = \"always\";", 2, "never"},
	    {ROOT "probe = \"all\";", 2, "decode"},
	    {ROOT "log = { syslog = \"yes\"; };", 2, "neither"},
	    {ROOT "log = { keep = \"-P1D\"; };", 2, "ISO 8601"},
	    {ROOT "roles = { boss = \"x\"; };", 2, "unknown key 'boss'"},
	    {ROOT "roles = { admin = \"\"; };", 2, "name of a group"},
	    {ROOT "state_dir = \"state\";", 2, "not absolute"},
	    {ROOT "state_dir = \"/nonexistent/a/state\";", 2, "inside root 'a'"},
	    {ROOT "run_dir = \"/nonexistent/a\";", 2, "inside root 'a'"},
	    {ROOT "state_dir = 5;", 2, "not a text"},
	    {ROOT "brake = { days = 1; days = 2; };", 2, "write each key once"},
	    {ROOT "brake = { days = 1 ", 2, "syntax error"},
	    {"", 1, "no roots"},
	    {"roots = 5;", 1, "not a list"},
	    {"roots = ( 5 );", 1, "not a group"},
	    {"roots = ( { path = \"/nonexistent/a\"; layout = \"any\"; } );", 1, "without name"},
	    {"roots = ( { name = \"a/b\"; path = \"/nonexistent/a\"; layout = \"any\"; } );", 1, "cannot name a root"},
	    {"roots = ( { name = \"a b\"; path = \"/nonexistent/a\"; layout = \"any\"; } );", 1, "cannot name a root"},
	    {"roots = ( { name = \"a\"; layout = \"any\"; } );", 1, "without path"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; } );", 1, "doctor --scan"},
	    {"roots = ( { name = \"a\"; path = \"a\"; layout = \"any\"; } );", 1, "not absolute"},
	    {"roots = ( { name = \"a\"; path = \"/\"; layout = \"any\"; } );", 1, "whole system"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/../a\"; layout = \"any\"; } );", 1, "plain path"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent//a\"; layout = \"any\"; } );", 1, "plain path"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"frigat\"; } );", 1,
	        "write layout = \"frigate\""},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"../frigate\"; } );", 1,
	        "not the name of a layout"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"moonfire\"; } );", 1, "own database"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; finish = \"idle\"; } );", 1, "custom"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"custom\"; } );", 1, "no patterns"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"custom\"; patterns = ( ); } );", 1, "empty"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"custom\";\n patterns = ( \"%{a\" ); } );", 2,
	        "character 3"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; timezone = \"Mars/Base\"; } );", 1,
	        "Europe/Brussels"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; timezone = \"../../etc/passwd\"; } );",
	        1, "not known"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; mode = \"delete\"; } );", 1,
	        "observe or enforce"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; foreign = \"x\"; } );", 1,
	        "keep or expire"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; },\n"
	     "{ name = \"a\"; path = \"/nonexistent/b\"; layout = \"any\"; } );",
	        2, "two roots"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; },\n"
	     "{ name = \"b\"; path = \"/nonexistent/a\"; layout = \"any\"; } );",
	        2, "inside root 'a'"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; },\n"
	     "{ name = \"b\"; path = \"/nonexistent/a/b\"; layout = \"any\"; } );",
	        2, "inside root 'a'"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; vault = \"/nonexistent/a/v\"; } );", 1,
	        "inside root 'a'"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/v/a\"; layout = \"any\"; vault = \"/nonexistent/v\"; } );", 1,
	        "inside the vault"},
	    {"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; vault = \"/nonexistent/v\"; } );\n"
	     "state_dir = \"/nonexistent/v/s\";",
	        2, "inside the vault"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		refused(cases[i].text, cases[i].line, cases[i].part);
}

#define RECORDER(text) \
	"roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\";\nrecorder = " text "; } );"
#define ALLOW(text) ROOT "guard = {\nallow = " text "; };"
#define RECEIVER(text) ROOT "publish = {\nsyslog = ( " text " ); };"
#define WITNESS(text) ROOT "publish = { witnesses = (\n{ " text " } ); };"
#define GOOD_URL "url = \"https://w.example\"; "
#define GOOD_KEY "key = \"" WITNESS_KEY "\"; "

static void test_refused_programs(void **state) {
	(void)state;
	static const char *const cases[][2] = {
	    {"\"motion\"", "not a list"},
	    {"( \"motion\" )", "not a group"},
	    {"{ }", "names nobody"},
	    {"( { unit = \"a.service\"; }, { } )", "names nobody"},
	    {"{ executable = \"/x\"; }", "unknown key 'executable'"},
	    {"{ exe = \"motion\"; }", "not absolute"},
	    {"{ exe = \"/nonexistent/../motion\"; }", "plain path"},
	    {"{ exe = 5; }", "not a text"},
	    {"{ exe = \"\"; }", "not absolute"},
	    {"{ user = \"\"; }", "name of a user"},
	    {"{ user = \"a b\"; }", "name of a user"},
	    {"{ user = \"a:b\"; }", "name of a user"},
	    {"{ user = \"abcdefghijklmnopqrstuvwxyz0123456\"; }", "name of a user"},
	    {"{ unit = \"\"; }", "name of a unit"},
	    {"{ unit = \"motion\"; }", "NAME.service"},
	    {"{ unit = \".service\"; }", "NAME.service"},
	    {"{ unit = \"a/b.service\"; }", "NAME.service"},
	    {"{ unit = \"system.slice\"; }", "NAME.service"},
	};
	char text[1024];
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		(void)snprintf(text, sizeof(text), RECORDER("%s"), cases[i][0]);
		refused(text, 2, cases[i][1]);
		(void)snprintf(text, sizeof(text), ALLOW("%s"), cases[i][0]);
		refused(text, 3, cases[i][1]);
	}
	refused(ROOT "guard = { mod = \"off\"; };", 2, "unknown key 'mod'");
}

/* A program is known by where it really lies. */
static void test_linked_program(void **state) {
	(void)state;
	char link[128], text[512];
	(void)snprintf(link, sizeof(link), "%s/player", folder);
	assert_int_equal(symlink("/proc/self/exe", link), 0);
	(void)snprintf(text, sizeof(text), ALLOW("{ exe = \"%s\"; }"), link);
	refused(text, 3, "symbolic link");
	assert_int_equal(unlink(link), 0);
}

static void test_too_many_programs(void **state) {
	(void)state;
	static char text[8192];
	for (size_t count = ACCESSORS_MAX; count <= ACCESSORS_MAX + 1; count++) {
		size_t used = (size_t)snprintf(text, sizeof(text), ROOT "guard = { allow = (\n");
		for (size_t i = 0; i < count; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s{ user = \"u%zu\"; }", i > 0 ? ", " : "", i);
		(void)snprintf(text + used, sizeof(text) - used, " ); };");
		if (count > ACCESSORS_MAX)
			refused(text, 2, "too many");
		else
			settings_free(loaded(text));
	}
}

static void test_block_needs_recorders(void **state) {
	(void)state;
	static const char roots[] = "roots = (\n"
	                            "{ name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; recorder = %s; },\n"
	                            "{ name = \"b\"; path = \"/nonexistent/b\"; layout = \"any\"; %s } );\n"
	                            "guard = { mode = \"%s\"; };";
	static const char named[] = "{ unit = \"a.service\"; }";
	char text[1024];
	(void)snprintf(text, sizeof(text), roots, named, "", "block");
	refused(text, 3, "root 'b' names no recorder");
	(void)snprintf(text, sizeof(text), roots, "( )", "recorder = { user = \"b\"; };", "block");
	refused(text, 2, "root 'a' names no recorder");
	(void)snprintf(text, sizeof(text), roots, named, "recorder = { user = \"b\"; };", "block");
	settings_free(loaded(text));
	(void)snprintf(text, sizeof(text), roots, "( )", "", "attribute");
	settings_free(loaded(text));
}

static void test_refused_publishing(void **state) {
	(void)state;
	static const struct {
		const char *text;
		unsigned line;
		const char *part;
	} cases[] = {
	    {ROOT "publish = 5;", 2, "not a group"},
	    {ROOT "publish = { sylog = ( ); };", 2, "write syslog instead"},
	    {ROOT "publish = { syslog = \"udp://a:1\"; };", 2, "not a list"},
	    {RECEIVER("5"), 3, "syslog receiver"},
	    {RECEIVER("\"\""), 3, "syslog receiver"},
	    {RECEIVER("\"192.0.2.1:514\""), 3, "syslog receiver"},
	    {RECEIVER("\"http://192.0.2.1:514\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://192.0.2.1\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://:514\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://a:0\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://a:65536\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://a:000514\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://a:514/x\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://a b:514\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://-a:514\""), 3, "syslog receiver"},
	    {RECEIVER("\"tcp://2001:db8::1:601\""), 3, "syslog receiver"},
	    {RECEIVER("\"tcp://[2001:db8::1:601\""), 3, "syslog receiver"},
	    {RECEIVER("\"tcp://[2001:db8::g]:601\""), 3, "syslog receiver"},
	    {RECEIVER("\"tcp://[192.0.2.1]:601\""), 3, "syslog receiver"},
	    {RECEIVER("\"udp://a:514\",\n\"udp://a:514\""), 4, "stands twice"},
	    {RECEIVER("\"udp://a:1\", \"udp://a:2\", \"udp://a:3\", \"udp://a:4\", \"udp://a:5\", \"udp://a:6\", "
	              "\"udp://a:7\", \"udp://a:8\", \"udp://a:9\""),
	        3, "too many"},
	    {ROOT "publish = { witnesses = (\n5 ); };", 3, "not a group"},
	    {WITNESS(GOOD_URL), 3, "without key"},
	    {WITNESS(GOOD_KEY), 3, "without url"},
	    {WITNESS(GOOD_URL GOOD_KEY "x = 1;"), 3, "unknown key"},
	    {WITNESS(GOOD_KEY "url = \"ftp://w.example\";"), 3, "address of a witness"},
	    {WITNESS(GOOD_KEY "url = \"https://\";"), 3, "address of a witness"},
	    {WITNESS(GOOD_KEY "url = \"https://w.example/a b\";"), 3, "address of a witness"},
	    {WITNESS(GOOD_KEY "url = \"https://w.example/?x\";"), 3, "address of a witness"},
	    {WITNESS(GOOD_KEY "url = \"https://w.example:0/x\";"), 3, "address of a witness"},
	    {WITNESS(GOOD_KEY "url = \"https://user@w.example/x\";"), 3, "address of a witness"},
	    {WITNESS(GOOD_URL "key = \"w.example+e07bb2cd\";"), 3, "verifier key"},
	    {WITNESS(GOOD_URL "key = \"w.example+e07bb2cd+BAECAwQF\";"), 3, "verifier key"},
	    /* Algorithm 1 signs checkpoints, and no cosignatures. */
	    {WITNESS(GOOD_URL "key = \"w.example+e07bb2cd+AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\";"), 3,
	        "verifier key"},
	    {WITNESS(GOOD_URL "key = \"w.example+e07bb2cd+CAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\";"), 3,
	        "verifier key"},
	    {WITNESS(GOOD_URL "key = \"w example+e07bb2cd+BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\";"), 3,
	        "verifier key"},
	    {WITNESS(GOOD_URL "key = \"w.example+E07BB2CD+BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\";"), 3,
	        "verifier key"},
	    {WITNESS(GOOD_URL "key = \"+e07bb2cd+BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\";"), 3, "verifier key"},
	    {WITNESS(GOOD_URL GOOD_KEY "}, {\n" GOOD_URL GOOD_KEY), 3, "stands twice"},
	    {ROOT "publish = { log_origin = \"a b\"; };", 2, "cannot name a log"},
	    {ROOT "publish = { log_origin = \"a+b\"; };", 2, "cannot name a log"},
	    {ROOT "publish = { log_origin = \"\"; };", 2, "cannot name a log"},
	    {ROOT "log = { rotate = \"PT59S\"; };", 2, "out of range"},
	    {ROOT "log = { rotate = \"P0D\"; };", 2, "out of range"},
	    {ROOT "log = { rotate = \"P367D\"; };", 2, "out of range"},
	    {ROOT "log = { rotate = \"P13M\"; };", 2, "out of range"},
	    {ROOT "log = { rotate = 1; };", 2, "not a text"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		refused(cases[i].text, cases[i].line, cases[i].part);
}

static void test_publishing_bounds(void **state) {
	(void)state;
	static const char *const texts[] = {
	    RECEIVER("\"udp://a:1\", \"tls://a.b-c:65535\""),
	    ROOT "publish = { syslog = ( ); witnesses = ( ); };",
	    WITNESS(GOOD_KEY "url = \"http://[::1]:8080/a/b\";"),
	    ROOT "log = { rotate = \"PT1M\"; };",
	    ROOT "log = { rotate = \"P1M\"; };",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		settings_free(loaded(texts[i]));
}

static void test_all_faults_are_told(void **state) {
	(void)state;
	refused(ROOT "x1 = 1;\nprobe = \"all\";\npolicy = { retention = \"x\"; };\n", 2, "x1");
	assert_non_null(strstr(message, ":3: "));
	assert_non_null(strstr(message, ":4: "));
	struct settings *settings = NULL;
	char small[160];
	assert_true(settings_load(file, layouts, &settings, small, sizeof(small)) < 0);
	assert_non_null(strstr(small, "more"));
	assert_true(settings_load(file, layouts, &settings, small, 1) < 0);
	assert_true(settings_load(file, layouts, &settings, small, 0) < 0);
}

static void test_neighbours_are_not_inside(void **state) {
	(void)state;
	settings_free(
	    loaded("roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"any\"; vault = \"/nonexistent/av\"; },"
	           "{ name = \"b\"; path = \"/nonexistent/ab\"; layout = \"any\"; vault = \"/nonexistent/av\"; } );"
	           "state_dir = \"/nonexistent/a-state\";"));
}

static void test_symlinked_root(void **state) {
	(void)state;
	char link[128], text[512];
	(void)snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(symlink("/usr", link), 0);
	(void)snprintf(text, sizeof(text), "roots = ( { name = \"a\"; path = \"%s/lib\"; layout = \"any\"; } );", link);
	refused(text, 1, "symbolic link");
	assert_int_equal(unlink(link), 0);
}

static void test_system_volume(void **state) {
	(void)state;
	static const char *const texts[] = {
	    "roots = ( { name = \"a\"; path = \"/usr\"; layout = \"any\"; } );",
	    "roots = ( { name = \"a\"; path = \"/usr\"; layout = \"any\"; allow_system_volume = true; } );",
	    ROOT,
	    "roots = ( { name = \"a\"; path = \"/proc/self\"; layout = \"any\"; } );",
	};
	struct stat usr, system_root;
	char words[512];
	assert_int_equal(stat("/usr", &usr), 0);
	assert_int_equal(stat("/", &system_root), 0);
	for (size_t i = 0; i < 3; i++) {
		struct settings *settings = loaded(texts[i]);
		int expected = i == 0 && usr.st_dev == system_root.st_dev ? -EINVAL : 0;
		assert_int_equal(settings_check_volumes(settings, words, sizeof(words)), expected);
		if (expected < 0)
			assert_non_null(strstr(words, ":1: root 'a' lies on the system disk; "));
		settings_free(settings);
	}
}

static void test_unreadable(void **state) {
	(void)state;
	struct settings *settings = NULL;
	assert_int_equal(settings_load("/nonexistent/x", layouts, &settings, message, sizeof(message)), -ENOENT);
	assert_int_equal(settings_load("/dev/zero", layouts, &settings, message, sizeof(message)), -EINVAL);
	assert_int_equal(settings_load("/tmp", layouts, &settings, message, sizeof(message)), -EINVAL);
	assert_null(settings);
}

static void test_local_timezone(void **state) {
	(void)state;
	struct settings *settings =
	    loaded("roots = ( { name = \"a\"; path = \"/nonexistent/a\"; layout = \"motion\"; } );");
	assert_string_not_equal(settings->roots[0].timezone, "local");
	settings_free(settings);
}

static void test_installed_default(void **state) {
	(void)state;
	struct settings *settings = NULL;
	if (settings_load("config/retention.conf", layouts, &settings, message, sizeof(message)) < 0)
		fail_msg("%s", message);
	assert_int_equal(settings->retention.days, 30);
	assert_int_equal(settings->root_count, 0);
	settings_free(settings);
}

/* With every comment taken away it must load as well: examples that do not work teach nothing. */
static void test_installed_examples(void **state) {
	(void)state;
	static char text[16384];
	char line[512];
	size_t used = 0;
	FILE *in = fopen("config/retention.conf", "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		/* "# Prose", "#key = value;" and "#  inner = value;". */
		bool prose = line[0] != '#' || line[1] == '\n' || (line[1] == ' ' && line[2] != ' ');
		const char *start = prose ? line : line + 1;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", start);
	}
	(void)fclose(in);
	struct settings *settings = loaded(text);
	assert_int_equal(settings->root_count, 1);
	assert_int_equal(settings->camera_count, 2);
	assert_int_equal(settings->roots[0].recorder_count, 1);
	assert_int_equal(settings->guard.allow_count, 1);
	assert_int_equal(settings->publish.receiver_count, 1);
	assert_int_equal(settings->publish.witness_count, 1);
	assert_int_equal(settings->log.keep.years, 3);
	settings_free(settings);
}

static void test_names(void **state) {
	(void)state;
	assert_string_equal(clock_level_name(CLOCK_HOLDOVER), "holdover");
	assert_string_equal(role_name(ROLE_PRIVACY), "privacy");
	assert_string_equal(root_mode_name(ROOT_ENFORCE), "enforce");
	assert_string_equal(guard_mode_name(GUARD_BLOCK), "block");
	assert_string_equal(role_name(ROLE_COUNT), "unknown");
}

int main(void) {
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_everything),
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_basis_lifts_the_maximum),
	    cmocka_unit_test(test_transfer),
	    cmocka_unit_test(test_transfer_of_wrong_bytes),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_refused_programs),
	    cmocka_unit_test(test_linked_program),
	    cmocka_unit_test(test_too_many_programs),
	    cmocka_unit_test(test_block_needs_recorders),
	    cmocka_unit_test(test_refused_publishing),
	    cmocka_unit_test(test_publishing_bounds),
	    cmocka_unit_test(test_all_faults_are_told),
	    cmocka_unit_test(test_neighbours_are_not_inside),
	    cmocka_unit_test(test_symlinked_root),
	    cmocka_unit_test(test_system_volume),
	    cmocka_unit_test(test_unreadable),
	    cmocka_unit_test(test_local_timezone),
	    cmocka_unit_test(test_installed_default),
	    cmocka_unit_test(test_installed_examples),
	    cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
