#!/bin/sh
# kinsync wrapper: runs a command as the first process of a container, and restarts it on request, so that new code runs without a new
# container. Needs a POSIX shell (dash, busybox, bash) and nothing else.
#
#   kinsync-wrapper COMMAND [ARGUMENT...]
#
# - Signals go on to the command, orphaned processes are reaped, and when the command ends by itself, the wrapper ends with its exit code.
# - Requests and answers are files in $KINSYNC_WRAPPER_DIR (default /tmp/.kinsync-wrapper); SIGURG wakes the wrapper up.
#   `request`: ID, `stop` or `start`, and seconds: of grace until KILL, or within which a failure of the new process counts as one of its start.
#   `answer`: ID, and the state after it. `state`: `running PROCESS`, `stopped CODE`, `failed CODE` (its start failed: waits for the next request),
#   `held 0` (not started yet), `starting 0` (no longer held).
# - $KINSYNC_WRAPPER_HOLD (default 0): seconds that the command waits, from the start of the container, for kinsync to bring the files.
# - $KINSYNC_WRAPPER_WAIT (default 120): seconds after which a stopped process starts by itself, in case that kinsync ended meanwhile.
# - $KINSYNC_WRAPPER_LINES (default 20): the last lines of standard error that are kept in `last`; 0: none.
set -u
dir=${KINSYNC_WRAPPER_DIR:-/tmp/.kinsync-wrapper}
lines=${KINSYNC_WRAPPER_LINES:-20}
hold=${KINSYNC_WRAPPER_HOLD:-0}
patience=${KINSYNC_WRAPPER_WAIT:-120}
child='' stopped='' leaving='' probation=0 started=0 group=''

[ $# -gt 0 ] || {
  echo 'kinsync-wrapper: write the command of the container after it: kinsync-wrapper python app.py' >&2
  exit 64
}
if ! (umask 077 && mkdir -p "$dir" && : >"$dir/state.new") 2>/dev/null; then
  echo "kinsync-wrapper: cannot write $dir, so that kinsync cannot restart this process; set KINSYNC_WRAPPER_DIR to a folder that the container's user can write" >&2
  exec "$@"
fi
umask_before=$(umask)
# The folder may outlast the container.
rm -f "$dir/wrapper" "$dir/state" "$dir/request" "$dir/answer" "$dir/last"
# The command gets the standard input and error of the wrapper.
exec 3<&0 4>&2

say() {
  printf '%s\n' "$2" >"$dir/$1.new" && mv -f "$dir/$1.new" "$dir/$1"
}

nap() {
  sleep 0.05 2>/dev/null || sleep 1
}

# Whether a process ignores a signal by its number: a shell lets its background processes ignore INT and QUIT.
ignores() {
  mask=$(sed -n 's/^SigIgn:.*\(........\)$/\1/p' "/proc/$1/status" 2>/dev/null)
  [ -n "$mask" ] && [ $((0x$mask >> ($2 - 1) & 1)) = 1 ]
}

# forward NAME NUMBER
forward() {
  case $1 in TERM | INT | QUIT) leaving=$((128 + $2)) ;; esac
  [ -n "$child" ] || return 0
  # Before the signal: a process that has just started may stop to ignore it at any moment.
  more=''
  case $1 in INT | QUIT) ignores "$child" "$2" && more=TERM ;; esac
  kill -s "$1" "$child" 2>/dev/null
  [ -z "$more" ] || kill -s TERM "$child" 2>/dev/null
  return 0
}
trap 'forward HUP 1' HUP
trap 'forward INT 2' INT
trap 'forward QUIT 3' QUIT
trap 'forward USR1 10' USR1
trap 'forward USR2 12' USR2
trap 'forward TERM 15' TERM
trap 'forward WINCH 28' WINCH
trap : URG

# Keeps the last lines of standard error while they pass: tail holds only these in memory.
keep_last_lines() {
  rm -f "$dir/errors" "$dir/copy" "$dir/last" "$dir/last.new"
  errors=''
  case $lines in '' | 0 | *[!0-9]*) return 0 ;; esac
  command -v tee >/dev/null && command -v tail >/dev/null && mkfifo "$dir/errors" "$dir/copy" 2>/dev/null || return 0
  errors=$dir/errors
  (
    exec 3<&- 4>&-
    tail -n "$lines" <"$dir/copy" >"$dir/last.new"
    mv -f "$dir/last.new" "$dir/last"
  ) &
  tee "$dir/copy" <"$errors" >&4 3<&- &
}

