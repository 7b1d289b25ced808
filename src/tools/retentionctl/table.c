/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands: the one place where a command is declared. */
#include "base/attributes.h"
#include "command.h"
#include "nouns.h"

#define CAMERA \
	{ "camera", OPTION_LIST, "NAME", "camera", false, "a camera, as ROOT/NAME or short" }
#define CAMERA_NEEDED \
	{ "camera", OPTION_LIST, "NAME", "camera", true, "a camera, as ROOT/NAME or short" }
#define AT \
	{ "at", OPTION_TEXT, "SPAN", "at", false, "\"2026-11-24 14:00..15:00\", \"yesterday\", \"-2h..now\", 2026-10" }
#define AT_NEEDED \
	{ "at", OPTION_TEXT, "SPAN", "at", true, "\"2026-11-24 14:00..15:00\", \"yesterday\", \"-2h..now\", 2026-10" }
#define FROM_TO                                                                   \
	{"from", OPTION_TEXT, "TIME", "from", false, "instead of --at, with --to"}, { \
		"to", OPTION_TEXT, "TIME", "to", false, "now where it is not said"        \
	}
#define DETAILS                                                                         \
	{"kind", OPTION_TEXT, "KIND", "kind", false, "incident"}, {                         \
		"note", OPTION_TEXT, "TEXT", "note", false, "free text; never in the audit log" \
	}
#define FUTURE_CAMERA \
	{ "future-camera", OPTION_FLAG, NULL, "future_camera", false, "allow a camera that has not been seen yet" }

static const struct option_row STATUS[] = {{"watch", OPTION_FLAG, NULL, NULL, false, "again every two seconds"}, {0}};
static const struct option_row DOCTOR[] = {
    {"scan", OPTION_TEXT, "PATH", NULL, false, "which layout do these recordings follow? no daemon needed"},
    {"layouts", OPTION_TEXT, "DIR", NULL, false, "where the layouts are"}, {0}};
static const struct option_row FOOTAGE_LIST[] = {CAMERA_NEEDED, AT, FROM_TO,
    {"state", OPTION_TEXT, "STATE", "state", false, "live, due, overdue, held, or open, finished, altered, unreadable"},
    {"limit", OPTION_NUMBER, "N", NULL, false, "at most so many (1,000)"}, {0}};
static const struct option_row FOOTAGE_GAPS[] = {CAMERA, AT, FROM_TO, {0}};
static const struct option_row PLAN[] = {
    {"until", OPTION_TEXT, "TIME", "until", false, "until when; a day from now where it is not said"}, {0}};
static const struct option_row HOLD_NOW[] = {
    {"last", OPTION_TEXT, "TIME", "last", true, "how far back: 2h, 30min"}, CAMERA, {0}};
static const struct option_row HOLD_PREVIEW[] = {CAMERA_NEEDED, AT, FROM_TO, FUTURE_CAMERA, {0}};
static const struct option_row HOLD_PLACE[] = {CAMERA,
    {"all-cameras", OPTION_FLAG, NULL, "all_cameras", false, "every camera, new ones too"}, AT, FROM_TO,
    {"reason", OPTION_TEXT, "CODE", "reason", false,
        "offence, damage, nuisance, identify_perpetrator, identify_disturber, identify_witness or identify_victim"},
    {"case", OPTION_TEXT, "REF", "case", false, "the case; \"pending\" is owed within a day"}, DETAILS,
    {"review", OPTION_TEXT, "DATE", "review", false, "when somebody must look again"},
    {"like", OPTION_TEXT, "ID", "like", false, "time, reason and case as in another hold"}, FUTURE_CAMERA, {0}};
static const struct option_row HOLD_LIST[] = {
    {"state", OPTION_TEXT, "STATE", "state", false,
        "active, provisional, released, all, …; those in force where it is not said"},
    {"case", OPTION_TEXT, "REF", "case", false, "of one case"},
    {"owed", OPTION_FLAG, NULL, "owed", false, "those whose details are owed"}, {0}};
static const struct option_row HOLD_WIDEN[] = {AT, FROM_TO, {0}};
static const struct option_row HOLD_REVIEW[] = {
    {"next", OPTION_TEXT, "DATE", "next", false, "when somebody must look again"},
    {"reason", OPTION_TEXT, "CODE", "reason", false, "what a provisional hold owes"},
    {"case", OPTION_TEXT, "REF", "case", false, "what a provisional hold owes"},
    {"note", OPTION_TEXT, "TEXT", "note", false, "free text; never in the audit log"}, {0}};
#define LOG_SOURCE                                                                                                  \
	{"log", OPTION_TEXT, "DIR", NULL, false, "a copy of the log's folder; then no daemon is needed"}, {             \
		"keys", OPTION_TEXT, "FILE", NULL, false, "verifier keys that were kept elsewhere: only then is it a proof" \
	}
