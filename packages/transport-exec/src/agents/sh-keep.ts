/**
 * `kp`: files that are replaced keep their owner, and their modification time grows, also where they were placed a moment ago. It
 * cuts lines apart by the shell's own means, which are written `@{l%% *}` here, since a template would take them for its own.
 */
export const SH_KEEP =
  String.raw`# What is staged for these gets their owners, and a modification time after theirs: FOLDER LINES, of which the first is the stage's.
# A process for all of them, or for all of one owner; and lines are split by the shell, since read would take them byte by byte.
kp() {
  d=$1 e=$2 n= t=0 x= o=
  set --
  IFS=$N
  for l in $e; do
    y=@{l%% *} l=@{l#* }
    a=@{l%% *} l=@{l#* }
    b=@{l%% *} f=@{l#* }
    case $y$a$b in *[!0-9]*|'') continue ;; esac
    if [ -z "$n" ]; then n=$y u=$a g=$b; continue; fi
    [ $u != 0 ] || [ $a:$b = $u:$g ] || x=1
    [ $y -ge $((n - 1)) ] || continue
    set -- "$@" "$T/$d/$f"
    [ $y -le $t ] || t=$y
  done
  [ $# = 0 ] || touch -c -d @$((t + 2)) "$@" 2>/dev/null
  set --
  [ -z "$x" ] || for l in $e; do
    l=@{l#* } a=@{l%% *} l=@{l#* }
    b=@{l%% *} f=@{l#* }
    case $a$b in *[!0-9]*|'') continue ;; esac
    [ $a:$b != $u:$g ] || continue
    [ "$a:$b" = "$o" ] || { [ $# = 0 ] || chown $o "$@" 2>/dev/null; set --; o=$a:$b; }
    set -- "$@" "$T/$d/$f"
  done
  [ $# = 0 ] || chown $o "$@" 2>/dev/null
  unset IFS
}`.replaceAll("@{", "${");
