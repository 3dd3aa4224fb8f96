# Completion of the sockproof command for bash: source it from ~/.bashrc.
# Commands, options and what they take are read from the program's own help, ids from its list.
# shellcheck shell=bash

_sockproof_ids() { # topics, and topic/name of every case
    "$1" list 2>/dev/null | awk '
        /^[^ ]/ { topic = $1; print topic }
        /^  / { print topic "/" $1 }'
}

_sockproof_values() { # what the help says behind an option: "--lab L   loopback or veth only"
    "$1" "$2" --help 2>/dev/null | awk -v option="$3" '
        $1 == option {
            sub(/^ *[^ ]+ +[^ ]+ +/, ""); sub(/ only$/, ""); gsub(/, | or /, "\n"); print
        }'
}

_sockproof() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
    local before=${COMP_WORDS[COMP_CWORD - 1]}
    program=${program/#\~/$HOME}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "--help --version $("$program" --help 2>/dev/null |
            awk '/^  [a-z]/ { print $1 }')" -- "$word")
        return
    fi
    case $before in
    --lab | --family | --format)
        mapfile -t COMPREPLY < <(compgen -W "$(_sockproof_values "$program" "$command" \
            "$before")" -- "$word")
        return
        ;;
    --results | --cases)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --appliance)
        mapfile -t COMPREPLY < <(compgen -W "router firewall nat" -- "$word"
            compgen -f -- "$word")
        return
        ;;
    --client | --server)
        mapfile -t COMPREPLY < <(compgen -W "gvisor lwip wine ssh:" -- "$word")
        return
        ;;
    : | ssh) # bash breaks words at the colon: `--server ssh:h` is three of them
        mapfile -t COMPREPLY < <(compgen -A hostname -- "${word#:}")
        return
        ;;
    --over)
        mapfile -t COMPREPLY < <(compgen -W "host uml: qemu: client= server= both=" -- "$word")
        return
        ;;
    --modules)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --requirements | -o | --output)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--help $("$program" "$command" --help 2>/dev/null |
            awk '$1 ~ /^--[a-z]/ { print $1 }')" -- "$word")
        return
    fi
    if "$program" "$command" --help 2>/dev/null | head -n 1 | grep -q CASE; then
        mapfile -t COMPREPLY < <(compgen -W "$(_sockproof_ids "$program")" -- "$word"
            compgen -f -X '!*.case' -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
    fi
}

complete -o filenames -F _sockproof sockproof
