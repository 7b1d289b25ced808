/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every message between the programs, declared once. message.h turns the tables below into
 * structs, encoders and decoders; message.c checks each field on receipt.
 *
 * A message is a fixed record, then a list of records of one kind (or none), then descriptors by
 * SCM_RIGHTS. A number is never used twice: retired ones stay here, marked so. Raise
 * MESSAGE_VERSION for a change of meaning: the supervisor refuses a child of another version.
 *
 * Field kinds: U8(highest value) U16 U32 U64 I64 TEXT(most bytes) HASH (32 bytes). Times are I64
 * microseconds on the wall clock unless the name ends in _ns.
 */
#pragma once

#include "sandbox/process.h"

#define MESSAGE_VERSION 1

/* Longest things that a message carries, in bytes. */
#define PATH_BYTES_MAX 4095
#define NAME_BYTES_MAX 255
#define CAMERA_BYTES_MAX 255
#define TEXT_BYTES_MAX 1024
#define UUID_BYTES_MAX 64

/* ---- records: RECORD(name, fields) ---- */

#define RECORD_nothing(FIELD)

/* Start of a child, from the supervisor, before anything else. Descriptor 0: the settings (memfd). Keeper: descriptor
 * 1, the listening control socket. Guard: descriptor 1, its pulse (ipc/pulse.h). */
#define RECORD_start(FIELD)                                                  \
	FIELD(U32, version, 0)                                                   \
	FIELD(U32, user, 0) /* uid to become; unchanged when drop is 0 */        \
	FIELD(U32, group, 0)                                                     \
	FIELD(U8, drop, 1) /* 0 for an ordinary user's trial: nothing to drop */ \
	FIELD(U8, verbose, 1)

/* A root by its index in the settings. */
#define RECORD_root(FIELD) FIELD(U16, root, 0)

/* Which child: roots are the message's list for watcher and reaper, empty for the others. `key` is keeper's own
 * number for it. */
#define RECORD_child(FIELD)                   \
	FIELD(U8, process, 15) /* enum process */ \
	FIELD(U32, key, 0)

#define RECORD_child_down(FIELD)                                                              \
	FIELD(U8, process, 15)                                                                    \
	FIELD(U32, key, 0)                                                                        \
	FIELD(U32, status, 0)   /* as waitpid(2) gives it */                                      \
	FIELD(U8, refused, 1)   /* the supervisor does not start this one; reason says why */     \
	FIELD(I64, alive_us, 0) /* guard: when it was last seen to work; 0 where nobody looked */ \
	FIELD(TEXT, reason, TEXT_BYTES_MAX)

#define RECORD_notice(FIELD) FIELD(TEXT, text, TEXT_BYTES_MAX)

#define RECORD_reload_result(FIELD) \
	FIELD(U8, accepted, 1)          \
	FIELD(TEXT, reason, TEXT_BYTES_MAX)

/* Where a root was found: what identifies its volume. */
#define RECORD_root_found(FIELD)                             \
	FIELD(U16, root, 0)                                      \
	FIELD(U32, error, 0) /* errno; then the rest is empty */ \
	FIELD(TEXT, uuid, UUID_BYTES_MAX)                        \
	FIELD(TEXT, filesystem, UUID_BYTES_MAX)                  \
	FIELD(U64, root_inode, 0)                                \
	FIELD(I64, root_birth_ns, 0)                             \
	FIELD(U64, device, 0)                                    \
	FIELD(U64, bytes_total, 0)                               \
	FIELD(U64, bytes_free, 0)                                \
	FIELD(U8, read_only, 1)

/* A folder below a root ("" is the root itself), with the times at its last complete listing; 0 when it must be read
 * again. */
#define RECORD_known_folder(FIELD)    \
	FIELD(TEXT, path, PATH_BYTES_MAX) \
	FIELD(I64, mtime_ns, 0)           \
	FIELD(I64, ctime_ns, 0)

#define RECORD_folder(FIELD) \
	FIELD(U16, root, 0)      \
	FIELD(TEXT, path, PATH_BYTES_MAX)

