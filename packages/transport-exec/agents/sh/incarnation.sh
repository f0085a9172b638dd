# Part of the agent and of the runner of commands, whose answers are compared.
#
# Sets `incarnation`, which changes with every start of the container: its termination log, or the start of its first process since
# the boot. `-` where there is no /proc.
read_incarnation() {
  if [ -r /proc/self/mountinfo ]; then
    while IFS=' ' read -r skipped skipped skipped source point skipped; do
      if [ "$point" = /dev/termination-log ]; then
        incarnation=$source
        return
      fi
    done </proc/self/mountinfo
  fi
  incarnation=-
  IFS= read -r boot </proc/sys/kernel/random/boot_id && IFS= read -r first </proc/1/stat || return
  # The name of the process may hold blanks and parentheses: the fields after it are counted from the end.
  set -- $first
  while [ $# -gt 22 ]; do
    case $1 in *\)) break ;; esac
    shift
  done
  shift 20 && incarnation=$boot:$1
} 2>/dev/null
