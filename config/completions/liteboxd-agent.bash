# bash completion for liteboxd-agent, made by "liteboxd-agent completion bash"

_liteboxd_agent() {
  local word=${COMP_WORDS[COMP_CWORD]} option='' last='' i
  local -a operands=() places=() offered=()
  # Bash makes a word of each "=".
  for ((i = 1; i < COMP_CWORD; i++)); do
    last=${COMP_WORDS[i]}
    if [[ -n $option && $last != = ]]; then
      case $option in --config | --socket) places+=("$option" "$last") ;; esac
      option=''
    elif [[ -z $option ]]; then
      case $last in
        --since | --node | --cilium-version | --network-id | --config | --socket) option=$last ;;
        = | -*) ;;
        *) operands+=("$last") ;;
      esac
    fi
  done
  if [[ $word == = ]]; then
    last=$word
    word=''
  fi
  # A path, or the one in NAME=PATH.
  if [[ $option == --config || $option == --socket || -z $option && $last == = ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
  fi
  COMPREPLY=()
  [[ -z $option ]] || return
  case ${#operands[@]},${operands[0]-},$word in
    0,,-*) offered=(--help --version) ;;
    0,,*) offered=(run check plan apply guard teardown status events doctor reload exit render adopt completion version help) ;;
    *,run,-*) offered=(--config --socket --help) ;;
    *,check,-*) offered=(--config --socket --help) ;;
    *,plan,-*) offered=(--config --socket --help) ;;
    *,apply,-*) offered=(--config --socket --help) ;;
    *,guard,-*) offered=(--config --socket --help) ;;
    *,teardown,-*) offered=(--yes --restore-forwarding --config --socket --help) ;;
    *,status,-*) offered=(--json --watch --config --socket --help) ;;
    *,events,-*) offered=(--all --since --follow --json --config --socket --help) ;;
    *,doctor,-*) offered=(--json --config --socket --help) ;;
    *,reload,-*) offered=(--json --config --socket --help) ;;
    *,exit,-*) offered=(--keep --json --config --socket --help) ;;
    *,render,-*) offered=(--node --cilium-version --config --socket --help) ;;
    *,adopt,-*) offered=(--yes --network-id --config --socket --help) ;;
    *,completion,-*) offered=(--config --socket --help) ;;
    *,version,-*) offered=(--config --socket --help) ;;
    *,help,-*) offered=(--config --socket --help) ;;
    1,exit,*) offered=(use) ;;
    2,exit,*) mapfile -t offered < <("${COMP_WORDS[0]}" completion exits "${places[@]}" 2>/dev/null) ;;
    1,render,*) offered=(cilium-policy kustomization prometheus-rules grafana-dashboard) ;;
    1,completion,*) offered=(bash zsh fish) ;;
    1,help,*) offered=(run check plan apply guard teardown status events doctor reload exit render adopt completion version help) ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "${offered[*]}" -- "$word")
}

complete -F _liteboxd_agent liteboxd-agent