#define RECORD_folder_end(FIELD)                                                                         \
	FIELD(U16, root, 0)                                                                                  \
	FIELD(TEXT, path, PATH_BYTES_MAX)                                                                    \
	FIELD(U32, error, 0)    /* errno of the listing; entries so far are valid, absence proves nothing */ \
	FIELD(U8, gone, 1)      /* the folder does not exist any more */                                     \
	FIELD(I64, mtime_ns, 0) /* as of before the listing; 0 if it may have changed during it */           \
	FIELD(I64, ctime_ns, 0)

/* One name in a folder and what statx(2) says, never following a link. */
#define RECORD_entry(FIELD)                                       \
	FIELD(U8, what, 5) /* enum entry_event */                     \
	FIELD(U8, type, 4) /* enum entry_type */                      \
	FIELD(TEXT, name, NAME_BYTES_MAX)                             \
	FIELD(U64, inode, 0)                                          \
	FIELD(U64, bytes, 0)                                          \
	FIELD(I64, mtime_ns, 0)                                       \
	FIELD(I64, birth_ns, 0) /* 0 where the filesystem has none */ \
	FIELD(U32, links, 0)

#define RECORD_scan_end(FIELD)  \
	FIELD(U16, root, 0)         \
	FIELD(U64, folders, 0)      \
	FIELD(U64, folders_read, 0) \
	FIELD(U64, entries, 0)

/* How much of the roots is watched by inotify; the rest is compared by mtime each minute. */
#define RECORD_watch_coverage(FIELD)                           \
	FIELD(U32, folders, 0)                                     \
	FIELD(U32, watched, 0)                                     \
	FIELD(U32, limit, 0)     /* fs.inotify.max_user_watches */ \
	FIELD(U32, overflows, 0) /* since start; each was followed by a full comparison */

/* Ask for a read-only descriptor of a file, or its entry again (then the answer is a folder listing of that one name).
 */
#define RECORD_open(FIELD)              \
	FIELD(U32, request, 0)              \
	FIELD(U16, root, 0)                 \
	FIELD(TEXT, folder, PATH_BYTES_MAX) \
	FIELD(TEXT, name, NAME_BYTES_MAX)

#define RECORD_answer(FIELD) \
	FIELD(U32, request, 0)   \
	FIELD(U32, error, 0)

#define RECORD_probe(FIELD)                                                  \
	FIELD(U32, request, 0)                                                   \
	FIELD(U8, grade, 2)     /* enum probe_grade */                           \
	FIELD(U8, kind, 2)      /* enum segment_kind: what the layout expects */ \
	FIELD(U8, idle, 1)      /* backlog: idle I/O priority */                 \
	FIELD(TEXT, suffix, 16) /* a hint for the container, "mp4"; nothing else of the name */

#define RECORD_stream(FIELD)                                                    \
	FIELD(U8, kind, 2) /* enum segment_kind */                                  \
	FIELD(TEXT, codec, 32)                                                      \
	FIELD(U32, width, 0)                                                        \
	FIELD(U32, height, 0)                                                       \
	FIELD(U32, rate_millihertz, 0) /* frames or samples a second, times 1000 */ \
	FIELD(I64, first_us, 0)        /* timestamps in the container's own time */ \
	FIELD(I64, last_us, 0)         /* end of the last frame */

/* What the media says of itself. A claim, see the design: it can widen an interval, never narrow it. The list: its
 * streams. */
#define RECORD_facts(FIELD)                                                               \
	FIELD(U32, request, 0)                                                                \
	FIELD(U8, grade, 2)   /* the grade that was reached */                                \
	FIELD(U8, result, 3)  /* enum probe_result */                                         \
	FIELD(U8, damage, 15) /* bits, enum probe_damage */                                   \
	FIELD(TEXT, container, 32)                                                            \
	FIELD(I64, start_us, 0)    /* wall clock, where the container says so; 0 where not */ \
	FIELD(I64, duration_us, 0) /* 0 where it cannot be told */                            \
	FIELD(TEXT, reason, 160)   /* of damage or failure, for people */

#define RECORD_hash(FIELD) FIELD(U32, request, 0) FIELD(U8, idle, 1)

