import { SH_TOKEN } from "./sh-token.ts";

/**
 * Runs one command and tells its exit code in band. The process of an exec leads a process group (the runtime calls setsid), so
 * that "kill 0" ends the command with all that it started. A word, or the end, on the input kills. What the command leaves running
 * when it ends by itself is left alone: that is how a server is restarted.
 *
 * First says `kinsync-run TOKEN`, then waits for a line of shell that sets the arguments and `E`, the word before the exit code.
 */
export const RUN_SH = String.raw`
exec 3<&0 </dev/null
${SH_TOKEN}
group() {
  IFS= read -r b </proc/$$/stat || return
  set -- $b
  while [ $# -gt 22 ]; do case $1 in *\)) break ;; esac; shift; done
  G=$4
} 2>/dev/null
token
G=$$
group
N='
'
printf 'kinsync-run %s\n' "$I"
IFS= read -r l <&3 || exit 0
eval "$l"
k=
trap k=1 TERM
"$@" 2>&1 3<&- &
p=$!
(
  trap '' TERM
  IFS= read -r l <&3
  if [ "$G" = $$ ]; then
    kill -TERM 0
    sleep 1
    kill -KILL 0
  else
    kill -TERM $p
    sleep 1
    kill -KILL $p
  fi
) 2>/dev/null &
w=$!
wait $p
r=$?
if [ -n "$k" ]; then
  wait $p
  r=$?
fi
kill -KILL $w 2>/dev/null
printf '\n%s %s\n' "$E" $r
exit 0
`;
