#compdef netbuilder
# Completion of netbuilder for zsh.

_netbuilder_sandboxes() {
    local -a pins=(/run/netns/*(N:t))
    compadd -a pins
}

_netbuilder() {
    local context state state_descr line
    local -A opt_args
    local -a file format commands
    file=('*'{-f,--file}'[a Compose file]:file:_files' '*--env-file[variables for the files]:file:_files'
        '*--profile[services of this profile too]:profile:')
    format=('--format[for people or for programs]:format:(table json)')
    commands=(
        'up:make it so; only what is missing is done'
        'plan:print all commands as a shell script that runs'
        'diff:print the commands that up would carry out on this host'
        'down:take back what FILE names, and a network with its last sandbox'
        'ps:list sandboxes'
        'networks:list networks'
        "inspect:show a sandbox's wiring, its commands, and what rewrites its packets"
        'links:show which veth of the host leads into which sandbox'
        'trace:follow one packet: the rules it meets, its NAT, and where it ends'
        'capture:record packets; show where NAT happens'
        'connect:put a sandbox on one more network'
        'disconnect:take a sandbox off a network'
        'publish:open more ports of the host that lead into a sandbox'
        'unpublish:close published ports of a sandbox'
        'network:list, show, make and take down networks by themselves'
        'exec:run a command inside a sandbox'
        'isolated:run a command on a throw-away host of its own'
        'completion:print what makes a shell complete these words'
    )
    _arguments -C '(-h --help)'{-h,--help}'[show the help]' '--version[print the version]' $file \
        '1:command:->command' '*::argument:->argument' && return
    if [[ $state == command ]]; then
        _describe command commands
        return
    fi
    local -a verbose=('(-v --verbose)'{-v,--verbose}'[print each command as it is done]')
    local -a force=('(-f --force)'{-f,--force}'[what Docker calls force]')
    local -a help=('(-h --help)'{-h,--help}'[show the help]')
    case $words[1] in
        up) _arguments $help $file '(-v --verbose)'{-v,--verbose}'[print each command as it is done]' ;;
        plan | diff) _arguments $help $file ;;
        down)
            _arguments $help $file '--all[all that netbuilder made on this host]' \
                '(-v --verbose)'{-v,--verbose}'[list what goes]' '*:sandbox:_netbuilder_sandboxes'
            ;;
        ps | networks | links) _arguments $help $format ;;
        trace)
            _arguments $help '--format[for people, for programs, or a picture]:format:(table json svg)' '(-u --udp)'{-u,--udp}'[UDP]' '(-w --watch)'{-w,--watch}'[take the next one]' \
                '--timeout[how long to wait]:seconds:' '(-v --verbose)'{-v,--verbose}'[print each rule]' \
                '*:sandbox:_netbuilder_sandboxes'
            ;;
        inspect) _arguments $help $format '1:sandbox:_netbuilder_sandboxes' ;;
        capture)
            _arguments $help '(-o --output)'{-o,--output}'[the pcapng file to write]:file:_files' \
                '--published[a port, on both sides of the NAT]:port:' "--filter[in tcpdump's language]:expression:" \
                '*--tap[listen there too]:what:(bridge veth)' '(-c --packets)'{-c,--packets}'[end after so many]:number:' \
                '--seconds[end after so long]:number:' '--summary[tell each packet]' '*:sandbox:_netbuilder_sandboxes'
            ;;
        connect)
            _arguments $help $verbose '--ip[its IPv4 address]:address:' '--ip6[its IPv6 address]:address:' \
                '--gw-priority[whose default route it has]:number:' '--mac-address[its MAC address]:address:' \
                '*--link-local-ip[one more address]:address:' '*--driver-opt[an option of the endpoint]:option:' \
                '*--alias[passed over]:name:' '1:network:' '2:sandbox:_netbuilder_sandboxes'
            ;;
        disconnect) _arguments $help $force $verbose '1:network:' '2:sandbox:_netbuilder_sandboxes' ;;
        publish | unpublish) _arguments $help $verbose '1:sandbox:_netbuilder_sandboxes' '*:port:' ;;
        network) _arguments $help '1:command:(ls inspect create rm prune connect disconnect)' '*:argument:' ;;
        exec) _arguments $help '1:sandbox:_netbuilder_sandboxes' '*::command:_normal' ;;
        isolated) _arguments $help '*::command:_normal' ;;
        completion) _arguments $help '1:shell:(bash zsh fish)' ;;
    esac
}

if [[ $funcstack[1] == _netbuilder ]]; then
    _netbuilder "$@"
else
    compdef _netbuilder netbuilder
fi
