# Part of the agent.
#
# Ends agents that earlier sessions of the same run left in the container. `former_agents`, which the program that starts it defines,
# has three words for each: the ID of its process, when that started, and a signal. The start shows whether it is still that process.
end_former_agent() {
  IFS= read -r status <"/proc/$1/stat" || return 0
  # The fields after the name of the process, which may hold blanks: the start is the 20th.
  # shellcheck disable=SC2086 # These are words.
  set -- "$@" ${status##*\) }
  [ "${23}" != "$2" ] || kill -s "$3" -- "-$1" || kill -s "$3" "$1"
} 2>/dev/null
# shellcheck disable=SC2086 # These are words.
set -- $former_agents
while [ $# -gt 2 ]; do
  end_former_agent "$1" "$2" "$3"
  shift 3
done
unset former_agents status