#define RECORD_hashed(FIELD) \
	FIELD(U32, request, 0)   \
	FIELD(U32, error, 0)     \
	FIELD(U64, bytes, 0)     \
	FIELD(HASH, sha256, 0)

/* A part of an erase batch; the last part starts the work. */
#define RECORD_erase(FIELD) \
	FIELD(U32, batch, 0)    \
	FIELD(U16, root, 0)     \
	FIELD(U8, last, 1)

/*
 * One file to unlink, in order; the folder is sent when it differs from the item before ("same_folder").
 * It goes only if what is found is exactly this. A group's files share `group`; after one failure the
 * rest of its group stays, so that the video, which is last, outlives its sidecars.
 */
#define RECORD_erase_item(FIELD)           \
	FIELD(U16, item, 0)                    \
	FIELD(U16, group, 0)                   \
	FIELD(U8, way, 1) /* enum erase_way */ \
	FIELD(U8, same_folder, 1)              \
	FIELD(TEXT, folder, PATH_BYTES_MAX)    \
	FIELD(TEXT, name, NAME_BYTES_MAX)      \
	FIELD(U64, inode, 0)                   \
	FIELD(U64, bytes, 0)                   \
	FIELD(I64, mtime_ns, 0)                \
	FIELD(I64, birth_ns, 0)

#define RECORD_batch(FIELD) FIELD(U32, batch, 0)

#define RECORD_erased(FIELD)                                                                        \
	FIELD(U32, batch, 0)                                                                            \
	FIELD(U8, last, 1)    /* all folders are synced; nothing more of this batch will be unlinked */ \
	FIELD(U8, stopped, 1) /* ended early because of ERASE_STOP */                                   \
	FIELD(U32, sync_error, 0)

#define RECORD_erased_item(FIELD)                                 \
	FIELD(U16, item, 0)                                           \
	FIELD(U8, outcome, 5) /* enum erase_outcome */                \
	FIELD(U32, error, 0)                                          \
	FIELD(U32, links_left, 0) /* other names of the same bytes */ \
	FIELD(U8, open_elsewhere, 1)

/* ---- guard: who opened footage ---- */

/* To guard: watch this root from now on (it is online), or no more. */
#define RECORD_guard_root(FIELD) \
	FIELD(U16, root, 0)          \
	FIELD(U8, watched, 1)

/* To guard, in block mode: the audit log cannot be written, so nothing is opened until it can; 0 ends it. */
#define RECORD_guard_rule(FIELD) FIELD(U8, refuse_all, 1)

/*
 * From guard, before the first ACCESSES or ALTERATIONS that name it: an accessor, by guard's own number. A number is
 * told again when something about it changed (another user, another program). What the process says of itself
 * (command, arguments) is a claim. Ids are the thread's that opened, where it could be told. The list: its parents, the
 * nearest first, up to the session.
 */
#define RECORD_accessor(FIELD)                                                                                      \
	FIELD(U32, accessor, 0)                                                                                         \
	FIELD(U32, pid, 0)                                                                                              \
	FIELD(I64, start_us, 0) /* wall clock */                                                                        \
	FIELD(U8, reliable, 1)  /* the process was still that one when all of this had been read */                     \
	FIELD(U8, part, 3)      /* enum accessor_part: whose traffic it is */                                           \
	FIELD(U8, kernel, 1)    /* a kernel thread: a file server in the kernel, whose user cannot be told */           \
	FIELD(U32, real_user, 0)                                                                                        \
	FIELD(U32, effective_user, 0)                                                                                   \
	FIELD(U32, filesystem_user, 0) /* decides permission */                                                         \
	FIELD(U32, login_user, 0)      /* who logged in; 4294967295: nobody did */                                      \
	FIELD(U32, group, 0)           /* effective */                                                                  \
	FIELD(TEXT, groups, 512)       /* supplementary, "4 24 27"; cut at the end with "..." */                        \
	FIELD(U32, session, 0)         /* audit session; 4294967295: none */                                            \
	FIELD(TEXT, executable, PATH_BYTES_MAX)                                                                         \
	FIELD(U64, executable_device, 0)                                                                                \
	FIELD(U64, executable_inode, 0)                                                                                 \
	FIELD(TEXT, command, 64)       /* comm */                                                                       \
	FIELD(TEXT, arguments, 1024)   /* zero bytes between them */                                                    \
	FIELD(U32, arguments_bytes, 0) /* all of them; more than that text has where it was cut */                      \
	FIELD(TEXT, cgroup, 512)                                                                                        \
	FIELD(TEXT, unit, 256)          /* systemd unit or scope, from the cgroup; "" where none */                     \
	FIELD(TEXT, terminal, 32)       /* "pts/3"; "" for none */                                                      \
	FIELD(U64, mount_namespace, 0)  /* inode number */                                                              \
	FIELD(U8, foreign_namespace, 1) /* another one than guard's */                                                  \
	FIELD(TEXT, protocol, 16)       /* "smb", "ssh", "ftp", "http" …; "" where it serves nobody */                \
	FIELD(TEXT, remote_address, 64) /* "192.0.2.7", "2001:db8::7"; "" where it cannot be told */                    \
	FIELD(U16, remote_port, 0)      /* more than one client at once: no address is told, `remotes` says how many */ \
	FIELD(U16, remotes, 0)

