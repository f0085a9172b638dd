# Asks the wrapper of this container to stop or to start its process. Arguments: `stop SECONDS` until KILL, or `start SECONDS` within which
# an end of the new process is a failure. `held` only asks: it ends with 0 if the wrapper holds the process since the start of the container, with
# 1 if it does not, and with 2 if no wrapper runs.
what=$1 seconds=${2:-0}
dir=${KINSYNC_WRAPPER_DIR:-/tmp/.kinsync-wrapper}

fail() {
  echo "$1" >&2
  exit 96
}

nap() {
  sleep 0.05 2>/dev/null || sleep 1
}

now() {
  date +%s
}

runs() {
  [ -r "$dir/wrapper" ] && read -r wrapper <"$dir/wrapper" && kill -0 "$wrapper" 2>/dev/null
}

if [ "$what" = held ]; then
  if runs && [ -r "$dir/state" ] && read -r state code <"$dir/state"; then
    [ "$state" = held ]
    exit
  fi
  exit 2
fi

runs ||
  fail "the process was not restarted: no kinsync wrapper runs in this container. Start its command by the output of \`kinsync wrapper\`, or set \`restart.signal\`."

id=$$.$(now)
{ printf '%s\n' "$id $what $seconds" >"$dir/request.$$" && mv -f "$dir/request.$$" "$dir/request"; } ||
  fail "the process was not restarted: $dir cannot be written by the user of this container."

limit=$(($(now) + seconds + 10))
until { read -r answered state code <"$dir/answer"; } 2>/dev/null && [ "$answered" = "$id" ]; do
  kill -0 "$wrapper" 2>/dev/null || fail "the process was not restarted: the wrapper ended meanwhile."
  [ "$(now)" -le $limit ] || fail "the wrapper did not answer within $((seconds + 10)) s."
  kill -s URG "$wrapper" 2>/dev/null
  nap
done

if [ "$what" = stop ]; then
  if [ "$state" = held ]; then
    echo "not started yet"
    exit 0
  fi
  echo "$state: exit code $code"
  cat "$dir/last" 2>/dev/null
  exit 0
fi

process=$code
limit=$(($(now) + seconds))
while [ "$(now)" -le $limit ] && [ "$state" = running ]; do
  nap
  kill -0 "$wrapper" 2>/dev/null || fail "the new process ended, and the container with it."
  read -r state code <"$dir/state"
  [ "$seconds" = 0 ] && break
done
if [ "$state" = running ]; then
  echo "started process $process"
  exit 0
fi
cat "$dir/last" 2>/dev/null
[ "$code" = 0 ] && exit 1
exit "$code"
