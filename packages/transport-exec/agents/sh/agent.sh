# The sh agent, for dash, bash and busybox ash, with GNU or busybox tools. The protocol: docs/reference/agent-protocol.md.
# It has more than 300 lines because a container receives it as one text: it can import nothing.
#
# The program that starts it defines, in front of this text:
#   session_token  begins every line of this program; it is in no argument and no environment, so no other program knows it
#   idle_seconds   the agent ends when nobody spoke for so long
#   encodings      what the probe found that the container decompresses: gzip, or nothing
#   read_incarnation, of incarnation.sh
#
# Each request is a line of shell that calls the functions of the table at the end. The rules, all learned the hard way:
#
# - requests come on descriptor 3, answers go to descriptor 4, and every tool has /dev/null as standard input and output: one that
#   reads would eat the next request, and one that writes (a preload, a shim, a profile) would speak in the agent's name;
# - what a tool prints on standard error counts only where the tool failed: a dynamic linker or a locale may warn each time;
# - `read -r` takes a pipe byte by byte, and only `dd iflag=fullblock` takes an exact number of bytes;
# - `tar` drains its input to the end, so it never has the session's; and when it fails, the rest must be drained for it;
# - `cd -P` and `$PWD` show whether a path below the root goes over a link; what follows is relative to that folder;
# - `mv FILE... ./` renames over a link to a folder, where `mv FILE LINK` would go through it;
# - one process for a group of files, never one for each;
# - the agent waits for every process that it starts: the first process of a container need not do that, and a zombie would stay.
set -f
umask 0
exec 3<&0 4>&1 9>/dev/null </dev/null >/dev/null
newline='
'
# A newline in a quoted word of a request.
N=$newline
carriage_return=$(printf '\r')
working_directory=$PWD
unset CDPATH

# --- answers -------------------------------------------------------------------------------------------------------------

# Functions that the scripts of find need, too.
# escape TEXT: sets `escaped` to the text in one word.
SHARED_FUNCTIONS='
escape() {
  escaped= rest=$1
  while :; do
    case $rest in
      *[\\\ $special]*) ;;
      *) break ;;
    esac
    plain=${rest%%[\\\ $special]*}
    rest=${rest#"$plain"}
    case $rest in
      \\*) escaped="$escaped$plain\\\\" ;;
      \ *) escaped="$escaped$plain\\s" ;;
      "$newline"*) escaped="$escaped$plain\\n" ;;
      *) escaped="$escaped$plain\\r" ;;
    esac
    rest=${rest#?}
  done
  escaped=$escaped$rest
}
read_link() {
  target=$(readlink "$1" 2>/dev/null; printf .)
  target=${target%"$newline".}
}
'
special=$newline$carriage_return
eval "$SHARED_FUNCTIONS"