#define RECORD_ancestor(FIELD) \
	FIELD(U32, pid, 0)         \
	FIELD(U32, real_user, 0)   \
	FIELD(I64, start_us, 0)    \
	FIELD(TEXT, command, 64)   \
	FIELD(TEXT, executable, PATH_BYTES_MAX)

/* Opens, in order. The path is below the root; one that could not be told is empty and has its inode. Accessor 0: by
 * whom is not known at this level, and our own opens are among them. */
#define RECORD_access(FIELD)                    \
	FIELD(U32, accessor, 0)                     \
	FIELD(U16, root, 0)                         \
	FIELD(U8, what, 3) /* enum access_what */   \
	FIELD(U32, count, 0)                        \
	FIELD(I64, first_us, 0)                     \
	FIELD(I64, last_us, 0)                      \
	FIELD(U64, inode, 0)                        \
	FIELD(U64, bytes, 0) /* size of the file */ \
	FIELD(TEXT, path, PATH_BYTES_MAX)

/* What others did to names and bytes. */
#define RECORD_alteration(FIELD)                                                      \
	FIELD(U32, accessor, 0) /* 0: the kernel did not tell, or the process was gone */ \
	FIELD(U32, pid, 0)                                                                \
	FIELD(U16, root, 0)                                                               \
	FIELD(U8, what, 3) /* enum alteration_what */                                     \
	FIELD(I64, at_us, 0)                                                              \
	FIELD(TEXT, path, PATH_BYTES_MAX)

/* What guard could not tell: exact bounds, and how many at least. */
#define RECORD_guard_loss(FIELD)                                     \
	FIELD(I64, from_us, 0)                                           \
	FIELD(I64, to_us, 0)                                             \
	FIELD(U64, lost, 0) /* opens, where they were counted; else 0 */ \
	FIELD(U8, why, 3)   /* enum guard_loss_why */

/* How closely a root is observed from `since_us` on. Told when it changes. */
#define RECORD_guard_coverage(FIELD)                                                           \
	FIELD(U16, root, 0)                                                                        \
	FIELD(I64, since_us, 0)                                                                    \
	FIELD(U8, level, 4)           /* enum guard_level */                                       \
	FIELD(U8, by, 2)              /* enum guard_mark */                                        \
	FIELD(U8, pidfd, 1)           /* the kernel names the process without a race */            \
	FIELD(U8, alterations, 1)     /* deletion, renaming and modification are attributed too */ \
	FIELD(U32, folders, 0)        /* marked, where each has a mark */                          \
	FIELD(U32, folders_failed, 0) /* could not be marked: opens there are not seen */          \
	FIELD(TEXT, reason, 256)      /* why not the best level; "" at it */

/* ---- publisher: what leaves the box ---- */

/* One thing to send; publisher answers each with DELIVERED. The address is one of the configuration's `publish`, or of
 * the one before it: a receiver that was taken out is still told so. */
#define RECORD_deliver(FIELD)                   \
	FIELD(U64, id, 0)                           \
	FIELD(U8, kind, 1) /* enum delivery_kind */ \
	FIELD(TEXT, address, 1024)                  \
	FIELD(TEXT, body, 32768) /* a whole syslog message; or the body of the HTTP request */