#define LOG_FILTERS                                                                                                 \
	{"actor", OPTION_TEXT, "WHO", NULL, false, "a user's name or number, a remote address, a program or its unit"}, \
	    {"camera", OPTION_TEXT, "NAME", NULL, false, "a camera, as ROOT/NAME or short"},                            \
	    {"action", OPTION_TEXT, "ACTION", NULL, false, "delete, missing, open, hold-placed, request-denied, …"},    \
	    {"outcome", OPTION_TEXT, "OUTCOME", NULL, false, "success, failure, unknown or denied"},                    \
	    {"case", OPTION_TEXT, "REF", NULL, false, "a case"}, {"hold", OPTION_TEXT, "ID", NULL, false, "a hold"}, {  \
		"held", OPTION_FLAG, NULL, NULL, false, "about holds, and about footage that one keeps"                     \
	}
#define LOG_ALL \
	{ "all", OPTION_FLAG, NULL, NULL, false, "read every entry, without the daemon's lookup" }
static const struct option_row LOG_SEARCH[] = {AT, FROM_TO, LOG_FILTERS,
    {"limit", OPTION_NUMBER, "N", NULL, false, "the newest so many (1,000)"}, LOG_ALL, LOG_SOURCE, {0}};
static const struct option_row LOG_FOLLOW[] = {LOG_FILTERS, {0}};
static const struct option_row LOG_EXPORT[] = {AT, LOG_FILTERS,
    {"format", OPTION_TEXT, "FORMAT", NULL, false, "jsonl (as in the log, byte for byte) or csv (the main columns)"},
    {"to", OPTION_TEXT, "FILE", NULL, false, "a file, which is there whole or not at all"}, LOG_ALL, LOG_SOURCE, {0}};
static const struct option_row LOG_REVIEW[] = {
    {"to", OPTION_NUMBER, "N", "to", false, "record that entries up to this one were reviewed"}, {0}};
static const struct option_row LOG_CHECKPOINT[] = {
    {"qr", OPTION_FLAG, NULL, NULL, false, "as a code, to be photographed from the screen"},
    {"qr-file", OPTION_TEXT, "FILE", NULL, false, "the code as a picture, .svg or .pbm"},
    {"to", OPTION_TEXT, "FILE", NULL, false, "into a file, on a stick that leaves with you"}, {0}};
static const struct option_row LOG_SOURCES[] = {LOG_SOURCE, {0}};
#define REPORT_OUTPUT                                                                                           \
	{"html", OPTION_TEXT, "FILE", NULL, false, "write a page that prints well"}, {                              \
		"keys", OPTION_TEXT, "FILE", NULL, false, "verifier keys that were kept elsewhere, to check the log by" \
	}
static const struct option_row REPORT_RETENTION[] = {AT, FROM_TO, CAMERA,
    {"segments", OPTION_FLAG, NULL, NULL, false, "list each file with its column too (JSON and CSV)"}, REPORT_OUTPUT,
    {0}};
static const struct option_row REPORT_ACCESS[] = {AT, FROM_TO, CAMERA,
    {"person", OPTION_TEXT, "WHO", "person", false, "one person only, by the name that the report shows"},
    {"hours", OPTION_TEXT, "HOURS", NULL, false, "what is usual, on the local clock (06..22)"}, REPORT_OUTPUT, {0}};
static const struct option_row REPORT_SUBJECT[] = {CAMERA_NEEDED, AT, FROM_TO,
    {"case", OPTION_TEXT, "REF", "case", false, "the filmed person's request"}, REPORT_OUTPUT, {0}};
static const struct option_row VOLUME_ADOPT[] = {
    {"as", OPTION_TEXT, "WHICH", "as", true,
        "new (an empty disk), own (this box's footage) or other (another box's: observed only)"},
    {0}};
static const struct option_row CONFIG_CHECK[] = {
    {"layouts", OPTION_TEXT, "DIR", NULL, false, "where the layouts are"}, {0}};