record() { printf '%s- %s\n' "$session_token" "$*" >&4; }
done_with() { printf '%s. %s %s\n' "$session_token" "$request" "$*" >&4; }
progress() { printf '%s+ %s %s\n' "$session_token" "$request" "$1" >&4; }
# note CODE PATH TEXT: something of a file could not be set that is not its content.
note() {
  escape "$2"
  note_head="$session_token~ $request $1 ${escaped:--} "
  shift 2
  printf '%s%s\n' "$note_head" "$(printf '%s ' $* | dd bs=400 count=1 2>&9)" >&4
}
# fail KIND PATH TEXT: answers the request that is being executed with a failure. TEXT as kind: only the message of a tool is known.
fail() {
  escape "$2"
  fail_head="$session_token! $request $1 ${escaped:--} "
  shift 2
  fail_text=$(printf '%s ' $*)
  # The path comes first and the reason last, so the middle may go.
  [ ${#fail_text} -le 900 ] ||
    fail_text="$(printf %s "$fail_text" | dd bs=400 count=1 2>&9) ... $(printf %s "$fail_text" | tail -c 400)"
  printf '%s%s\n' "$fail_head" "$fail_text" >&4
  return 1
}
# frame: lines of tools become records. The token comes as the first line, because every user can read the words of a command.
frame() { sed '1{h;d;};G;s/^\(.*\)\n\(.*\)$/\2- \1/' 2>&9 >&4; }
# Output of a tool without what a preload may have printed before it.
last_line() {
  last=${1##*"$newline"}
}

# --- signs of life, and the end of an agent that nobody speaks to ----------------------------------------------------------

# Helpers end by USR1, which the agent itself does not trap. TERM would be lost where it comes before a helper has its own trap: such
# a process still has the handler of the agent, which only notes the signal, and forgets the note. USR1 ends it at once. TERM comes to the whole
# group, from a later session.
# sleep_for SECONDS: sleeps in a process that is always waited for. A signal that sets `ended` ends the sleep.
sleep_for() {
  sleep $1 4>&- &
  sleeping=$!
  # The signal may have come before the line above.
  [ -z "$ended" ] || end_sleep
  while
    wait $sleeping
    [ $? -gt 128 ] && kill -0 $sleeping
  do :; done
  sleeping=
}
end_sleep() { [ -z "$sleeping" ] || kill -KILL $sleeping; }
# ticker: a line every four seconds while something goes on that reports nothing. Never between records.
ticker() {
  ended= sleeping=
  trap 'ended=1; end_sleep' USR1 TERM
  while :; do
    sleep_for 4
    [ -z "$ended" ] && kill -0 $$ || exit 0
    progress 0
  done
}
ticker_id=
begin_ticks() {
  tell_watcher HUP
  {
    exec 2>&9 3<&-
    ticker
  } &
  ticker_id=$!
}
end_ticks() {
  [ -n "$ticker_id" ] || return 0
  {
    kill -USR1 $ticker_id
    wait $ticker_id
  } 2>&9
  ticker_id=
  tell_watcher USR2
}
# watcher: ends the agent when nobody spoke for `idle_seconds`. Whether the agent read anything meanwhile is in /proc, so that a save
# costs nothing; without it, the agent lives as long as its connection. HUP: the agent is busy with something long. USR2: it no longer
# is. The watcher has neither the session's input nor its output: a stream ends with the agent, however that ends.
watcher() {
  ended= sleeping= is_busy= idle_for=0 read_before=
  trap 'is_busy=1' HUP
  trap 'is_busy= idle_for=0' USR2
  trap 'ended=1; end_sleep' USR1 TERM
  period=$(((idle_seconds + 2) / 3))
  while :; do
    sleep_for $period
    [ -z "$ended" ] && kill -0 $$ || exit 0
    [ -n "$is_busy" ] || end_if_idle
  done
}
end_if_idle() {
  IFS=' ' read -r skipped read_now </proc/$$/io || return 0
  if [ "$read_now" = "$read_before" ]; then idle_for=$((idle_for + period))
  else read_before=$read_now idle_for=0; fi
  [ $idle_for -lt $idle_seconds ] || kill -TERM $$
}
watcher_id=
start_watcher() {
  # By exec: a redirection of the function would keep a copy of what it closes.
  {
    exec 2>&9 3<&- 4>&-
    watcher
  } &
  watcher_id=$!
}
tell_watcher() { kill -$1 $watcher_id 2>&9; }

# --- places --------------------------------------------------------------------------------------------------------------

absolute() { case $1 in /*) absolute=$1 ;; *) absolute=$working_directory/$1 ;; esac; }
# folder_above PATH: without a trailing slash, so that the root of all is empty.
folder_above() {
  above=$(cd -P "$1/.." 2>&9 && printf '%s' "$PWD") || above=$(dirname "$1")
  [ "$above" != / ] || above=
}
# enter FOLDER: goes into a folder below the root. Fails where a link is on the way.
enter() {
  if [ -n "$1" ]; then wanted=$root/$1; else wanted=$root; fi
  [ -n "$wanted" ] || wanted=/
  cd -P "$wanted" 2>&9 && [ "$PWD" = "$wanted" ]
}
enter_or_fail() { enter "$1" || fail CHANGED "$1" its folder no longer exists; }
# check_writable PATH: of the working directory, which is that of PATH.
check_writable() {
  [ -w . ] && [ -x . ] && return 0
  error=$( { : >.kinsync-test; } 2>&1 ) || {
    fail TEXT "$1" "$error Permission denied"
    return
  }
  rm -f ./.kinsync-test
}
join_path() { if [ -n "$1" ]; then path=$1/$2; else path=$2; fi; }
# take_bytes LENGTH: of the session's input, to standard output: whole blocks, then the rest.
take_bytes() {
  blocks=$(($1 / 65536)) remainder=$(($1 % 65536))
  [ $blocks = 0 ] || dd bs=65536 count=$blocks iflag=fullblock 2>&9 <&3
  [ $remainder = 0 ] || dd bs=$remainder count=1 iflag=fullblock 2>&9 <&3
}
# read_marker STATE: sets `marker`. JSON in several lines becomes one.
read_marker() {
  {
    marker= line=
    while IFS= read -r line || [ -n "$line" ]; do marker="$marker $line"; done <"$1/marker"
  } 2>&9 && [ -n "$marker" ]
}
# is_kernel TYPE: of a file system that holds no files of anybody
is_kernel() {
  case $1 in
    proc|sysfs|cgroup|cgroup2|devtmpfs|devpts|mqueue|securityfs|debugfs|tracefs|bpf|configfs|pstore|efivarfs|fusectl|binfmt_misc) ;;
    *) return 1 ;;
  esac
}
# decode_point: blanks and newlines of a mount point are octal.
decode_point() {
  case $point in
    *\\*)
      point=$(printf '%s' "$point" | sed 's/\\134/\\0134/g')
      point=$(printf '%b.' "$point")
      point=${point%.}
      ;;
  esac
}
# mount_of FOLDER: sets `mount_id` to the mount that a folder without links lies in: of those that hold it the one with the longest
# path, and of equal ones the last. Empty where there is no list of mounts.
mount_of() {
  mount_id= holder=
  [ -r /proc/self/mountinfo ] || return 0
  while IFS=' ' read -r id skipped skipped skipped point skipped; do
    decode_point
    case $1/ in "${point%/}/"*) [ ${#point} -lt ${#holder} ] || holder=$point mount_id=$id ;; esac
  done </proc/self/mountinfo
}
# read_mounts COMMAND: sets `is_mount_point` for the root itself, and `system` to the reason why it cannot be a mapped root; calls the
# command with each mount point below it.
read_mounts() {
  is_mount_point= system= holder= holder_type=
  [ -r /proc/self/mountinfo ] || return 0
  while IFS=' ' read -r skipped skipped skipped skipped point mount; do
    decode_point
    case $point in
      "$real_root") is_mount_point=1 ;;
      "$root"/?*) $1 "$point" ;;
    esac
    type_of_mount=${mount#* - } type_of_mount=${type_of_mount%% *}
    if [ -n "$root" ] && [ $shape != file ] && { [ "$point" = "$root/proc" ] || [ "$point" = "$root/sys" ]; } &&
      is_kernel "$type_of_mount"; then
      system="$point is a file system of the kernel, so the folder is the root of a whole system"
    fi
    # The root lies in the mount with the longest path, and of equal ones in the last.
    case $real_root/ in "${point%/}/"*) [ ${#point} -lt ${#holder} ] || holder=$point holder_type=$type_of_mount ;; esac
  done </proc/self/mountinfo
  ! is_kernel "$holder_type" || system="it lies in $holder, a file system of the kernel"
}
report_mount() {
  escape "$1"
  record "M $escaped"
}
report_path() {
  escape "$2"
  record "$1 $escaped"
}

# --- inventory -----------------------------------------------------------------------------------------------------------

LINKS_SCRIPT='
for path do
  read_link "$path"
  escape "$target"
  printf "n %s\nt %s\n" "$path" "$escaped"
done'
# Names with a newline, each with its form of one line.
ODD_SCRIPT='
for path do
  status=$(stat -c "%f %s" "$path" 2>/dev/null) || continue
  escape "$path"
  name=$escaped
  printf "S %s %s\n" "${status##*"$newline"}" "$name"
  if [ -h "$path" ]; then
    read_link "$path"
    escape "$target"
    printf "t %s\n" "$escaped"
  elif [ -f "$path" ] && digest=$(sha256sum <"$path" 2>/dev/null); then
    digest=${digest##*"$newline"}
    printf "H %s %s\n" "${digest%% *}" "$name"
  fi
done'
# No parentheses: busybox forgets an -exec that ends in + inside of them.
ASKED_SCRIPT='
find "$@" -prune -exec stat -c "s %f %s %n" {} + -type f -exec sha256sum {} + -o -type l -exec sh -c "$FIND_LINKS" _ {} +'
TYPES_SCRIPT='
find "$@" -prune -exec stat -c "s %f %s %n" {} + -type l -exec sh -c "$FIND_LINKS" _ {} +'
FIND_PRELUDE="newline='$newline' special='$special'$SHARED_FUNCTIONS"

# Everything below the root, without what is mounted there: it belongs to others. Where no list of mounts exists, the devices of folders show them.
list_everything() {
  [ -r /proc/self/mountinfo ] || find . -xdev -name .kinsync -prune -o -type d -exec stat -c 'D %d %n' {} +
  find . -xdev -name .kinsync -prune -o -path "*$newline*" -exec sh -c "$FIND_ODD" _ {} + -o ! -name . \
    -exec stat -c 's %f %s %n' {} + -type f -exec sha256sum {} + -o -type l -exec sh -c "$FIND_LINKS" _ {} +
}

# inventory ID PATH SHAPE KEY IN-PLACE DEPTH LENGTH [NAME...]: the requested paths follow, LENGTH bytes, separated by NUL; those with
# a newline are words.
inventory() {
  request=$1
  absolute "$2"
  if cd -P "$absolute" 2>&9; then real_root=$PWD type=d
  elif [ -e "$absolute" ] || [ -h "$absolute" ]; then real_root=$absolute type=o
  else real_root=$absolute type=m; fi
  shape=$3 key=$4 in_place=$5 depth=$6 length=$7
  shift 7
  if [ "$real_root" = / ] && [ $shape != file ]; then
    take_bytes $length
    fail ROOT /
    return
  fi
  tell_watcher HUP
  report_path "r $type" "$real_root"
  root=$real_root
  [ "$root" != / ] || root=
  folder_above "$real_root"
  case $type in d) read_mounts report_mount ;; *) read_mounts : ;; esac
  if [ -n "$system" ]; then
    take_bytes $length
    fail SYSTEM "$real_root" "$system"
    return
  fi
  {
    printf '%s\n' "$session_token"
    print_state 2>&9
    if [ $type != d ]; then take_bytes $length >&9
    else print_entries "$@" 2>&9; fi
  } | frame
  tell_watcher USR2
  done_with
}
print_state() {
  for holder in "$above" "$root" $( [ $in_place = 0 ] || printf '/dev/shm /tmp' ); do
    holder=$holder/.kinsync/$key
    [ -f "$holder/marker" ] && [ ! -h "$holder/marker" ] && read_marker "$holder" || continue
    printf 'm %s\n' "$marker"
    [ ! -s "$holder/manifest" ] || sed 's/^/p/' "$holder/manifest"
    return
  done
}
# Whether the folder holds nothing but the state directory: find said nothing, neither a name nor an error, and succeeded.
is_empty() {
  [ end = "$({ find . ! -name . -prune ! -name .kinsync -print 2>&1 && echo end; } | head -n 1)" ]
}
print_entries() {
  if [ $depth != list ] && [ $length$# = 00 ]; then
    ! is_empty || echo E
    return
  fi
  FIND_LINKS=$FIND_PRELUDE$LINKS_SCRIPT FIND_ODD=$FIND_PRELUDE$ODD_SCRIPT
  export FIND_LINKS FIND_ODD
  if [ $depth = list ]; then
    list_everything
    return
  fi
  case $depth in paths) script=$ASKED_SCRIPT ;; *) script=$TYPES_SCRIPT ;; esac
  # What xargs does not take must still be taken from the session.
  [ $length = 0 ] || take_bytes $length | {
    xargs -0 sh -c "$script" _
    cat >&9
  }
  [ $# = 0 ] || eval "$ODD_SCRIPT"
}

# --- claim ---------------------------------------------------------------------------------------------------------------

# make_state HOLDER KEY
make_state() {
  for folder in "$1/.kinsync" "$1/.kinsync/$2"; do
    if [ -h "$folder" ]; then
      echo "$folder: Not a directory" >&2
      return 1
    fi
    [ -d "$folder" ] || mkdir -m 711 "$folder" || [ -d "$folder" ] || return 1
  done
  if [ -h "$1/.kinsync/$2/manifest" ]; then
    echo "$1/.kinsync/$2/manifest: Symbolic link loop" >&2
    return 1
  fi
  umask 077
  : >>"$1/.kinsync/$2/manifest"
}
device_of() {
  device=$(stat -c %d "$1" 2>&9)
  device=${device##*"$newline"}
}
# claim ID PATH SHAPE KEY IN-PLACE STAGE CLAIM OWNER REST: the last three are the marker's. Where things are is kept by the claim's
# ID: a shell reads byte by byte, so that what a save need not repeat is time.
claim() {
  request=$1
  # A stage may name this claim before it is answered, whether it succeeds or not.
  eval "state_$request="
  absolute "$2"
  shape=$3
  if [ ! -d "$absolute" ]; then
    # A folder that is made in a cgroup is a new cgroup.
    real_root=$absolute root=$absolute
    read_mounts :
    [ -z "$system" ] || {
      fail SYSTEM "$absolute" "$system"
      return
    }
    error=$(umask 022; mkdir -p -- "$absolute" 2>&1) || {
      fail TEXT "$absolute" "$error"
      return
    }
  fi
  cd -P "$absolute" 2>&9 || {
    fail EACCES "$absolute"
    return
  }
  real_root=$PWD root=$PWD
  [ "$root" != / ] || [ $3 = file ] || {
    fail ROOT /
    return
  }
  [ "$root" != / ] || root=
  read_mounts report_mount
  [ -z "$system" ] || {
    fail SYSTEM "$real_root" "$system"
    return
  }
  [ $5 = 1 ] || check_writable "$real_root" || return
  folder_above "$real_root"
  report_path 'r d' "$real_root"
  state= error=
  if [ -n "$root" ] && [ -z "$is_mount_point" ]; then
    # Beside the root only if it is the same file system: a rename must be possible.
    device_of "$root"
    root_device=$device
    device_of "$above/"
    if [ "$device" = "$root_device" ]; then
      error=$(make_state "$above" "$4" 2>&1) && state=$above/.kinsync/$4
    fi
  fi
  if [ -z "$state" ]; then error=$(make_state "$root" "$4" 2>&1) && state=$root/.kinsync/$4; fi
  if [ -z "$state" ] && [ $5 = 1 ]; then
    for holder in /dev/shm /tmp; do
      error=$(make_state $holder "$4" 2>&1) && state=$holder/.kinsync/$4 && break
    done
  fi
  [ -n "$state" ] || {
    fail TEXT "$real_root" "$error"
    return
  }
  set +f
  rm -rf "$state"/stage-* "$state"/marker-* "$state"/part-* 2>&9
  set -f
  claim_line=$7 owner_line=$8
  replace_marker "$9" || return
  eval "state_$request=\$state root_$request=\$root save_$request=\$state/\$6 claim_line_$request=\$claim_line owner_line_$request=\$owner_line"
  report_path k "$state"
  done_with
}
# use_claim ID
use_claim() {
  eval "state=\$state_$1 root=\$root_$1 claim_line=\$claim_line_$1 owner_line=\$owner_line_$1"
}
# marker_text REST: never shorter than the one before, so that it can be written over it.
marker_text() { printf '%s\n%s%-136s\n' "$claim_line" "$owner_line" "$1"; }
# replace_marker REST: a new marker in place of what is there
replace_marker() {
  umask 022
  write_new_marker "$1" || {
    rm -f "$state/marker-$request"
    write_new_marker "$1"
  } || {
    umask 0
    rm -f "$state/marker-$request"
    fail ENOSPC "$state"
    return
  }
  umask 0
  error=$(mv -f "$state/marker-$request" "$state/marker" 2>&1) || {
    rm -f "$state/marker-$request"
    fail TEXT "$state" "$error"
  }
}
# write_new_marker REST: into a file that does not exist, so never through a link of others
write_new_marker() {
  set -C
  { marker_text "$1" >"$state/marker-$request"; } 2>&9
  result=$?
  set +C
  return $result
}
# enter_own_state: goes into the state directory. True where no other user can put a link into it.
enter_own_state() { cd -P "$state" 2>&9 && [ -O . ]; }
# check_owner: is the root still this session's? The marker's first line names the claim, and is all that need be read.
check_owner() {
  marker=
  [ -f "$state/marker" ] && IFS= read -r marker <"$state/marker" || {
    fail STATE "$state" the state directory was removed in the container
    return
  }
  [ "$marker" = "$claim_line" ] || {
    read_marker "$state"
    fail TAKEN - "$marker"
  }
}
# ping ID [CLAIM]: with a claim that must still hold
ping() {
  request=$1
  if [ $# = 2 ]; then
    use_claim $2
    check_owner || return
  fi
  done_with
}

# --- stage ---------------------------------------------------------------------------------------------------------------

stage_failed= stage_folder=
use_stage() {
  request=$1 state=$2 stage_folder=$2/$3 stage_top=$2/$3/t stage_failed= suffix=
}
# fail_stage KIND PATH TEXT
fail_stage() {
  stage_failed=1
  fail "$@"
}
# find_outside CLAIM: sets `outside` to the beginning of a path on the mount of the root that no program watches together with the root,
# or to nothing. What an earlier session left there goes.
find_outside() {
  eval "outside=\${outside_$1-unknown}"
  [ "$outside" = unknown ] || return 0
  outside=
  mount_of "$root"
  root_mount=$mount_id
  for folder in /tmp /var/tmp; do
    # In a sticky folder no other user can exchange what is staged.
    [ -n "$root_mount" ] && cd -P $folder 2>&9 && [ -k . ] && [ -w . ] || continue
    case ${root%/*} in ?*) case $PWD/ in "${root%/*}/"*) continue ;; esac ;; esac
    mount_of "$PWD"
    [ "$mount_id" = "$root_mount" ] && root_inode=$(stat -c %i "$root/." 2>&9) && last_line "$root_inode" || continue
    outside=${PWD%/}/.kinsync-$last
    set +f
    rm -rf "$outside"-stage-* 2>&9
    set -f
    break
  done
  eval "outside_$1=\$outside"
}
# begin_stage ID NAME CLAIM: for an archive. tar gives files the names of the archive, and a reloader that watches a folder above the
# root would take them for sources. So they are staged elsewhere where that is possible.
begin_stage() {
  use_claim $3
  [ -n "$state" ] || {
    # The claim failed. What belongs to the stage is still read, and below a file it can be written nowhere.
    use_stage $1 /dev/null "$2"
    fail_stage UNCLAIMED -
    return
  }
  use_stage $1 "$state" "$2"
  find_outside $3
  if [ -n "$outside" ]; then
    stage_folder=$outside-$2 stage_top=$outside-$2/t
    make_stage 2>&9 && {
      eval "staged_in_${2#stage-}=\$stage_folder"
      return
    }
    rm -rf "$stage_folder" 2>&9
    use_stage $1 "$state" "$2"
  fi
  error=$(make_stage 2>&1) || fail_stage TEXT "$stage_folder" "$error"
}
# find_stage STATE NAME: sets `stage_folder` to that of a stage, which is no longer known afterwards
find_stage() {
  stage_folder=
  case $2 in
    stage-*[!A-Za-z0-9_]*) ;;
    stage-*) eval "stage_folder=\$staged_in_${2#stage-}; unset staged_in_${2#stage-}" ;;
  esac
  [ -n "$stage_folder" ] || stage_folder=$1/$2
}
make_stage() { mkdir -m 700 "$stage_folder" "$stage_top" && : >"$stage_folder/good"; }
# begin_file_stage ID STATE NAME FOLDER...: for a few files that come without an archive. Their staged names end in `suffix`: reloaders
# that watch a folder above would take a name that ends in `.py` for a change of a source.
begin_file_stage() {
  use_stage "$1" "$2" "$3"
  suffix='~'
  # mkdir -p would make the state directory anew, wherever a link on the way leads now.
  [ -f "$state/marker" ] || {
    fail_stage STATE "$state" the state directory was removed in the container
    return
  }
  shift 3
  count=$#
  for folder do set -- "$@" "$stage_top/$folder"; done
  shift $count
  umask 077
  error=$(mkdir -p -- "$@" 2>&1) || fail_stage TEXT "$stage_folder" "$error"
  umask 0
}
set_staged_mode() {
  [ $1 = - ] || error=$(chmod $1 "$2" 2>&1) || note mode "$3" "$error"
}
# stage_small_file LENGTH UMASK DIGEST MODE PATH [FILE]: one of them. A block is read whole before it is written, so a full disk eats
# no request.
stage_small_file() {
  if [ -n "$stage_failed" ]; then
    take_bytes $1
    return
  fi
  staged_file=$stage_top/$5$suffix
  [ $# = 5 ] || staged_file=$6
  umask $2
  was_opened=
  {
    was_opened=1
    [ $1 = 0 ] || error=$(dd bs=$1 count=1 iflag=fullblock <&3 2>&1 >&5)
  } 2>&9 5>"$staged_file" || {
    stage_failed=1
    if [ -z "$was_opened" ]; then
      # Where the file cannot be made, no dd ran; and what it leaves in the stream would be taken for requests.
      take_bytes $1
      error=$( { printf '' >"$staged_file"; } 2>&1 )
    fi
    umask 0
    fail TEXT "$5" "$error"
    return
  }
  umask 0
  set_staged_mode $4 "$staged_file" "$5"
  error=$(sha256sum <"$staged_file" 2>&9)
  case $error in *"$3"*) ;; *) fail_stage DIGEST "$5" ;; esac
}
# stage_blob LENGTH NAME [SIZE]: bytes that belong to the stage; with SIZE, gzip made them of so many bytes
stage_blob() {
  if [ -n "$stage_failed" ]; then
    take_bytes $1
    return
  fi
  # What the disk does not take must still be taken from the session.
  # What gzip does not read is taken, too; the word that follows makes the size wrong.
  error=$(take_bytes $1 | if [ -n "$3" ]; then gzip -dc 2>&9 || { cat >&9; echo damaged; }; else cat; fi |
    { cat 2>&1 >"$stage_folder/$2" || { cat >&9; false; }; }) || {
    fail_stage ENOSPC "$stage_folder" "$error"
    return
  }
  size=$(stat -c %s "$stage_folder/$2" 2>&9) && last_line "$size" && [ "$last" = ${3:-$1} ] && return
  if [ -n "$3" ]; then fail_stage UNZIP -; else fail_stage ENOSPC "$stage_folder" "$error"; fi
}
# answer_others: requests that overtake the batch that is being staged, until the line `g`. In a subshell: nothing that they set may
# reach the batch. Its files and its pipe are not theirs.
answer_others() {
  (
    exec >&9 5>&9 6>&9
    ticker_id= stage_folder=
    while IFS= read -r line <&3 && [ "$line" != g ]; do eval "$line"; done
  )
  # Batches among them may have reported that they are done.
  [ -z "$ticker_id" ] || tell_watcher HUP
}
# check_names FILE DIGEST: the output of sha256sum for the names in it, which a NUL ends
check_names() {
  sums=$(cd "$stage_top" && xargs -0 sha256sum <"$1" | sha256sum)
  [ -n "$2" ] && case $sums in *"$2"*) ;; *) false ;; esac
} 2>&9
# take_segments: of the archive, to standard output, and lists of what can be checked in between: that is another process's work, one
# at a time. What is bad takes "good" away; to make a file may be impossible.
take_segments() {
  checker= list=0
  while IFS=' ' read -r word size count digest <&3; do
    case $word in
      d)
        dd bs=$size count=$count iflag=fullblock 2>&9 <&3
        progress $((size * count))
        ;;
      z)
        # SIZE bytes that gzip made of COUNT bytes. What gzip does not read must still be taken from the session.
        if [ -e "$stage_folder/damaged" ]; then take_bytes $size >&9
        else
          take_bytes $size | {
            gzip -dc || {
              mv -f "$stage_folder/good" "$stage_folder/damaged"
              cat >&9
            }
          } 2>&9
        fi
        progress $count
        ;;
      h | n)
        list=$((list + 1))
        # Where COUNT is a number, gzip made the list.
        take_bytes $size | {
          case $count in '' | -) cat ;; *) gzip -dc ;; esac >"$stage_folder/list$list" || { rm -f "$stage_folder/good"; cat; }
        } >&9 2>&9
        [ -z "$checker" ] || wait $checker
        {
          if [ $word = n ]; then check_names "$stage_folder/list$list" $digest
          else cd "$stage_top" && sha256sum -c "$stage_folder/list$list"; fi || rm -f "$stage_folder/good"
        } >&9 2>&9 &
        checker=$!
        ;;
      w) answer_others ;;
      *) break ;;
    esac
  done
  [ -z "$checker" ] || wait $checker
}
# take_file_segments: of a single file, into it (6); the size of each that is there goes to its checker (5). A block is read whole
# before it is written, so a full disk eats no request.
take_file_segments() {
  is_full=
  while IFS=' ' read -r word size count <&3; do
    case $word in
      d) ;;
      w)
        answer_others
        continue
        ;;
      *) break ;;
    esac
    if [ -n "$is_full" ]; then :
    elif error=$(dd bs=$((size * count)) count=1 iflag=fullblock 2>&1 <&3 >&6); then
      progress $((size * count))
      echo $((size * count)) >&5
      continue
    else
      is_full=1
      # Room for the reason.
      : >"$staged_file"
      printf '%s\n' "$error" >"$stage_folder/why"
      progress full
      continue
    fi
    dd bs=$size count=$count iflag=fullblock 2>&9 <&3 >&9
  done
}
# reread_segments: reads again what was written, while the next segment is on its way.
reread_segments() {
  blocks_read=0
  while IFS= read -r size; do
    dd if="$staged_file" bs=65536 skip=$blocks_read count=$(((size + 65535) / 65536)) 2>&9
    blocks_read=$((blocks_read + size / 65536))
  done
}
# stage_large_file LENGTH UMASK DIGEST MODE PATH: in segments
stage_large_file() {
  if [ -n "$stage_failed" ]; then
    take_segments >&9
    return
  fi
  begin_ticks
  staged_file=$stage_top/$5$suffix
  umask $2
  error=$( { : >"$staged_file"; } 2>&1 ) || {
    stage_failed=1
    umask 0
    take_segments >&9
    fail TEXT "$5" "$error"
    return
  }
  umask 077
  : >"$stage_folder/why"
  digest=$(take_file_segments 5>&1 6>"$staged_file" | reread_segments | sha256sum 2>&9)
  umask 0
  if [ -s "$stage_folder/why" ]; then
    fail_stage TEXT "$5" "$(cat "$stage_folder/why")"
    return
  fi
  set_staged_mode $4 "$staged_file" "$5"
  # A dd that loses bytes on the way to a pipe (uutils) makes the digest of what was read again wrong, and not the file.
  case $digest in *"$3"*) return ;; esac
  digest=$(sha256sum <"$staged_file" 2>&9)
  case $digest in *"$3"*) ;; *) fail_stage DIGEST "$5" ;; esac
}
stage_archive() {
  if [ -n "$stage_failed" ]; then
    take_segments >&9
    return
  fi
  begin_ticks
  take_segments | (
    cd "$stage_top" && error=$(tar -xmof - 2>&1) && exit 0
    # Others may need the rest of the disk; and the failure is reported at once, so that no more is sent.
    rm -rf "$stage_top"
    # Of damaged bytes, gzip knows better what is wrong.
    if [ -e "$stage_folder/damaged" ]; then fail UNZIP -; else fail TEXT - "$error"; fi
    cat >&9
    exit 1
  ) || stage_failed=1
  [ -n "$stage_failed" ] || [ ! -e "$stage_folder/damaged" ] || fail_stage UNZIP -
}
# check_staged ID [DIGEST PATH]...: one by one, for names that a list cannot hold
check_staged() {
  request=$1
  shift
  while [ -z "$stage_failed" ] && [ $# != 0 ]; do
    digest=$(sha256sum <"$stage_top/$2" 2>&9)
    case $digest in *"$1"*) ;; *) fail_stage DIGEST "$2" ;; esac
    shift 2
  done
}
# end_stage ID [DIGEST PATH]...: checks what is staged; with the word "sums" by the blob "list", or by the blob "names" and a DIGEST, and by
# what was checked on the way
end_stage() {
  request=$1
  shift
  if [ -z "$stage_failed" ] && [ $# != 0 ]; then
    if [ "$1" = sums ]; then
      [ ! -e "$stage_folder/list" ] || (cd "$stage_top" && sha256sum -c "$stage_folder/list" 2>&9) || stage_failed=1
      [ ! -e "$stage_folder/names" ] || check_names "$stage_folder/names" $2 || stage_failed=1
      [ -e "$stage_folder/good" ] || stage_failed=1
    else
      (
        cd "$stage_top" && while [ $# != 0 ]; do
          printf '%s  ./%s\n' "$1" "$2"
          shift 2
        done | sha256sum -c 2>&9
      ) || stage_failed=1
    fi
    [ -z "$stage_failed" ] || fail DIGEST -
  fi
  end_ticks
  if [ -n "$stage_failed" ]; then rm -rf "$stage_folder"
  else
    eval "is_staged_$request=1\$suffix"
    done_with
  fi
}
# abort_stage ID: kinsync gave the batch up
abort_stage() {
  request=$1
  end_ticks
  [ -n "$stage_failed" ] || fail ABORTED -
  rm -rf "$stage_folder"
}
# discard ID STATE NAME CLAIM: a stage; or the part of a mapping in the state directory, which goes with its last part
discard() {
  request=$1
  find_stage "$2" "$3"
  rm -rf "$stage_folder"
  case $2 in */.kinsync)
    rmdir "$2" 2>&9
    # What a killed agent left elsewhere goes, too.
    use_claim $4
    find_outside $4
    ;;
  esac
  done_with
}

# --- commit: checks, before the first change -------------------------------------------------------------------------------

# begin_commit ID STAGE-ID CLAIM NAME [QUIET]
begin_commit() {
  request=$1 is_quiet=$5
  use_claim $3
  eval "is_staged=\$is_staged_$2; unset is_staged_$2"
  find_stage "$state" "$4"
  stage_top=$stage_folder/t suffix=${is_staged#1}
  [ -n "$is_staged" ] || {
    fail UNSTAGED -
    return
  }
  check_owner
}
run_code() { . "$stage_folder/do"; }
is_folder() { [ -d "./$1" ] && [ ! -h "./$1" ]; }
is_there() { [ -e "./$1" ] || [ -h "./$1" ]; }
enter_writable() { enter_or_fail "$1" && check_writable "$1"; }
# check_files FOLDER NAME...: files and links, which go over anything but a folder
check_files() {
  enter_writable "$1" || return
  folder=$1
  shift
  for name do
    if is_folder "$name"; then
      join_path "$folder" "$name"
      fail FOREIGN "$path" a folder is there
      return
    fi
  done
}
# check_file_in_place FOLDER NAME: into a file that is there; its folder need not be writable
check_file_in_place() {
  enter_or_fail "$1" || return
  if [ -f "./$2" ] && [ ! -h "./$2" ]; then return 0; fi
  check_files "$@"
}
# check_new_folders FOLDER NAME...: which go over a link only
check_new_folders() {
  enter_writable "$1" || return
  folder=$1
  shift
  for name do
    if [ -e "./$name" ] && [ ! -h "./$name" ]; then
      join_path "$folder" "$name"
      fail CHANGED "$path" something appeared there
      return
    fi
  done
}
# check_former_names FOLDER NAME PATH...: as for new folders. Where the file system has no case, a former name, which is deleted before,
# is the same file.
check_former_names() {
  enter_writable "$1" || return
  folder=$1 name=$2
  shift 2
  if [ ! -h "./$name" ]; then
    for former do [ ! "./$name" -ef "./${former##*/}" ] || [ -h "./${former##*/}" ] || return 0; done
  fi
  check_new_folders "$folder" "$name"
}
# check_folders_over_files FOLDER NAME...
check_folders_over_files() {
  enter_writable "$1" || return
  folder=$1
  shift
  for name do
    if is_folder "$name"; then
      join_path "$folder" "$name"
      fail CHANGED "$path" a folder appeared there
      return
    fi
  done
}
# check_emptied_folder FOLDER NAME PATH-THAT-GOES...: a folder that a file replaces may hold nothing but what goes. Entries are counted
# by a mark that no name contains.
check_emptied_folder() {
  enter_writable "$1" || return
  join_path "$1" "$2"
  emptied=$path
  is_folder "$2" || return 0
  entries=$(find "./$2//." 2>&9 | sed -n '\,//,p' | wc -l)
  last_line "$entries"
  entries=$last
  shift 2
  expected=1
  enter ''
  for removed do if is_there "$removed"; then expected=$((expected + 1)); fi; done
  [ $entries = $expected ] || fail FOREIGN "$emptied" a folder is there with what kinsync did not place
}
refuse_mount() { fail MOUNTED "$1"; }

# --- commit: the journal ---------------------------------------------------------------------------------------------------

append_to_manifest() {
  if enter_own_state && [ ! -h manifest ]; then { printf '%s' "$1" >>manifest; } 2>&9 || fail ENOSPC "$state"
  else rewrite_manifest printf '%s' "$1"; fi
}
# append_blob_to_manifest NAME: of a blob of the stage
append_blob_to_manifest() {
  if enter_own_state && [ ! -h manifest ]; then
    error=$( { cat "$stage_folder/$1" >>manifest; } 2>&1 ) || fail TEXT "$state" "$error"
  else rewrite_manifest cat "$stage_folder/$1"; fi
}
# rewrite_manifest COMMAND...: in a state directory of another user, who may put a link there at any time: what the command prints is
# appended in a new file.
rewrite_manifest() {
  rm -f "$state/manifest-$request"
  set -C
  umask 077
  error=$( {
    {
      [ ! -f "$state/manifest" ] || cat "$state/manifest"
      "$@"
    } >"$state/manifest-$request" && mv -f "$state/manifest-$request" "$state/manifest"
  } 2>&1 )
  result=$?
  set +C
  umask 0
  [ $result = 0 ] || fail TEXT "$state" "$error"
}
# A journal that grew long gives way to its short form. Where that fails, it stays long.
replace_manifest() {
  chmod 600 "$stage_folder/journal" 2>&9 && mv -f "$stage_folder/journal" "$state/manifest" 2>&9
  return 0
}

# --- commit: changes -------------------------------------------------------------------------------------------------------

# Staging took long: the modification time is that of the commit, or a build that runs meanwhile misses the change.
touch_staged() {
  error=$(find "$stage_top" ! -type l -exec touch -c {} + 2>&1) || note time - "$error"
}
# take_owner_of_folder FILE...: what is new gets the owner and group of its folder, where the user may give files away; and its setgid
# bit. The usual case, a folder that is the user's own, costs no process.
take_owner_of_folder() {
  if [ $user = 0 ]; then
    if [ -O . ] && [ -G . ] && [ ! -g . ]; then return 0; fi
  elif [ ! -g . ]; then return 0; fi
  owner=$(stat -c '%u:%g' . 2>&9) && last_line "$owner" || return 0
  [ $user = 0 ] || last=:${last#*:}
  error=$(chown -hR "$last" "$@" 2>&1) || note owner "$path" "$error"
  [ ! -g . ] || error=$(find "$@" -type d -exec chmod g+s {} + 2>&1) || note mode "$path" "$error"
}
# clear_way NAME: a link that mv would go through, or that busybox mv does not go over, goes first. A reader that follows one that leads
# nowhere finds nothing before and after. Fails where mv would go into a folder.
clear_way() {
  if is_folder "$1"; then
    error="./$1: Is a directory"
    return 1
  fi
  if [ -h "./$1" ] && { [ -d "./$1" ] || [ ! -e "./$1" ]; }; then rm -f "./$1" 2>&9; fi
  return 0
}
# move_over FILE NAME: over what has the name. With -T, mv never goes into a folder that a link leads to, however late that link comes.
over=-fT
move_over() {
  error=$(mv $over -- "$1" "./$2" 2>&1) && return
  case $over$error in -fT*option*) ;; *) return 1 ;; esac
  over=-f
  error=$(mv -f -- "$1" "./$2" 2>&1)
}
# move_in FOLDER NAME...: from the stage into the working directory
move_in() {
  path=$1
  if [ -n "$suffix" ]; then
    shift
    for name do
      clear_way "$name" && move_over "$stage_top/$path/$name$suffix" "$name" || {
        fail TEXT "$path" "$error"
        return
      }
    done
    return
  fi
  count=$#
  for name do set -- "$@" "$stage_top/$path/$name"; done
  shift $count
  # The first of the doubled words was the folder itself.
  shift
  for name do
    name=./${name##*/}
    if [ -h "$name" ] && [ ! -e "$name" ]; then rm -f "$name" 2>&9; fi
  done
  error=$(mv -f -- "$@" ./ 2>&1) || fail TEXT "$path" "$error"
}
# is_rename_refused: is `error` that of a file system that renames files only, as those over object stores do?
is_rename_refused() {
  case $error in
    *"Too many open files"*|*"No file descriptors"*|*"Function not implemented"*|*"ot supported"*) ;;
    *"Directory not empty"*|*"Invalid argument"*|*"not permitted"*) ;;
    *) return 1 ;;
  esac
}
# For each staged folder, its own before those in it: the folder is made, and its files get there one by one. Prints a line that begins
# with `!` for a failure, and with `~` for a note.
FILL_SCRIPT='
stop() {
  printf "! %s\n" "$*"
  exit 1
}
go() { cd -P "$1" 2>/dev/null && [ "$PWD" = "$1" ] || stop "$1: No such file or directory"; }
umask 022
for staged do
  place=$FILL_PLACE${staged#"$FILL_FROM"}
  go "${place%/*}"
  error=$(mkdir "./${place##*/}" 2>&1) || stop "$error"
  go "$place"
  owner=$(stat -c %u:%g "$staged" 2>/dev/null) mode=$(stat -c %a "$staged" 2>/dev/null)
  owner=${owner##*"$newline"} mode=${mode##*"$newline"}
  made=$(stat -c "%u:%g %a" . 2>/dev/null)
  made=${made##*"$newline"}
  [ "$owner" = "${made% *}" ] || error=$(chown "$owner" . 2>&1) || printf "~ owner %s\n" "$error"
  [ "$owner $mode" = "$made" ] || error=$(chmod "$mode" . 2>&1) || printf "~ mode %s\n" "$error"
  find "$staged/." ! -name . -prune ! -type d -exec sh -c "$FILL_MOVE" _ {} +
done'
FILL_MOVE='error=$(mv -f -- "$@" ./ 2>&1) || printf "! %s\n" "$error"'
# fill_folder FOLDER NAME: after the rename of a staged folder failed with `error`
fill_folder() {
  if [ ! -d "$1" ] || is_there "$2" || ! is_rename_refused; then
    fail TEXT "$path" "$error"
    return
  fi
  folder=$path
  join_path "$folder" "$2"
  note rename "$path" "$error"
  filled=$newline$(
    FILL_FROM=$1 FILL_PLACE=$PWD/$2
    export FILL_FROM FILL_PLACE FILL_SCRIPT FILL_MOVE newline
    find "$1" -type d -exec sh -c 'eval "$FILL_SCRIPT"' _ {} + 2>&9
  )
  case $filled in *"$newline! "*)
    fail TEXT "$path" "${filled#*"$newline! "}"
    return
  esac
  for kind in owner mode; do
    case $filled in *"$newline~ $kind "*) note $kind "$path" "${filled#*"$newline~ $kind "}" ;; esac
  done
  is_folder "$2" || {
    fail TEXT "$path" "$error"
    return
  }
  path=$folder
}
# move_folders_in FOLDER NAME...: from the stage into the working directory
move_folders_in() {
  path=$1
  shift
  count=$#
  for name do set -- "$@" "$stage_top/$path/$name"; done
  shift $count
  error=$(mv -f -- "$@" ./ 2>&1) && return
  reason=$error
  for staged do
    # What is no longer in the stage was renamed.
    [ -d "$staged" ] || continue
    error=$reason
    fill_folder "$staged" "${staged##*/}" || return
  done
}
# place_new FOLDER NAME...: new files and links
place_new() {
  enter_or_fail "$1" || return
  take_owner_of_staged "$@"
  move_in "$@"
}
take_owner_of_staged() {
  path=$1 count=$#
  for name do set -- "$@" "$stage_top/$path/$name$suffix"; done
  shift $count
  shift
  take_owner_of_folder "$@"
}
# Where these were not placed for seconds, a file that is older than the marker and has our user is replaced without further ado.
needs_no_care() {
  [ -n "$is_quiet" ] && [ ! "./$1" -nt "$state/marker" ] && { [ $user != 0 ] || { [ -O "./$1" ] && [ -G "./$1" ]; }; }
}
# keep_owners_and_grow_times FOLDER NAME...: files that are replaced keep their owner, and their modification time grows, also where
# they were placed a moment ago.
keep_owners_and_grow_times() {
  folder=$1
  shift
  care=
  for name do needs_no_care "$name" || care=1; done
  [ -n "$care" ] || return 0
  count=$#
  for name do set -- "$@" "./$name"; done
  shift $count
  prepare_replacements "$folder" "$(stat -c ':%Y %u %g %n' "$stage_top" "$@" 2>&9)"
}
# prepare_replacements FOLDER LINES, of which the first is the stage's. A process for all of them, or for all of one owner; and lines
# are split by the shell, since read would take them byte by byte. A line that does not begin with a colon is another program's.
prepare_replacements() {
  folder=$1 lines=$2 stage_time= latest=0 differs= owner=
  set --
  IFS=$newline
  for line in $lines; do
    split_status "$line" || continue
    if [ -z "$stage_time" ]; then
      stage_time=$time stage_owner=$file_owner
      continue
    fi
    [ $user != 0 ] || [ $file_owner = $stage_owner ] || differs=1
    [ $time -ge $((stage_time - 1)) ] || continue
    set -- "$@" "$stage_top/$folder/$name$suffix"
    [ $time -le $latest ] || latest=$time
  done
  unset IFS
  [ $# = 0 ] || error=$(touch -c -d @$((latest + 2)) "$@" 2>&1) || note time "$folder" "$error"
  [ -n "$differs" ] || return 0
  set --
  IFS=$newline
  for line in $lines; do
    split_status "$line" || continue
    [ $file_owner != $stage_owner ] || continue
    if [ "$file_owner" != "$owner" ]; then
      give_to "$owner" "$@"
      set --
      owner=$file_owner
    fi
    set -- "$@" "$stage_top/$folder/$name$suffix"
  done
  unset IFS
  give_to "$owner" "$@"
}
# split_status LINE: sets `time`, `file_owner` and `name`
split_status() {
  case $1 in :*) ;; *) return 1 ;; esac
  line=${1#:}
  time=${line%% *} line=${line#* }
  file_owner=${line%% *} line=${line#* }
  file_owner=$file_owner:${line%% *} name=${line#* }
  case $time${file_owner%:*}${file_owner#*:} in *[!0-9]*|'') return 1 ;; esac
}
# give_to OWNER FILE...
give_to() {
  [ $# -gt 1 ] || return 0
  error=$(chown "$@" 2>&1) || note owner "$folder" "$error"
}
# replace_files FOLDER NAME...: files in place of files
replace_files() {
  enter_or_fail "$1" || return
  keep_owners_and_grow_times "$@"
  move_in "$@"
}
# place_folders FOLDER NAME...: new folders, with all that is in them
place_folders() {
  enter_or_fail "$1" || return
  folder=$1
  shift
  for name do if [ -h "./$name" ] || [ -f "./$name" ]; then rm -f "./$name" 2>&9; fi; done
  take_owner_of_staged "$folder" "$@"
  move_folders_in "$folder" "$@"
}
# place_over_folder FOLDER NAME: a file or link in place of an empty folder
place_over_folder() {
  enter_or_fail "$1" || return
  if is_folder "$2"; then
    error=$(rmdir "./$2" 2>&1) || {
      fail TEXT "$1" "$error"
      return
    }
  fi
  place_new "$@"
}
# copy_in FOLDER NAME...: into another mount below the root: a copy beside the place, then the rename
copy_in() {
  enter_or_fail "$1" || return
  keep_owners_and_grow_times "$@"
  take_owner_of_new "$@"
  path=$1
  shift
  for name do
    copy_beside "$stage_top/$path/$name$suffix" || {
      rm -rf $copy
      fail TEXT "$path" "$error"
      return
    }
    error=$(place_copy 2>&1) && continue
    copied=$copy
    if is_folder $copied/0; then fill_folder "$PWD/${copied#./}/0" "$name"
    else fail TEXT "$path" "$error"; fi
    result=$?
    rm -rf $copied
    [ $result = 0 ] || return
  done
}
# copy_beside FILE: makes a folder in the working directory and in it a copy, whose name is that of no source. What a file system cannot
# keep of mode, owner and times is a note: GNU cp fails then, and busybox cp does not.
copy_beside() {
  copy=./.kinsync-$request-$$
  error=$(mkdir -m 700 $copy 2>&1) || return
  if error=$(cp -pR "$1" $copy/0 2>&1); then
    case $error in *preserv*) ;; *) return 0 ;; esac
  else
    case $error in *preserv*) ;; *) return 1 ;; esac
    unkept=$error
    rm -rf $copy/0
    error=$(cp -R "$1" $copy/0 2>&1) || return
    error=$unkept
  fi
  folder=$path
  join_path "$folder" "$name"
  case $error in
    *ownership*) note owner "$path" "$error" ;;
    *" times "*) note time "$path" "$error" ;;
    *) note mode "$path" "$error" ;;
  esac
  path=$folder
}
# What mv would go through, and what a folder cannot go over, goes first.
place_copy() {
  if is_folder "$name"; then
    if ! is_folder $copy/0; then
      echo "./$name: Is a directory" >&2
      return 1
    fi
    rmdir "./$name" || return
  elif [ -h "./$name" ] || { [ -e "./$name" ] && is_folder $copy/0; }; then rm -f "./$name" || return; fi
  mv -f $copy/0 "./$name" && rmdir $copy
}
# take_owner_of_new FOLDER NAME...: of those whose place is free
take_owner_of_new() {
  folder=$1
  shift
  for name do is_there "$name" || take_owner_of_staged "$folder" "$name"; done
}
# write_in_place FOLDER NAME: into the very file that is there
write_in_place() {
  enter_or_fail "$1" || return
  join_path "$1" "$2"
  if [ -h "./$2" ]; then
    fail CHANGED "$path" a link is there
    return
  fi
  error=$( { cat "$stage_top/$path$suffix" >"./$2"; } 2>&1 ) || fail TEXT "$path" "$error"
}
# replace_or_write FOLDER NAME: a rename, or into the very file where the rename is impossible
replace_or_write() {
  enter_or_fail "$1" || return
  keep_owners_and_grow_times "$@"
  join_path "$1" "$2"
  clear_way "$2" && move_over "$stage_top/$path$suffix" "$2" && return
  if [ -f "./$2" ] && [ -f "$stage_top/$path$suffix" ]; then write_in_place "$@"
  else fail TEXT "$path" "$error"; fi
}
# delete_files FOLDER NAME...: what is not a folder
delete_files() {
  enter "$1" || return 0
  path=$1 count=$#
  shift
  for name do
    if [ -h "./$name" ] || { [ -e "./$name" ] && [ ! -d "./$name" ]; }; then set -- "$@" "./$name"; fi
  done
  shift $((count - 1))
  [ $# = 0 ] || error=$(rm -f -- "$@" 2>&1) || fail TEXT "$path" "$error"
}
# delete_folders FOLDER NAME...: which are empty. One with content of others stays, and so does one that is a mount point.
delete_folders() {
  enter "$1" || return 0
  path=$1 count=$#
  shift
  for name do if is_folder "$name"; then set -- "$@" "./$name"; fi; done
  shift $((count - 1))
  [ $# != 0 ] || return 0
  error=$(rmdir -- "$@" 2>&1) && return
  case $error in *ermission\ denied*|*ead-only*|*not\ permitted*) fail TEXT "$path" "$error" ;; esac
}
# set_mode MODE FOLDER NAME...: a mode that cannot be set is a note
set_mode() {
  enter "$2" || return 0
  mode=$1 path=$2 count=$#
  shift 2
  for name do
    if [ -e "./$name" ] && [ ! -h "./$name" ]; then set -- "$@" "./$name"; fi
  done
  shift $((count - 2))
  [ $# != 0 ] || return 0
  if have_other_names "$@"; then
    for name do
      if have_other_names "$name"; then error=$(part_from_other_names 2>&1) || note_mode "$name"
      else error=$(chmod $mode "$name" 2>&1) || note_mode "$name"; fi
    done
    return 0
  fi
  error=$(chmod $mode "$@" 2>&1) || {
    note_mode "$1"
    return 0
  }
  # A file system with fixed modes may ignore the change without an error.
  for name do
    [ -f "$name" ] || continue
    found=$(stat -c %a "$name" 2>&9) && last_line "$found" && found=$last || return 0
    is_executable $mode && is_executable $found && return
    is_executable $mode || is_executable $found || return 0
    error='the file system ignores it'
    note_mode "$name"
    return 0
  done
}
# is_executable MODE: octal
is_executable() { case $1 in *[1357]|*[1357]?|*[1357]??) ;; *) return 1 ;; esac; }
note_mode() {
  join_path "$path" "${1#./}"
  note mode "$path" "$error"
}
# have_other_names FILE...: is one of these a file with several names?
have_other_names() {
  links=$(stat -c ':%f %h.' "$@" 2>&9)
  case $links in *:8???\ [2-9]*|*:8???\ 1[0-9]*) ;; *) return 1 ;; esac
}
# Some of these names may be outside of the root: the file gives way to a copy, and the others keep their mode.
part_from_other_names() {
  copy=./.kinsync-$request-$$
  mkdir -m 700 $copy || return
  if cp -p "$name" $copy/0 && chmod $mode $copy/0 && mv -f $copy/0 "$name"; then rmdir $copy
  else
    rm -rf $copy
    return 1
  fi
}

