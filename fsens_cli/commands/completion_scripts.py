"""The scripts by which shells ask for completion, one a shell."""

from fsens_cli.errors import ConfigError

# A name ends with a blank, what is followed by a value does not.
BASH = """\
_fsens_completion() {
    local IFS=$'\\n'
    COMPREPLY=($(FSENS_COMPLETE=bash FSENS_LINE="${COMP_LINE:0:COMP_POINT}" FSENS_BREAKS="$COMP_WORDBREAKS" \\
        "$1" 2>/dev/null))
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:,] ]] && compopt -o nospace
}
complete -o default -F _fsens_completion fsens
"""
ZSH = """\
#compdef fsens
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_fsens_completion() {
    local -a found
    found=("${(@f)$(FSENS_COMPLETE=zsh FSENS_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" $words[1] 2>/dev/null)}")
    [[ -z $found ]] && { _files; return }
    compadd -S '' -- ${(M)found:#*[=:,]}
    compadd -- ${found:#*[=:,]}
}
compdef _fsens_completion fsens
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH}


def script_of(shell: str) -> str:
    """Return the script by which ``shell`` asks.

    Raises:
        ConfigError: there is none.
    """
    if shell not in SCRIPTS:
        raise ConfigError(f"'{shell}' has no completion: give {' or '.join(SCRIPTS)}.")
    return SCRIPTS[shell]
