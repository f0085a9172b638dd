# Sends a signal to one process. Arguments: the signal, then `process NAME`, `file PATH`, or nothing for process 1.
signal=$1 how=${2:-first} what=${3:-}

fail() {
  echo "$1" >&2
  exit 96
}

# named ID: whether this process has the name.
named() {
  read -r comm <"/proc/$1/comm" && [ "$comm" = "$what" ]
}

# runs ID: whether its program, or the script that its program interprets, has the name.
runs() {
  words=$(tr '\0' '\n' <"/proc/$1/cmdline" | sed -n '1,2s|.*/||p;1,2{/\//!p}')
  case "
$words
" in *"
$what
"*) return 0 ;; esac
  return 1
}

case $how in
first) ids=1 ;;
file)
  [ -r "$what" ] || fail "no process was signaled: $what is missing or cannot be read. Let the process write its ID there, or name another \`pidFile\`."
  read -r ids <"$what"
  case $ids in '' | *[!0-9]*) fail "no process was signaled: $what does not begin with the ID of a process." ;; esac
  ;;
*)
  [ -r /proc/self/comm ] || fail "no process was signaled: this container has no readable /proc. Use \`pidFile\` in place of \`process\`."
  ids=
  for test in named runs; do
    for folder in /proc/[0-9]*; do
      id=${folder#/proc/}
      [ "$id" = $$ ] || [ "$id" = $PPID ] || { $test "$id" 2>/dev/null && ids="$ids $id"; }
    done
    [ -z "$ids" ] || break
  done
  [ -n "$ids" ] || fail "no process was signaled: no process $what runs in this container. Check \`process\` with \`ps\`, or use \`pidFile\`."
  ;;
esac

# The first process of a container gets only signals that it handles.
handles() {
  mask=$(sed -n 's/^SigCgt:.*\(........\)$/\1/p' "/proc/$1/status" 2>/dev/null)
  [ -n "$mask" ] || return 0
  number=1
  until [ "$(kill -l $number 2>/dev/null)" = "$2" ]; do
    number=$((number + 1))
    [ $number -le 31 ] || return 0
  done
  [ $((0x$mask >> (number - 1) & 1)) = 1 ]
}

for id in $ids; do
  if [ "$id" = 1 ] && [ "$signal" != KILL ] && [ "$signal" != STOP ] && ! handles 1 "$signal"; then
    fail "process 1 does not handle $signal, so that the kernel drops it. Handle it in the program, name another \`process\`, or start the program by \`kinsync wrapper\` and leave out \`signal\`."
  fi
  kill -s "$signal" "$id" || fail "process $id did not get $signal: it belongs to another user, has ended, or the shell does not know the signal."
  echo "sent $signal to process $id"
done
