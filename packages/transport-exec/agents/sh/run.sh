# Runs one command and reports its exit code in band. The process of an exec leads a process group (the runtime calls setsid), so
# that "kill 0" ends the command with all that it started. A word, or the end, on the input ends it. What the command leaves running
# when it ends by itself is left alone: that is how a server is restarted. What this program starts itself it waits for: the first
# process of a container need not.
#
# The program that starts it defines `session_token` in front of this text. First writes `TOKEN= INCARNATION`, then waits for a line
# of shell that sets the arguments and `end_mark`, the word before the exit code.
exec 3<&0 </dev/null
# A newline in a quoted word of that line.
N='
'
read_incarnation

# Sets `process_group` to this shell's.
read_process_group() {
  process_group=$$
  IFS= read -r own </proc/$$/stat || return
  set -- $own
  while [ $# -gt 22 ]; do
    case $1 in *\)) break ;; esac
    shift
  done
  process_group=$4
} 2>/dev/null
read_process_group

printf '%s= %s\n' "$session_token" "$incarnation"
IFS= read -r line <&3 || exit 0
unset session_token
eval "$line"
was_told_to_end=
trap was_told_to_end=1 TERM
"$@" 2>&1 3<&- &
command_id=$!
(
  trap '' TERM
  IFS= read -r line <&3
  if [ "$process_group" = $$ ]; then
    kill -TERM 0
    sleep 1
    kill -KILL 0
  else
    kill -TERM $command_id
    sleep 1
    kill -KILL $command_id
  fi
) >/dev/null 2>&1 &
watcher_id=$!
wait $command_id
exit_code=$?
if [ -n "$was_told_to_end" ]; then
  wait $command_id
  exit_code=$?
fi
{
  kill -KILL $watcher_id
  wait $watcher_id
} 2>/dev/null
printf '\n%s %s\n' "$end_mark" $exit_code
exit 0
