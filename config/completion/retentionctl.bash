# bash completion for retentionctl; made by: retentionctl --completion bash
_retentionctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} words=
	case $before in
	--output) words="table json ndjson csv" ;;
	--config|--socket|--keys|--out|--scan) COMPREPLY=($(compgen -f -- "$word")); return ;;
	--camera) words=$(retentionctl camera list --output csv 2>/dev/null | sed -n '2,$s/,.*//p') ;;
	esac
	if [[ -n $words ]]; then
		:
	elif ((COMP_CWORD == 1)); then
		words="status doctor camera footage deletion hold log report witness report root volume clock config rescan key metrics "
	elif ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
		case $noun in
		camera) words="list show " ;;
		footage) words="list gaps explain " ;;
		deletion) words="plan status resume " ;;
		hold) words="now preview coverage place list show widen review release " ;;
		log) words="search show follow export review verify checkpoint proof " ;;
		report) words="retention access subject " ;;
		witness) words="list test " ;;
		report) words="retention access subject " ;;
		root) words="list " ;;
		volume) words="list adopt " ;;
		clock) words="status confirm " ;;
		config) words="check show reload " ;;
		key) words="show rotate " ;;
		esac
	else
		case "$noun $verb" in
		"status "*) words="--watch --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"doctor "*) words="--scan --layouts --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"camera list") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"camera show") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"footage list") words="--camera --at --from --to --state --limit --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"footage gaps") words="--camera --at --from --to --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"footage explain") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"deletion plan") words="--until --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"deletion status") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"deletion resume") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold now") words="--last --camera --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold preview") words="--camera --at --from --to --future-camera --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold coverage") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold place") words="--camera --all-cameras --at --from --to --reason --case --kind --note --review --like --future-camera --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold list") words="--state --case --owed --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold show") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold widen") words="--at --from --to --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold review") words="--next --reason --case --note --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"hold release") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log search") words="--at --from --to --actor --camera --action --outcome --case --hold --held --limit --all --log --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log show") words="--log --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log follow") words="--actor --camera --action --outcome --case --hold --held --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log export") words="--at --actor --camera --action --outcome --case --hold --held --format --to --all --log --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log review") words="--to --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log verify") words="--log --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log checkpoint") words="--qr --qr-file --to --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"log proof") words="--log --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"report retention") words="--at --from --to --camera --segments --html --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"witness list") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"witness test") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"report access") words="--at --from --to --camera --person --hours --html --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"report subject") words="--camera --at --from --to --case --html --keys --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"root list") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"volume list") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"volume adopt") words="--as --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"clock status") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"clock confirm") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"config check") words="--layouts --socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"config show") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"config reload") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"rescan "*) words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"key show") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"key rotate") words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		"metrics "*) words="--socket --config --output --json --yes --no-input --dry-run --no-pager --help --version " ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$word"))
	if [[ ${#COMPREPLY[@]} -eq 0 && $word != -* ]]; then
		COMPREPLY=($(compgen -f -- "$word"))
	fi
}
complete -F _retentionctl retentionctl
