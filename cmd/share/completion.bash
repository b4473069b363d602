# SPDX-License-Identifier: MIT
# Completion for bash, for every program of Sluice: flags, their words and the commands are read from --help, which comes from
# the programs' own tables.

_sluice() {
	local program=$1 cur=$2 prev=$3 help words
	COMPREPLY=()
	help=$("$program" --help 2>/dev/null) || return 0
	# The options of sluice-ue belong to its commands.
	if [[ ${program##*/} == sluice-ue ]] && (( COMP_CWORD > 1 )); then
		help=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null) || return 0
	fi
	if [[ $cur == -* ]]; then
		words=$(grep -oE -e '--[a-z][a-z0-9-]*' <<<"$help" | sort -u)
	elif [[ $prev == --* ]]; then
		# "--engine auto|mb|evp" offers its words; anything else is a file.
		words=$(sed -nE "s/^ *${prev} ([a-z0-9-]+(\|[a-z0-9-]+)+)( .*)?\$/\1/p" <<<"$help" | tr '|' ' ')
	elif [[ ${program##*/} == sluicectl || ${program##*/} == sluice-bench ]] || { [[ ${program##*/} == sluice-ue ]] && (( COMP_CWORD == 1 )); }; then
		words=$(sed -nE 's/^  ([a-z]+) .*/\1/p' <<<"$help")
	fi
	mapfile -t COMPREPLY < <(compgen -W "${words:-}" -- "$cur")
}

complete -o default -F _sluice sluiced sluicectl sluice-kms sluice-ue sluice-bench sluice-demo
