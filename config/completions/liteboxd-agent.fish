# fish completion for liteboxd-agent, made by "liteboxd-agent completion fish"

# The command and its operands so far.
function __liteboxd_agent_operands
    set -l option
    for word in (commandline -opc)[2..]
        if set -q option[1]
            set -e option
        else if contains -- $word --since --node --cilium-version --network-id --config --socket
            set option $word
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# Whether there are so many operands, and the first is that command.
function __liteboxd_agent_at -a count command
    set -l operands (__liteboxd_agent_operands)
    test $count = any -o $count = (count $operands)
    and test -z "$command" -o "$command" = "$operands[1]"
end

function __liteboxd_agent_exits
    set -l words (commandline -opc)
    set -l places
    for i in (seq 2 (count $words))
        switch $words[$i]
            case '--config=*' '--socket=*'
                set -a places $words[$i]
            case --config --socket
                set -a places $words[$i] $words[(math $i + 1)]
        end
    end
    $words[1] completion exits $places 2>/dev/null
end

# NAME=PATH: the path of what is under way.
function __liteboxd_agent_node
    set -l halves (string split -m 1 = -- (string replace -r '^--node=' '' -- (commandline -ct)))
    and printf '%s\n' $halves[1]=(complete -C "'' $halves[2]" | string replace -r '\t.*' '')
end

complete -c liteboxd-agent -f
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -l help -d 'the overview'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -l version -d 'version, commit, kernel features found'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a run -d 'the daemon, in the foreground; what systemd starts'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a check -d 'validates a configuration; touches nothing'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a plan -d 'prints what run would change; changes nothing'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a apply -d 'one pass, then exits; refuses while a daemon runs'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a guard -d 'installs the fail-closed state alone, for early boot'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a teardown -d 'removes everything that the agent owns; needs --yes or a terminal'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a status -d 'asks the running daemon: 0 ready, 1 degraded, 2 blocked, 3 no daemon'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a events -d 'the last events: repairs, switches, refusals; --follow waits for more'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a doctor -d 'why sandboxes cannot reach the Internet, and whether anything leaks; changes nothing'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a reload -d 'takes the configuration file now'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a exit -d 'pins the traffic to one exit for maintenance, or frees it again'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a render -d 'prints a file for Cilium, Kustomize, Prometheus or Grafana'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a adopt -d 'finds what was set up by hand, prints the configuration that equals it; --yes takes over'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a completion -d 'prints what has bash, zsh or fish complete these words'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a version -d 'version, commit, kernel features found'
complete -c liteboxd-agent -n '__liteboxd_agent_at 0' -a help -d 'this page, or a command\'s: liteboxd-agent help plan'
complete -c liteboxd-agent -n '__liteboxd_agent_at any run' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any run' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any run' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any check' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any check' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any check' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any plan' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any plan' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any plan' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any apply' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any apply' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any apply' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any guard' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any guard' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any guard' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any teardown' -l yes -d 'asks nothing'
complete -c liteboxd-agent -n '__liteboxd_agent_at any teardown' -l restore-forwarding -d 'puts ip_forward back on a gateway too'
complete -c liteboxd-agent -n '__liteboxd_agent_at any teardown' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any teardown' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any teardown' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any status' -l json -d 'for programs'
complete -c liteboxd-agent -n '__liteboxd_agent_at any status' -l watch -d 'draws the page anew each second'
complete -c liteboxd-agent -n '__liteboxd_agent_at any status' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any status' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any status' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any events' -l all -d 'all that there are, 1,000 at most'
complete -c liteboxd-agent -n '__liteboxd_agent_at any events' -l since -x -d 'from then on: 10m, 2h, or 2026-11-21T09:00:00Z'
complete -c liteboxd-agent -n '__liteboxd_agent_at any events' -l follow -d 'goes on and prints what is new'
complete -c liteboxd-agent -n '__liteboxd_agent_at any events' -l json -d 'for programs'
complete -c liteboxd-agent -n '__liteboxd_agent_at any events' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any events' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any events' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any doctor' -l json -d 'for programs'
complete -c liteboxd-agent -n '__liteboxd_agent_at any doctor' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any doctor' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any doctor' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any reload' -l json -d 'for programs'
complete -c liteboxd-agent -n '__liteboxd_agent_at any reload' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any reload' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any reload' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any exit' -l keep -d 'also after a restart of the agent'
complete -c liteboxd-agent -n '__liteboxd_agent_at any exit' -l json -d 'for programs'
complete -c liteboxd-agent -n '__liteboxd_agent_at any exit' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any exit' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any exit' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at 1 exit' -a 'use'
complete -c liteboxd-agent -n '__liteboxd_agent_at 2 exit' -a '(__liteboxd_agent_exits)'
complete -c liteboxd-agent -n '__liteboxd_agent_at any render' -l node -r -a '(__liteboxd_agent_node)' -d 'a gateway\'s node, and its agent\'s configuration'
complete -c liteboxd-agent -n '__liteboxd_agent_at any render' -l cilium-version -x -d 'whose policies to write, 1.16 or newer'
complete -c liteboxd-agent -n '__liteboxd_agent_at any render' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any render' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any render' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at 1 render' -a 'cilium-policy kustomization prometheus-rules grafana-dashboard'
complete -c liteboxd-agent -n '__liteboxd_agent_at any adopt' -l yes -d 'takes over'
complete -c liteboxd-agent -n '__liteboxd_agent_at any adopt' -l network-id -x -d 'the ZeroTier network, so that ZeroTier is not asked'
complete -c liteboxd-agent -n '__liteboxd_agent_at any adopt' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any adopt' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any adopt' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any completion' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any completion' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any completion' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at 1 completion' -a 'bash zsh fish'
complete -c liteboxd-agent -n '__liteboxd_agent_at any version' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any version' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any version' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at any help' -l config -r -F -d 'the configuration, else /etc/liteboxd/agent.yaml'
complete -c liteboxd-agent -n '__liteboxd_agent_at any help' -l socket -r -F -d 'the daemon\'s socket, else the configuration\'s'
complete -c liteboxd-agent -n '__liteboxd_agent_at any help' -l help -d 'the command\'s page'
complete -c liteboxd-agent -n '__liteboxd_agent_at 1 help' -a 'run check plan apply guard teardown status events doctor reload exit render adopt completion version help'