#define RECORD_delivered(FIELD)                                 \
	FIELD(U64, id, 0)                                           \
	FIELD(U8, result, 2)  /* enum delivery_result */            \
	FIELD(U16, status, 0) /* of HTTP; 0 where there was none */ \
	FIELD(TEXT, content_type, 128)                              \
	FIELD(TEXT, body, 16384) /* what was answered, cut */       \
	FIELD(TEXT, reason, 512) /* of a failure, for people */

/* ---- messages: MESSAGE(NAME, number, record, list record, most descriptors) ---- */

#define MESSAGE_CATALOGUE(MESSAGE)                          \
	/* supervisor to any child */                           \
	MESSAGE(START, 1, start, root, 2)                       \
	/* supervisor to keeper */                              \
	MESSAGE(CHILD_UP, 2, child, nothing, 1)                 \
	MESSAGE(CHILD_DOWN, 3, child_down, nothing, 0)          \
	MESSAGE(SETTINGS, 4, nothing, nothing, 1)               \
	MESSAGE(RELOAD_RESULT, 5, reload_result, nothing, 0)    \
	MESSAGE(STOP, 6, nothing, nothing, 0)                   \
	/* keeper to supervisor */                              \
	MESSAGE(READY, 10, notice, nothing, 0)                  \
	MESSAGE(ALIVE, 11, notice, nothing, 0)                  \
	MESSAGE(FATAL, 12, notice, nothing, 0)                  \
	MESSAGE(CHILD_WANTED, 13, child, root, 0)               \
	MESSAGE(CHILD_RELEASED, 14, child, nothing, 0)          \
	MESSAGE(CHILD_KILL, 15, child, nothing, 0)              \
	MESSAGE(RELOAD, 16, nothing, nothing, 0)                \
	/* keeper to watcher */                                 \
	MESSAGE(FOLDERS_KNOWN, 20, root, known_folder, 0)       \
	MESSAGE(SCAN, 21, root, nothing, 0)                     \
	MESSAGE(OPEN, 22, open, nothing, 0)                     \
	MESSAGE(LOOK, 23, open, nothing, 0)                     \
	/* watcher to keeper */                                 \
	MESSAGE(ROOT_FOUND, 30, root_found, nothing, 0)         \
	MESSAGE(LISTING, 31, folder, entry, 0)                  \
	MESSAGE(FOLDER_END, 32, folder_end, nothing, 0)         \
	MESSAGE(CHANGES, 33, folder, entry, 0)                  \
	MESSAGE(SCAN_END, 34, scan_end, nothing, 0)             \
	MESSAGE(WATCH_COVERAGE, 35, watch_coverage, nothing, 0) \
	MESSAGE(OPENED, 36, answer, nothing, 1)                 \
	/* keeper to prober and hasher, and back */             \
	MESSAGE(PROBE, 40, probe, nothing, 1)                   \
	MESSAGE(FACTS, 41, facts, stream, 0)                    \
	MESSAGE(HASH, 42, hash, nothing, 1)                     \
	MESSAGE(HASHED, 43, hashed, nothing, 0)                 \
	/* keeper to reaper, and back */                        \
	MESSAGE(ERASE, 50, erase, erase_item, 0)                \
	MESSAGE(ERASE_STOP, 51, batch, nothing, 0)              \
	MESSAGE(FOLDERS_REMOVE, 52, root, known_folder, 0)      \
	MESSAGE(ERASED, 60, erased, erased_item, 0)             \
	MESSAGE(FOLDERS_REMOVED, 61, root, known_folder, 0)     \
	/* keeper to guard, and back */                         \
	MESSAGE(GUARD_ROOTS, 70, nothing, guard_root, 0)        \
	MESSAGE(GUARD_RULE, 71, guard_rule, nothing, 0)         \
	MESSAGE(ACCESSOR, 75, accessor, ancestor, 0)            \
	MESSAGE(ACCESSES, 76, nothing, access, 0)               \
	MESSAGE(ALTERATIONS, 77, nothing, alteration, 0)        \
	MESSAGE(GUARD_LOSS, 78, guard_loss, nothing, 0)         \
	MESSAGE(GUARD_COVERAGE, 79, guard_coverage, nothing, 0) \
	/* keeper to publisher, and back */                     \
	MESSAGE(DELIVER, 80, deliver, nothing, 0)               \
	MESSAGE(DELIVERED, 85, delivered, nothing, 0)

