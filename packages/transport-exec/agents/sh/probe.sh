# Reports what a container has, then executes the next line of its input, or starts the agent that follows. Begins every session of a
# container with a shell.
#
# The program that starts it defines, in front of this text:
#   session_token    begins every line of this program
#   memory_folder    where the container's memory limit is: /sys/fs/cgroup
#   probed_programs  whose existence is reported
#   agent_bytes      of the sh agent that follows this text, made by gzip; empty: none does
#   following_bytes  of that agent and of what follows it
#   agent_programs   what it needs
#   preferred_programs  of agents that are preferred to it
#
# Writes a line when the tests of tools begin, and a line when they end, so that kinsync measures how long this container takes to start
# tools. A tool that does something else than the agent expects is reported as unusable.
LC_ALL=C
export LC_ALL
found= unusable=
printf '%s< \n' "$session_token"

for program in $probed_programs; do
  command -v "$program" >/dev/null 2>&1 && found="$found $program"
done
# check PROGRAM RESULT EXPECTED: a preload may have printed something in front of the result.
check() {
  case "$2" in *"$3") return ;; esac
  case " $found " in *" $1 "*) unusable="$unusable $1" ;; esac
}
# dd takes an exact number of bytes, also after a newline: some versions of uutils drop what their buffer does not hold.
bytes=$(printf 'x\n%02000d' 0 | dd bs=2002 count=1 iflag=fullblock 2>/dev/null)
[ ${#bytes} -ge 2002 ] || check dd '' complete
check stat "$(stat -c 'type %F' / 2>/dev/null)" 'type directory'
check find "$(find / -prune -type d -exec stat -c 'type %F' {} + 2>/dev/null)" 'type directory'
check xargs "$(printf '/\0' | xargs -0 stat -c 'type %F' 2>/dev/null)" 'type directory'
check sha256sum "$(sha256sum </dev/null 2>/dev/null)" \
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  -'
# gzip of the letter x, since a program of that name may be anything. What it prints must be exact: it makes files.
encodings=
[ "$(printf '\037\213\010\0\0\0\0\0\0\003\253\0\0\203\026\334\214\001\0\0\0' | gzip -dc 2>/dev/null)" != x ] || encodings=gzip

# Memory of the container in bytes: the limit, what is used, and what of it is file content that the kernel can drop.
memory=
read_memory() {
  IFS= read -r limit <"$1" && [ "$limit" != max ] && IFS= read -r used <"$2" || return 1
  reclaimable=0
  while read -r name value; do
    if [ "$name" = "$4" ]; then
      reclaimable=$value
      break
    fi
  done <"$3"
  memory="$limit $used $reclaimable"
} 2>/dev/null
read_memory "$memory_folder/memory.max" "$memory_folder/memory.current" "$memory_folder/memory.stat" inactive_file ||
  read_memory "$memory_folder/memory/memory.limit_in_bytes" "$memory_folder/memory/memory.usage_in_bytes" \
    "$memory_folder/memory/memory.stat" total_inactive_file

# This process becomes the agent. Its ID and its start identify it for a later session.
process=
read_start() {
  IFS= read -r status </proc/$$/stat || return
  set -- ${status##*\) }
  shift 19 && process="$$ $1"
} 2>/dev/null
read_start

# The sh agent may follow at once. It starts where the programs of no preferred agent exist and all of its own work. Otherwise it is
# skipped; without a dd that takes an exact number of bytes this shell ends, since what follows would be read as lines of shell.
ahead=
if [ -n "$agent_bytes" ]; then
  ahead=started
  [ "$encodings" = gzip ] && [ -z "$unusable" ] || ahead=skipped
  for program in $agent_programs; do
    case " $found " in *" $program "*) ;; *) ahead=skipped ;; esac
  done
  for program in $preferred_programs; do
    case " $found " in *" $program "*) ahead=skipped ;; esac
  done
  case " $found " in *" dd "*) ;; *) ahead=ended ;; esac
  case " $unusable " in *" dd "*) ahead=ended ;; esac
fi

printf '%s? %s|%s|%s|%s|%s|%s\n' "$session_token" "${found# }" "${unusable# }" "$memory" "$process" "$encodings" "$ahead"
# shellcheck disable=SC2086 # Both are empty where nothing follows.
set -- "$ahead" $agent_bytes $following_bytes
unset session_token memory_folder probed_programs agent_bytes following_bytes agent_programs preferred_programs
unset found unusable encodings ahead program bytes memory process limit used reclaimable name value status
case $1 in
  started) eval "$(dd bs="$2" count=1 iflag=fullblock 2>/dev/null | gzip -dc)" ;;
  ended) ;;
  *)
    [ -z "$1" ] || dd bs="$3" count=1 iflag=fullblock >/dev/null 2>&1
    IFS= read -r line
    eval "$line"
    ;;
esac
