# fish completion for retentionctl; made by: retentionctl --completion fish
complete -c retentionctl -f
complete -c retentionctl -n '__fish_use_subcommand' -a status -d "health in one screen"
complete -c retentionctl -n '__fish_seen_subcommand_from status' -l watch -d "again every two seconds"
complete -c retentionctl -n '__fish_use_subcommand' -a doctor -d "what is not as it should be, and what to do"
complete -c retentionctl -n '__fish_seen_subcommand_from doctor' -l scan -r -d "which layout do these recordings follow? no daemon needed"
complete -c retentionctl -n '__fish_seen_subcommand_from doctor' -l layouts -r -d "where the layouts are"
complete -c retentionctl -n '__fish_use_subcommand' -a camera
complete -c retentionctl -n '__fish_seen_subcommand_from camera' -a list -d "the cameras, their footage and their rule"
complete -c retentionctl -n '__fish_use_subcommand' -a camera
complete -c retentionctl -n '__fish_seen_subcommand_from camera' -a show -d "one camera: the rule in force and where it comes from"
complete -c retentionctl -n '__fish_use_subcommand' -a footage
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -a list -d "what is indexed"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l state -r -d "live, due, overdue, held, or open, finished, altered, unreadable"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l limit -r -d "at most so many (1,000)"
complete -c retentionctl -n '__fish_use_subcommand' -a footage
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -a gaps -d "what was not recorded, and what is erased"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_use_subcommand' -a footage
complete -c retentionctl -n '__fish_seen_subcommand_from footage' -a explain -d "why a file is still there and when it goes, or when it went"
complete -c retentionctl -n '__fish_use_subcommand' -a deletion
complete -c retentionctl -n '__fish_seen_subcommand_from deletion' -a plan -d "what will be deleted, and what holds keep"
complete -c retentionctl -n '__fish_seen_subcommand_from deletion' -l until -r -d "until when; a day from now where it is not said"
complete -c retentionctl -n '__fish_use_subcommand' -a deletion
complete -c retentionctl -n '__fish_seen_subcommand_from deletion' -a status -d "whether deletion runs, and what stops it"
complete -c retentionctl -n '__fish_use_subcommand' -a deletion
complete -c retentionctl -n '__fish_seen_subcommand_from deletion' -a resume -d "go on after an unusual amount"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a now -d "keep the last hours at once; details are owed in a day"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l last -r -d "how far back: 2h, 30min"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a preview -d "what a hold would cover; changes nothing"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l future-camera -d "allow a camera that has not been seen yet"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a coverage -d "what a hold covers: kept, erased, not recorded, to come"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a place -d "keep what is evidence"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l all-cameras -d "every camera, new ones too"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l reason -r -d "offence, damage, nuisance, identify_perpetrator, identify_disturber, identify_witness or identify_victim"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l case -r -d "the case; "pending" is owed within a day"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l kind -r -d "incident"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l note -r -d "free text; never in the audit log"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l review -r -d "when somebody must look again"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l like -r -d "time, reason and case as in another hold"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l future-camera -d "allow a camera that has not been seen yet"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a list -d "the holds"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l state -r -d "active, provisional, released, all, …; those in force where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l case -r -d "of one case"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l owed -d "those whose details are owed"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a show -d "one hold"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a widen -d "make a hold cover more time"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a review -d "set the next review, or give the details that are owed"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l next -r -d "when somebody must look again"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l reason -r -d "what a provisional hold owes"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l case -r -d "what a provisional hold owes"
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -l note -r -d "free text; never in the audit log"
complete -c retentionctl -n '__fish_use_subcommand' -a hold
complete -c retentionctl -n '__fish_seen_subcommand_from hold' -a release -d "ask for the end of a hold; it ends after the delay"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a search -d "entries of the audit log"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l actor -r -d "a user's name or number, a remote address, a program or its unit"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l action -r -d "delete, missing, open, hold-placed, request-denied, …"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l outcome -r -d "success, failure, unknown or denied"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l case -r -d "a case"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l hold -r -d "a hold"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l held -d "about holds, and about footage that one keeps"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l limit -r -d "the newest so many (1,000)"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l all -d "read every entry, without the daemon's lookup"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l log -r -d "a copy of the log's folder; then no daemon is needed"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l keys -r -d "verifier keys that were kept elsewhere: only then is it a proof"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a show -d "one entry, whole"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l log -r -d "a copy of the log's folder; then no daemon is needed"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l keys -r -d "verifier keys that were kept elsewhere: only then is it a proof"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a follow -d "entries as they are written"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l actor -r -d "a user's name or number, a remote address, a program or its unit"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l action -r -d "delete, missing, open, hold-placed, request-denied, …"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l outcome -r -d "success, failure, unknown or denied"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l case -r -d "a case"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l hold -r -d "a hold"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l held -d "about holds, and about footage that one keeps"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a export -d "entries for other programs"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l actor -r -d "a user's name or number, a remote address, a program or its unit"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l action -r -d "delete, missing, open, hold-placed, request-denied, …"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l outcome -r -d "success, failure, unknown or denied"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l case -r -d "a case"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l hold -r -d "a hold"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l held -d "about holds, and about footage that one keeps"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l format -r -d "jsonl (as in the log, byte for byte) or csv (the main columns)"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l to -r -d "a file, which is there whole or not at all"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l all -d "read every entry, without the daemon's lookup"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l log -r -d "a copy of the log's folder; then no daemon is needed"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l keys -r -d "verifier keys that were kept elsewhere: only then is it a proof"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a review -d "what nobody has reviewed yet; with --to: that you have"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l to -r -d "record that entries up to this one were reviewed"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a verify -d "check every entry against the signed checkpoint"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l log -r -d "a copy of the log's folder; then no daemon is needed"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l keys -r -d "verifier keys that were kept elsewhere: only then is it a proof"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a checkpoint -d "the signed head of the log, to be kept elsewhere"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l qr -d "as a code, to be photographed from the screen"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l qr-file -r -d "the code as a picture, .svg or .pbm"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l to -r -d "into a file, on a stick that leaves with you"
complete -c retentionctl -n '__fish_use_subcommand' -a log
complete -c retentionctl -n '__fish_seen_subcommand_from log' -a proof -d "that an entry is in the log, for somebody who has a checkpoint"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l log -r -d "a copy of the log's folder; then no daemon is needed"
complete -c retentionctl -n '__fish_seen_subcommand_from log' -l keys -r -d "verifier keys that were kept elsewhere: only then is it a proof"
complete -c retentionctl -n '__fish_use_subcommand' -a report
complete -c retentionctl -n '__fish_seen_subcommand_from report' -a retention -d "the sum: footage recorded in a time, and where all of it is or went"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l segments -d "list each file with its column too (JSON and CSV)"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l html -r -d "write a page that prints well"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l keys -r -d "verifier keys that were kept elsewhere, to check the log by"
complete -c retentionctl -n '__fish_use_subcommand' -a witness
complete -c retentionctl -n '__fish_seen_subcommand_from witness' -a list -d "who signs the log's checkpoints, and when last"
complete -c retentionctl -n '__fish_use_subcommand' -a witness
complete -c retentionctl -n '__fish_seen_subcommand_from witness' -a test -d "ask a witness now for its signature"
complete -c retentionctl -n '__fish_use_subcommand' -a report
complete -c retentionctl -n '__fish_seen_subcommand_from report' -a access -d "who accessed footage, by person, camera, purpose and hour; what is unusual"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l person -r -d "one person only, by the name that the report shows"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l hours -r -d "what is usual, on the local clock (06..22)"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l html -r -d "write a page that prints well"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l keys -r -d "verifier keys that were kept elsewhere, to check the log by"
complete -c retentionctl -n '__fish_use_subcommand' -a report
complete -c retentionctl -n '__fish_seen_subcommand_from report' -a subject -d "for a filmed person: who saw the images of a camera and a time, when and why"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l camera -r -d "a camera, as ROOT/NAME or short"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l at -r -d ""2026-11-24 14:00..15:00", "yesterday", "-2h..now", 2026-10"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l from -r -d "instead of --at, with --to"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l to -r -d "now where it is not said"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l case -r -d "the filmed person's request"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l html -r -d "write a page that prints well"
complete -c retentionctl -n '__fish_seen_subcommand_from report' -l keys -r -d "verifier keys that were kept elsewhere, to check the log by"
complete -c retentionctl -n '__fish_use_subcommand' -a root
complete -c retentionctl -n '__fish_seen_subcommand_from root' -a list -d "the roots and their disks"
complete -c retentionctl -n '__fish_use_subcommand' -a volume
complete -c retentionctl -n '__fish_seen_subcommand_from volume' -a list -d "which disk each root expects and has"
complete -c retentionctl -n '__fish_use_subcommand' -a volume
complete -c retentionctl -n '__fish_seen_subcommand_from volume' -a adopt -d "take the disk that is there now as a root's own"
complete -c retentionctl -n '__fish_seen_subcommand_from volume' -l as -r -d "new (an empty disk), own (this box's footage) or other (another box's: observed only)"
complete -c retentionctl -n '__fish_use_subcommand' -a clock
complete -c retentionctl -n '__fish_seen_subcommand_from clock' -a status -d "how far the clock may be believed"
complete -c retentionctl -n '__fish_use_subcommand' -a clock
complete -c retentionctl -n '__fish_seen_subcommand_from clock' -a confirm -d "say that the clock is right"
complete -c retentionctl -n '__fish_use_subcommand' -a config
complete -c retentionctl -n '__fish_seen_subcommand_from config' -a check -d "is the configuration right? no daemon needed"
complete -c retentionctl -n '__fish_seen_subcommand_from config' -l layouts -r -d "where the layouts are"
complete -c retentionctl -n '__fish_use_subcommand' -a config
complete -c retentionctl -n '__fish_seen_subcommand_from config' -a show -d "the configuration in force"
complete -c retentionctl -n '__fish_use_subcommand' -a config
complete -c retentionctl -n '__fish_seen_subcommand_from config' -a reload -d "read the configuration again; a wrong one changes nothing"
complete -c retentionctl -n '__fish_use_subcommand' -a rescan -d "compare the index with the disk again"
complete -c retentionctl -n '__fish_use_subcommand' -a key
complete -c retentionctl -n '__fish_seen_subcommand_from key' -a show -d "the key that verifies the audit log, to be kept elsewhere"
complete -c retentionctl -n '__fish_use_subcommand' -a key
complete -c retentionctl -n '__fish_seen_subcommand_from key' -a rotate -d "a new key for the audit log now, signed for by the one before"
complete -c retentionctl -n '__fish_use_subcommand' -a metrics -d "Prometheus text"
complete -c retentionctl -l socket -r -d "the control socket; else $RETENTION_SOCKET, else /run/retention/control.sock"
complete -c retentionctl -l config -r -d "the socket of the daemon with this configuration"
complete -c retentionctl -l output -r -d "table, json, ndjson or csv"
complete -c retentionctl -l json -d "the same as --output=json"
complete -c retentionctl -l yes -d "do not ask, in scripts"
complete -c retentionctl -l no-input -d "never ask: fail instead"
complete -c retentionctl -l dry-run -d "say what would happen, change nothing"
complete -c retentionctl -l no-pager -d "do not page long lists"
complete -c retentionctl -l help -d "say how"
complete -c retentionctl -l version -d "say which version"