launch() {
  # From its first moment on, the process is not held.
  [ -z "$hold" ] || say state 'starting 0'
  keep_last_lines
  umask "$umask_before"
  group=''
  # Most shells let background processes ignore INT and QUIT for good: a script or Python could not handle them.
  case $1 in
  *=*) ;;
  *) env --default-signal=INT,QUIT true 2>/dev/null && set -- env --default-signal=INT,QUIT "$@" ;;
  esac
  if command -v setsid >/dev/null; then
    group=1
    set -- setsid "$@"
  fi
  if [ -n "$errors" ]; then
    # shellcheck disable=SC2094
    (trap - INT QUIT; exec "$@" <&3 2>"$errors" 3<&- 4>&-) &
  else
    (trap - INT QUIT; exec "$@" <&3 2>&4 3<&- 4>&-) &
  fi
  child=$!
  stopped='' hold=''
  umask 077
  started=$(date +%s)
  say state "running $child"
}

# Waits until the child has ended: sets `code`.
reap() {
  while :; do
    wait "$child"
    code=$?
    # A signal ended the wait.
    kill -0 "$child" 2>/dev/null && { [ -n "${1:-}" ] && return 1; continue; }
    # Some shells know the true code only now.
    wait "$child" 2>/dev/null
    again=$?
    [ "$again" = 127 ] || code=$again
    return 0
  done
}

# What the child left behind: its last lines, and processes of its group.
ended() {
  [ -z "$group" ] || kill -s KILL -- "-$child" 2>/dev/null
  child=''
  waited=0
  while [ -n "$errors" ] && [ ! -e "$dir/last" ] && [ $waited -lt 20 ]; do
    nap
    waited=$((waited + 1))
  done
}

stop() {
  [ -n "$child" ] || return 0
  kill -s TERM "$child" 2>/dev/null
  (
    exec >/dev/null 2>&1 3<&- 4>&-
    sleep "$1"
    kill -s KILL "$child"
  ) &
  killer=$!
  reap
  kill "$killer" 2>/dev/null
  ended
  stopped=1
  say state "stopped $code"
}

serve() {
  [ -f "$dir/request" ] || return 0
  read -r id what seconds <"$dir/request"
  rm -f "$dir/request"
  case $what in
  stop) stop "$seconds" ;;
  start)
    if [ -z "$child" ]; then
      probation=$seconds
      launch "$@"
    fi
    ;;
  esac
  read -r state <"$dir/state"
  say answer "$id $state"
}

umask 077
case $hold in
*[!0-9]*)
  echo "kinsync-wrapper: KINSYNC_WRAPPER_HOLD is no number of seconds: $hold; the command starts at once" >&2
  hold=''
  ;;
'' | 0) hold='' ;;
*) say state 'held 0' ;;
esac
say wrapper $$
[ -n "$hold" ] || launch "$@"
while :; do
  serve "$@"
  if [ -n "$child" ]; then
    reap once || continue
    ended
    [ -n "$leaving" ] && exit "$code"
    if [ "$code" != 0 ] && [ $(($(date +%s) - started)) -le "$probation" ] && [ "$probation" -gt 0 ]; then
      say state "failed $code"
      echo "kinsync-wrapper: the restarted process ended with exit code $code; waiting for the next change" >&2
      continue
    fi
    exit "$code"
  fi
  [ -n "$leaving" ] && exit "$leaving"
  pause=86400
  [ -z "$stopped$hold" ] || pause=${hold:-$patience}
  sleep "$pause" 3<&- 4>&- &
  sleeper=$!
  if [ ! -f "$dir/request" ] && wait "$sleeper" && [ -n "$stopped$hold" ]; then
    echo "kinsync-wrapper: kinsync did not start the process within $pause s: it starts now" >&2
    probation=0
    launch "$@"
  fi
  kill "$sleeper" 2>/dev/null
done
