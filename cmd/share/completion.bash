# SPDX-License-Identifier: MIT
# Completion for bash, for every program of Sluice. It reads flags, their words and the commands from
# --help of the program.

_sluice() {
	local program=$1 cur=$2 prev=$3 help words
	COMPREPLY=()
	help=$("$program" --help 2>/dev/null) || return 0
	# sluice-ue has options for each command.
	if [[ ${program##*/} == sluice-ue ]] && (( COMP_CWORD > 1 )); then
		help=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null) || return 0
	fi
	if [[ $cur == -* ]]; then
		words=$(grep -oE -e '--[a-z][a-z0-9-]*' <<<"$help" | sort -u)
	elif [[ $prev == --* ]]; then
		# A flag with words ("--engine auto|mb|evp") offers them; any other flag takes a file name.
		words=$(sed -nE "s/^ *${prev} ([a-z0-9-]+(\|[a-z0-9-]+)+)( .*)?\$/\1/p" <<<"$help" | tr '|' ' ')
	elif [[ ${program##*/} == sluicectl || ${program##*/} == sluice-bench ]] || { [[ ${program##*/} == sluice-ue ]] && (( COMP_CWORD == 1 )); }; then
		words=$(sed -nE 's/^  ([a-z]+) .*/\1/p' <<<"$help")
	fi
	mapfile -t COMPREPLY < <(compgen -W "${words:-}" -- "$cur")
}

complete -o default -F _sluice sluiced sluicectl sluice-kms sluice-ue sluice-bench sluice-demo