# end_commit REST COUNT: a run that took the root over during the commit keeps it. The marker is written over itself, in one write
# and without a process; the claim made it a file of that length, so a full disk does not matter.
end_commit() {
  check_owner || return
  if enter_own_state && [ ! -h marker ] && { marker_text "$1" 1<>marker; } 2>&9; then
    done_with $2
    return
  fi
  replace_marker "$1" && done_with $2
}
# After the answer.
end_work() {
  cd /
  end_ticks
}
# remove_stage FOLDER: what a commit left of it
remove_stage() { [ ! -e "$1" ] || rm -rf "$1"; }

# --- a save ----------------------------------------------------------------------------------------------------------------

# What people do most: a few small files, in one request that stages, checks, commits and is answered once. Each file is staged as a
# file beside the marker, so that there is no folder to make and to remove.

# begin_save ID CLAIM [QUIET]
begin_save() {
  request=$1 is_quiet=$3 stage_failed=
  use_claim $2
  eval "stage_folder=\$save_$2"
}
# save_file NUMBER LENGTH UMASK DIGEST MODE PATH: the bytes of one
save_file() { stage_small_file $2 $3 $4 $5 "$6" "$stage_folder$1"; }
# What follows changes something.
check_save() { [ -z "$stage_failed" ] && check_owner; }
# place_saved NUMBER FOLDER NAME [r]: one into its place; `r` where it goes over a file
place_saved() { enter_or_fail "$2" && place_saved_here "$@"; }
# The same in the folder itself.
place_saved_here() {
  name=$3 staged_file=$stage_folder$1 path=$2
  if [ $# = 3 ]; then take_owner_of_folder "$staged_file"
  elif ! needs_no_care "$name"; then prepare_saved "$path" "$(stat -c ':%Y %u %g -' "$staged_file" "./$name" 2>&9)"; fi
  clear_way "$name" && move_over "$staged_file" "$name" || fail TEXT "$path" "$error"
}
# prepare_saved FOLDER LINES: of the staged file, and of the file that is there
prepare_saved() {
  folder=$1 stage_time= stage_owner=
  kept_name=$name
  IFS=$newline
  set -- $2
  unset IFS
  for line do
    split_status "$line" || continue
    if [ -z "$stage_time" ]; then
      stage_time=$time stage_owner=$file_owner
      continue
    fi
    [ $user != 0 ] || [ $file_owner = $stage_owner ] || give_to $file_owner "$staged_file"
    [ $time -lt $((stage_time - 1)) ] || error=$(touch -c -d @$((time + 2)) "$staged_file" 2>&1) || note time "$folder" "$error"
  done
  name=$kept_name
}
# save_replacement ID CLAIM QUIET LENGTH UMASK DIGEST MODE FOLDER NAME SNAPSHOT TREE: one file over one that is there, which is nearly
# every save: all in one line, and as short as can be, since a shell takes as long for 250 bytes of a request as for a process.
save_replacement() {
  begin_save $1 $2 $3
  join_path "$8" "$9"
  stage_small_file $4 $5 $6 $7 "$path" "$stage_folder"1
  shift 7
  check_save && check_files "$1" "$2" && place_saved_here 1 "$1" "$2" r &&
    end_commit "\"snapshot\":$3,\"tree\":\"$4\"}" 1 || drop_save
  cd /
}
# It failed.
drop_save() { rm -f "$stage_folder"1 "$stage_folder"2 "$stage_folder"3; }
leave_folder() { cd /; }

# --- the words of requests, which are short because a shell reads them byte by byte ------------------------------------------

pg() { ping "$@"; }
in_() { inventory "$@"; }
cl() { claim "$@"; }
s0() { begin_stage "$@"; }
s1() { stage_archive; }
s3() { begin_file_stage "$@"; }
rf() { stage_small_file "$@"; }
rb() { stage_large_file "$@"; }
bl() { stage_blob "$@"; }
sv() { check_staged "$@"; }
s2() { end_stage "$@"; }
sa() { abort_stage "$@"; }
di() { discard "$@"; }
c0() { begin_commit "$@"; }
do_() { run_code; }
tk() { begin_ticks; }
pf() { check_files "$@"; }
pi() { check_file_in_place "$@"; }
pd() { check_new_folders "$@"; }
ps() { check_former_names "$@"; }
pr() { check_folders_over_files "$@"; }
px() { check_emptied_folder "$@"; }
mt() { refuse_mount "$@"; }
ja() { append_to_manifest "$@"; }
jb() { append_blob_to_manifest "$@"; }
jn() { replace_manifest; }
tt() { touch_staged; }
mn() { place_new "$@"; }
mo() { replace_files "$@"; }
md() { place_folders "$@"; }
mx() { place_over_folder "$@"; }
mc() { copy_in "$@"; }
mi() { write_in_place "$@"; }
mw() { replace_or_write "$@"; }
dx() { delete_files "$@"; }
dy() { delete_folders "$@"; }
ch() { set_mode "$@"; }
cz() { end_commit "$@"; }
cw() { end_work; }
cr() { remove_stage "$@"; }
qs() { begin_save "$@"; }
qf() { save_file "$@"; }
qc() { check_save; }
qm() { place_saved "$@"; }
qx() { drop_save; }
q1() { save_replacement "$@"; }

# --- start -----------------------------------------------------------------------------------------------------------------

read_incarnation
user=$(id -u 2>&9)
last_line "$user"
case $last in *[!0-9]*|'') user=- ;; *) user=$last ;; esac
escape "$incarnation"
incarnation=$escaped
escape "$working_directory"
printf '%s= 1 sh %s %s %s %s\n' "$session_token" "$user" "$incarnation" "$escaped" "${encodings:--}" >&4
# What was on its way when the session ended.
end_session() {
  cd /
  end_ticks
  [ -z "$stage_folder" ] || rm -rf "$stage_folder" "$stage_folder"1 "$stage_folder"2 "$stage_folder"3
  tell_watcher USR1
  wait $watcher_id
  exit 0
}
start_watcher
trap end_session TERM
while IFS= read -r line <&3; do eval "$line"; done
end_session