const struct command COMMANDS[] = {
    {"status", NULL, .options = STATUS, .summary = "health in one screen", .role = "any", .method = "status",
        .show = status_show, .verdict = status_verdict, .run = status_run, .list = "cameras"},
    {"doctor", NULL, .options = DOCTOR, .summary = "what is not as it should be, and what to do", .role = "any",
        .method = "doctor", .run = doctor_run, .list = "checks",
        .example = "retentionctl doctor --scan /media/recordings"},
    {"camera", "list", .summary = "the cameras, their footage and their rule", .role = "any", .method = "camera.list",
        .list = "cameras", .show = camera_list_show, .paged = true},
    {"camera", "show", "CAMERA", "camera", .summary = "one camera: the rule in force and where it comes from",
        .role = "any", .method = "camera.show", .show = camera_show_show, .example = "retentionctl camera show gate"},
    {"footage", "list", .options = FOOTAGE_LIST, .summary = "what is indexed", .role = "any", .method = "footage.list",
        .list = "segments", .run = footage_list_run, .paged = true, .show = footage_list_show,
        .example = "retentionctl footage list --camera gate --at \"yesterday 14:00..15:30\""},
    {"footage", "gaps", .options = FOOTAGE_GAPS, .summary = "what was not recorded, and what is erased", .role = "any",
        .method = "footage.gaps", .list = "gaps", .show = footage_gaps_show, .paged = true},
    {"footage", "explain", "PATH", "path", .summary = "why a file is still there and when it goes, or when it went",
        .role = "any", .method = "footage.explain", .run = footage_explain_run, .show = footage_explain_show,
        .example = "retentionctl footage explain /media/recordings/2026-11-24/07/gate/11.04.mp4"},
    {"deletion", "plan", .options = PLAN, .summary = "what will be deleted, and what holds keep", .role = "any",
        .method = "deletion.plan", .list = "cameras", .show = deletion_plan_show,
        .example = "retentionctl deletion plan --until \"+7d\""},
    {"deletion", "status", .summary = "whether deletion runs, and what stops it", .role = "any",
        .method = "deletion.status", .show = deletion_status_show, .verdict = deletion_verdict},
    {"deletion", "resume", .summary = "go on after an unusual amount", .role = "admin", .method = "deletion.resume",
        .mutates = true,
        .confirm = "Deletion goes on for the rest of the day, whatever the amount. `retentionctl deletion plan` shows "
                   "what goes.",
        .show = deletion_resume_show},
    {"hold", "now", .options = HOLD_NOW, .summary = "keep the last hours at once; details are owed in a day",
        .role = "guardroom, officer", .method = "hold.now", .mutates = true, .show = hold_placed_show,
        .verdict = hold_verdict, .example = "retentionctl hold now --last 2h"},
    {"hold", "preview", .options = HOLD_PREVIEW, .summary = "what a hold would cover; changes nothing",
        .role = "officer", .method = "hold.preview", .show = hold_coverage_show, .verdict = hold_verdict,
        .example = "retentionctl hold preview --camera gate --at \"yesterday 14:00..15:30\""},
    {"hold", "coverage", "ID", "id", .summary = "what a hold covers: kept, erased, not recorded, to come",
        .role = "officer", .method = "hold.coverage", .show = hold_coverage_show, .verdict = hold_verdict},
    {"hold", "place", .options = HOLD_PLACE, .summary = "keep what is evidence", .role = "officer",
        .method = "hold.place", .mutates = true, .show = hold_placed_show, .verdict = hold_verdict,
        .example =
            "retentionctl hold place --camera gate --at \"2026-11-24 14:00..15:00\" --reason damage --case PV-123"},
    {"hold", "list", .options = HOLD_LIST, .summary = "the holds", .role = "officer, privacy, auditor",
        .method = "hold.list", .list = "holds", .show = hold_list_show, .paged = true},
    {"hold", "show", "ID", "id", .summary = "one hold", .role = "officer, privacy, auditor", .method = "hold.show",
        .show = hold_show_show, .example = "retentionctl hold show H-2026-0001"},
    {"hold", "widen", "ID", "id", .options = HOLD_WIDEN, .summary = "make a hold cover more time", .role = "officer",
        .method = "hold.widen", .mutates = true, .show = hold_changed_show, .verdict = hold_verdict,
        .example = "retentionctl hold widen H-2026-0001 --at \"2026-11-24 13:00..16:00\""},
    {"hold", "review", "ID", "id", .options = HOLD_REVIEW,
        .summary = "set the next review, or give the details that are owed", .role = "officer", .method = "hold.review",
        .mutates = true, .show = hold_changed_show,
        .example = "retentionctl hold review H-2026-0001 --next 2027-02-01"},
    {"hold", "release", "ID", "id", .summary = "ask for the end of a hold; it ends after the delay", .role = "officer",
        .method = "hold.release", .mutates = true,
        .confirm = "What this hold keeps is deleted when it is due, once the delay has passed.", .type_id = true,
        .show = hold_release_show},
    {"log", "search", .options = LOG_SEARCH, .summary = "entries of the audit log", .role = "auditor",
        .run = log_search_run, .paged = true, .list = "entries",
        .example = "retentionctl log search --camera gate --action delete --at 2026-10"},
    {"log", "show", "N", NULL, .options = LOG_SOURCES, .summary = "one entry, whole", .role = "auditor",
        .run = log_show_run},
    {"log", "follow", .options = LOG_FOLLOW, .summary = "entries as they are written", .role = "auditor",
        .run = log_follow_run},
    {"log", "export", .options = LOG_EXPORT, .summary = "entries for other programs", .role = "auditor",
        .run = log_export_run,
        .example = "retentionctl log export --at 2026-Q3 --action open --format csv --to /media/usb/opens.csv"},
    {"log", "review", .options = LOG_REVIEW, .summary = "what nobody has reviewed yet; with --to: that you have",
        .role = "auditor", .run = log_review_run, .mutates = true, .example = "retentionctl log review --to 41233"},
    {"log", "verify", .options = LOG_SOURCES, .summary = "check every entry against the signed checkpoint",
        .role = "auditor", .run = log_verify_run},
    {"log", "checkpoint", .options = LOG_CHECKPOINT, .summary = "the signed head of the log, to be kept elsewhere",
        .role = "auditor", .run = log_checkpoint_run,
        .example = "retentionctl log checkpoint --to /media/usb/checkpoint.txt"},
    {"log", "proof", "N", NULL, .options = LOG_SOURCES,
        .summary = "that an entry is in the log, for somebody who has a checkpoint", .role = "auditor",
        .run = log_proof_run},
    {"report", "retention", .options = REPORT_RETENTION,
        .summary = "the sum: footage recorded in a time, and where all of it is or went", .role = "auditor",
        .list = "cameras", .run = report_retention_run, .show = report_retention_show, .paged = true,
        .example = "retentionctl report retention --at 2026-Q3 --html sum.html"},
    {"witness", "list", .summary = "who signs the log's checkpoints, and when last", .role = "admin, auditor",
        .method = "witness.list", .list = "witnesses", .show = witness_list_show, .verdict = witness_list_verdict},
    {"witness", "test", "URL", "url", .summary = "ask a witness now for its signature", .role = "admin, auditor",
        .method = "witness.test", .show = witness_test_show,
        .example = "retentionctl witness test https://witness.example/retention"},
    {"report", "access", .options = REPORT_ACCESS,
        .summary = "who accessed footage, by person, camera, purpose and hour; what is unusual",
        .role = "privacy, auditor", .list = "rows", .run = report_access_run, .show = report_access_show, .paged = true,
        .example = "retentionctl report access --at 2026-10 --camera gate --html access.html"},
    {"report", "subject", .options = REPORT_SUBJECT,
        .summary = "for a filmed person: who saw the images of a camera and a time, when and why",
        .role = "privacy, auditor", .list = "accesses", .run = report_subject_run, .show = report_subject_show,
        .paged = true, .example = "retentionctl report subject --camera gate --at \"2026-10-24 14:00..15:00\""},
    {"root", "list", .summary = "the roots and their disks", .role = "admin, auditor", .method = "root.list",
        .list = "roots", .show = root_list_show},
    {"volume", "list", .summary = "which disk each root expects and has", .role = "admin, auditor",
        .method = "volume.list", .list = "volumes", .show = volume_list_show},
    {"volume", "adopt", "ROOT", "root", .options = VOLUME_ADOPT,
        .summary = "take the disk that is there now as a root's own", .role = "admin", .method = "volume.adopt",
        .mutates = true,
        .confirm =
            "From now on this disk is the root's: footage on it is deleted by the rule, unless it is another box's.",
        .show = volume_adopt_show, .example = "retentionctl volume adopt frigate --as new"},
    {"clock", "status", .summary = "how far the clock may be believed", .role = "admin, auditor",
        .method = "clock.status", .show = clock_show, .verdict = clock_verdict_code},
    {"clock", "confirm", .summary = "say that the clock is right", .role = "admin", .method = "clock.confirm",
        .mutates = true,
        .confirm = "You looked at another clock, and this box's is right. Deletion goes by it from now on.",
        .show = clock_show},
    {"config", "check", "[FILE]", NULL, .options = CONFIG_CHECK,
        .summary = "is the configuration right? no daemon needed", .role = "any", .run = config_check_run,
        .example = "retentionctl config check /etc/retention/retention.conf"},
    {"config", "show", .summary = "the configuration in force", .role = "admin, auditor", .method = "config.show"},
    {"config", "reload", .summary = "read the configuration again; a wrong one changes nothing", .role = "admin",
        .method = "config.reload", .show = config_reload_show},
    {"rescan", NULL, "[ROOT]", "root", .summary = "compare the index with the disk again", .role = "admin",
        .method = "rescan", .mutates = true, .show = rescan_show},
    {"key", "show", .summary = "the key that verifies the audit log, to be kept elsewhere", .role = "admin, auditor",
        .method = "key.show", .show = key_show_show},
    {"key", "rotate", .summary = "a new key for the audit log now, signed for by the one before", .role = "admin",
        .method = "key.rotate", .mutates = true, .show = key_rotate_show},
    {"metrics", NULL, .summary = "Prometheus text", .role = "any", .run = metrics_run},
};
const size_t COMMAND_COUNT = ARRAY_LENGTH(COMMANDS);
