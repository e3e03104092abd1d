# Completion of netbuilder for fish.

function __netbuilder_sandboxes
    path basename /run/netns/*
end

function __netbuilder_is_first_of
    # Whether the word that is typed is the first one after a command: its sandbox.
    set -l words (commandline -opc)
    test (count $words) -eq 2; and contains -- $words[2] $argv
end

function __netbuilder_has_a_sandbox
    # Whether exec has the sandbox already, so that a program follows.
    set -l words (commandline -opc)
    test (count $words) -gt 2; and test $words[2] = exec
end

set -l file_commands up plan diff down
set -l list_commands ps networks inspect links

complete -c netbuilder -f
complete -c netbuilder -s h -l help -d 'show the help'
complete -c netbuilder -n __fish_use_subcommand -l version -d 'print the version'
complete -c netbuilder -n __fish_use_subcommand -s f -l file -r -F -d 'a Compose file'
complete -c netbuilder -n __fish_use_subcommand -l env-file -r -F -d 'variables for the files'
complete -c netbuilder -n __fish_use_subcommand -l profile -x -d 'services of this profile too'

complete -c netbuilder -n __fish_use_subcommand -a up -d 'make it so; only what is missing is done'
complete -c netbuilder -n __fish_use_subcommand -a plan -d 'print all commands as a shell script that runs'
complete -c netbuilder -n __fish_use_subcommand -a diff -d 'print the commands that up would carry out'
complete -c netbuilder -n __fish_use_subcommand -a down -d 'take back what FILE names'
complete -c netbuilder -n __fish_use_subcommand -a ps -d 'list sandboxes'
complete -c netbuilder -n __fish_use_subcommand -a networks -d 'list networks'
complete -c netbuilder -n __fish_use_subcommand -a inspect -d 'show a sandbox and what rewrites its packets'
complete -c netbuilder -n __fish_use_subcommand -a links -d 'show which veth leads into which sandbox'
complete -c netbuilder -n __fish_use_subcommand -a trace -d 'follow one packet through rules and NAT'
complete -c netbuilder -n __fish_use_subcommand -a capture -d 'record packets; show where NAT happens'
complete -c netbuilder -n __fish_use_subcommand -a connect -d 'put a sandbox on one more network'
complete -c netbuilder -n __fish_use_subcommand -a disconnect -d 'take a sandbox off a network'
complete -c netbuilder -n __fish_use_subcommand -a publish -d 'open more ports of the host that lead into a sandbox'
complete -c netbuilder -n __fish_use_subcommand -a unpublish -d 'close published ports of a sandbox'
complete -c netbuilder -n __fish_use_subcommand -a network -d 'list, show, make and take down networks'
complete -c netbuilder -n __fish_use_subcommand -a exec -d 'run a command inside a sandbox'
complete -c netbuilder -n __fish_use_subcommand -a isolated -d 'run a command on a throw-away host'
complete -c netbuilder -n __fish_use_subcommand -a completion -d 'print what makes a shell complete these words'

complete -c netbuilder -n "__fish_seen_subcommand_from $file_commands" -s f -l file -r -F -d 'a Compose file'
complete -c netbuilder -n "__fish_seen_subcommand_from $file_commands" -l env-file -r -F -d 'variables for the files'
complete -c netbuilder -n "__fish_seen_subcommand_from $file_commands" -l profile -x -d 'services of this profile too'
complete -c netbuilder -n '__fish_seen_subcommand_from up' -s v -l verbose -d 'print each command as it is done'
complete -c netbuilder -n '__fish_seen_subcommand_from down' -s v -l verbose -d 'list what goes'
complete -c netbuilder -n '__fish_seen_subcommand_from down' -l all -d 'all that netbuilder made on this host'
complete -c netbuilder -n '__fish_seen_subcommand_from down' -a '(__netbuilder_sandboxes)'
complete -c netbuilder -n "__fish_seen_subcommand_from $list_commands" -l format -x -a 'table json'
complete -c netbuilder -n '__fish_seen_subcommand_from trace' -a 'host outside (__netbuilder_sandboxes)'
complete -c netbuilder -n '__fish_seen_subcommand_from trace' -l format -x -a 'table json svg'
complete -c netbuilder -n '__fish_seen_subcommand_from trace' -s u -l udp -d 'UDP'
complete -c netbuilder -n '__fish_seen_subcommand_from trace' -s w -l watch -d 'take the next that somebody sends'
complete -c netbuilder -n '__fish_seen_subcommand_from trace' -l timeout -x -d 'how long to wait'
complete -c netbuilder -n '__fish_seen_subcommand_from trace' -s v -l verbose -d 'print each rule as nft lists it'
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -s o -l output -r -F -d 'the pcapng file to write'
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -l published -x -d 'a port, on both sides of the NAT'
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -l filter -x -d "in tcpdump's language"
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -l tap -x -a 'bridge veth' -d 'listen there too'
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -s c -l packets -x -d 'end after so many'
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -l seconds -x -d 'end after so long'
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -l summary -d 'tell each packet'
complete -c netbuilder -n '__fish_seen_subcommand_from capture' -a '(__netbuilder_sandboxes)'
complete -c netbuilder -n '__netbuilder_is_first_of network' -a 'ls inspect create rm prune connect disconnect'
complete -c netbuilder -n '__fish_seen_subcommand_from connect disconnect' -a '(__netbuilder_sandboxes)'
complete -c netbuilder -n '__netbuilder_is_first_of inspect exec publish unpublish' -a '(__netbuilder_sandboxes)'
complete -c netbuilder -n __netbuilder_has_a_sandbox -a '(__fish_complete_subcommand --fcs-skip=3)'
complete -c netbuilder -n '__fish_seen_subcommand_from isolated' -a '(__fish_complete_subcommand --fcs-skip=2)'
complete -c netbuilder -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
