# Completion of netbuilder for bash.

_netbuilder_command() {
    # The first word that is neither an option nor the file that one names.
    local at word
    command_at=0
    for ((at = 1; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        case $word in
            -f | --file | --env-file | --profile) ((at++)) ;;
            -*) ;;
            *) command_at=$at && return ;;
        esac
    done
}

_netbuilder_sandboxes() {
    local pins=(/run/netns/*)
    [[ -e ${pins[0]} ]] && printf '%s\n' "${pins[@]#/run/netns/}"
}

_netbuilder() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command_at words=
    _netbuilder_command
    local command=${COMP_WORDS[command_at]}
    COMPREPLY=()
    local program_at=0
    [[ $command == exec ]] && ((program_at = command_at + 2))
    [[ $command == isolated ]] && ((program_at = command_at + 1))
    if ((command_at && program_at && COMP_CWORD >= program_at)); then
        compopt -o default # of the words of a program, files are all that is known
        if ((COMP_CWORD == program_at)) || [[ $previous == -- ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
        fi
        return
    fi
    case $previous in
        -f | --file)
            if [[ ! $command =~ connect|network ]]; then # there it is --force
                compopt -o default
                return
            fi
            ;;
        --tap)
            mapfile -t COMPREPLY < <(compgen -W 'bridge veth' -- "$current")
            return
            ;;
        -o | --output)
            if [[ $command == capture ]]; then
                compopt -o default
                return
            fi
            ;;
        --env-file)
            compopt -o default
            return
            ;;
        --profile) return ;;
        --format)
            words='table json'
            [[ $command == trace ]] && words+=' svg'
            mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
            return
            ;;
    esac
    if ((!command_at)); then
        words='up plan diff down ps networks inspect links trace capture connect disconnect publish unpublish network'
        words+=' exec isolated completion -h --help --version -f --file --env-file --profile'
    else
        [[ $command == network ]] && ((COMP_CWORD > command_at + 1)) && command+=" ${COMP_WORDS[command_at + 1]}"
        case $command in
            up) words='-f --file --env-file --profile -v --verbose' ;;
            plan | diff) words='-f --file --env-file --profile' ;;
            down) words="-f --file --env-file --profile --all -v --verbose $(_netbuilder_sandboxes)" ;;
            ps | networks | links) words='--format' ;;
            trace) words="-u --udp -w --watch --timeout -v --verbose --format host outside $(_netbuilder_sandboxes)" ;;
            inspect) words="--format $(_netbuilder_sandboxes)" ;;
            capture)
                words='-o --output --published --filter --tap -c --packets --seconds --summary'
                words+=" $(_netbuilder_sandboxes)"
                ;;
            connect | 'network connect')
                words="--ip --ip6 --gw-priority --mac-address --link-local-ip --driver-opt --alias -v --verbose"
                words+=" $(_netbuilder_sandboxes)"
                ;;
            disconnect | 'network disconnect') words="-f --force -v --verbose $(_netbuilder_sandboxes)" ;;
            publish | unpublish) words="-v --verbose $(_netbuilder_sandboxes)" ;;
            network) words='ls inspect create rm prune connect disconnect' ;;
            'network ls') words='--format' ;;
            'network create')
                words='-d --driver --subnet --gateway --ip-range --aux-address --ipv4=false --ipv6 --internal --label'
                words+=' -o --opt -v --verbose'
                ;;
            'network rm' | 'network prune') words='-f --force -v --verbose' ;;
            exec) words=$(_netbuilder_sandboxes) ;;
            completion) words='bash zsh fish' ;;
        esac
        words="-h --help $words"
    fi
    local but_options=(-X '-*')
    [[ $current == -* ]] && but_options=()
    mapfile -t COMPREPLY < <(compgen -W "$words" "${but_options[@]}" -- "$current")
}

complete -F _netbuilder netbuilder