enum entry_type { ENTRY_FILE, ENTRY_FOLDER, ENTRY_LINK, ENTRY_MOUNT, ENTRY_OTHER };

/* Why an entry is told. ENTRY_LISTED is all that LISTING carries. */
enum entry_event {
	ENTRY_LISTED,
	ENTRY_APPEARED, /* created, or arrived by rename or link(); still open as far as is known */
	ENTRY_CLOSED,   /* closed after writing */
	ENTRY_ARRIVED,  /* renamed or linked to this name: complete under it */
	ENTRY_GONE,     /* unlinked or renamed away; only the name is set */
	ENTRY_CHANGED,  /* written again, or truncated */
};

enum probe_grade { PROBE_HEADER, PROBE_STREAMS, PROBE_DECODE };
enum probe_result { PROBE_READ, PROBE_UNREADABLE, PROBE_NOT_MEDIA, PROBE_FAILED };
enum probe_damage { PROBE_TRUNCATED = 1, PROBE_NO_INDEX = 2, PROBE_EMPTY = 4, PROBE_NO_KEYFRAME = 8 };

enum erase_way {
	ERASE_UNLINK,
	ERASE_QUARANTINE, /* a slot that the recorder reuses: rename into the vault, check again, unlink there or put back
	                   */
};

enum erase_outcome {
	ERASE_DONE,
	ERASE_GONE,     /* was not there any more */
	ERASE_DIFFERS,  /* something else stands under this name: untouched */
	ERASE_FAILED,   /* error says why */
	ERASE_SKIPPED,  /* stopped, or a file of its group before it failed */
	ERASE_PUT_BACK, /* quarantined slot that turned out to be something else */
};

/* Whose traffic it is. */
enum accessor_part {
	ACCESSOR_OTHER,
	ACCESSOR_RECORDER, /* named as the root's recorder */
	ACCESSOR_ALLOWED,  /* named in guard.allow */
	ACCESSOR_OWN,      /* one of our own programs: never told, never refused */
};

enum access_what {
	ACCESS_OPENED,
	ACCESS_EXECUTED,
	ACCESS_FOUND_OPEN, /* open already when guard began to watch */
	ACCESS_DENIED,
};

enum alteration_what { ALTERATION_DELETED, ALTERATION_RENAMED_AWAY, ALTERATION_RENAMED_TO, ALTERATION_WRITTEN };

enum guard_loss_why {
	GUARD_LOSS_MEMORY,   /* keeper took nothing for so long that guard's memory was full */
	GUARD_LOSS_OVERFLOW, /* the kernel's queue of notifications overflowed */
	GUARD_LOSS_READ,     /* the kernel could not hand over an event (no descriptor could be opened for it) */
	GUARD_LOSS_LATE,     /* the process was gone before it could be looked at */
};

enum guard_level {
	GUARD_LEVEL_NONE,         /* only our own acts are known */
	GUARD_LEVEL_INOTIFY,      /* opens are seen, not by whom */
	GUARD_LEVEL_ANONYMOUS,    /* the same, by fanotify without privilege */
	GUARD_LEVEL_NOTIFICATION, /* opens are seen afterwards; who it was may be gone */
	GUARD_LEVEL_PERMISSION,   /* each open waits until it is known who it is */
};
enum guard_mark { GUARD_MARK_NONE, GUARD_MARK_FOLDERS, GUARD_MARK_FILESYSTEM };

enum delivery_kind { DELIVERY_SYSLOG, DELIVERY_WITNESS };
enum delivery_result {
	DELIVERY_DONE,    /* sent (syslog), or answered (HTTP: status says what) */
	DELIVERY_FAILED,  /* nobody there, refused, timed out: again later */
	DELIVERY_INVALID, /* cannot be sent at all */
};
