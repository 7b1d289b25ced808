# bash completion for retention-verify
_retention_verify() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=
	case $previous in
	--key | --witness | --checkpoint) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
	--log) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
	esac
	case ${COMP_WORDS[1]} in
	log) words="--key --checkpoint --witness --json --help --version" ;;
	entry) words="--key --json --help --version" ;;
	checkpoint) words="--log --key --json --help --version" ;;
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "log entry checkpoint --help --version" -- "$current")
	elif [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}
complete -o filenames -F _retention_verify retention-verify
