# Lists what is below one path, and sends files of it. Writes no file. Needs find, stat, head, tail, cat, sha256sum and readlink.
#
# The program that starts it defines `session_token` in front of this text. First writes `TOKEN= INCARNATION`, then waits for a line
# of shell that sets `path`, and writes the list: entries that end with NUL, each a letter and a path relative to `path`, which is
# empty for `path` itself. d: folder, f: file, x: executable file, both with their bytes in front of the path where known, o: another type, l: link, whose target follows in an entry of its
# own, e: something could not be read. `.` ends the list, and `!REASON` ends it and the program.
#
# Then each line of four words requests a file: s (send) or c (compare only), the length of the part that the other side has, its
# SHA-256, the path. The answer is `OFFSET SIZE`, where OFFSET is the length of that part if it is the beginning of the file, else 0;
# the bytes from OFFSET to SIZE, none after c; and the SHA-256 of the file up to SIZE. Or it is `!`: not a file that can be read.
exec 3<&0 </dev/null
# A newline in a quoted word of a line.
N='
'
unset CDPATH
read_incarnation

printf '%s= %s\n' "$session_token" "$incarnation"
IFS= read -r line <&3 || exit 0
unset session_token
eval "$line"

refuse() {
  printf '!%s\000' "$1"
  exit 0
}

[ "$(printf ab | head -c 1 2>/dev/null)" = a ] || refuse "head"
[ "$(printf ab | tail -c +2 2>/dev/null)" = b ] || refuse "tail"
case $path in /*) ;; *) path=./$path ;; esac
# Lists files behind a letter, which is $0, with one `stat` for all of them. A file that has disappeared leaves all without a size.
# shellcheck disable=SC2016
list_files='if s=$(stat -c %s "$@" 2>/dev/null)
then printf "%s\n" "$s" | for p; do IFS= read -r z; printf "%s%s%s\000" "$0" "$z" "${p#.}"; done
else for p; do printf "%s%s\000" "$0" "${p#.}"; done
fi'
if [ -d "$path" ]; then
  cd "$path" 2>/dev/null || refuse denied
  find . -type d -exec sh -c 'for p; do printf "d%s\000" "${p#.}"; done' sh {} + \
    -o -type f -perm -100 -exec sh -c "$list_files" x {} + \
    -o -type f -exec sh -c "$list_files" f {} + \
    -o -type l -exec sh -c 'for p; do t=$(readlink "$p" && echo .) || continue; printf "l%s\000%s\000" "${p#.}" "${t%??}"; done' sh {} + \
    -o -exec sh -c 'for p; do printf "o%s\000" "${p#.}"; done' sh {} + 2>/dev/null || printf 'e\000'
elif [ -f "$path" ]; then
  [ -r "$path" ] || refuse denied
  if [ -x "$path" ]; then letter=x; else letter=f; fi
  printf '%s%s\000' "$letter" "$(stat -L -c %s "$path" 2>/dev/null)"
elif [ -e "$path" ]; then
  refuse type
else
  refuse missing
fi
printf '.\000'

# Sets `sum` to the SHA-256 of the first $1 bytes of `file`.
read_sum() {
  sum=$(head -c "$1" "$file" | sha256sum)
  sum=${sum%% *}
}

answer() {
  file=$path
  [ -z "$4" ] || file=./$4
  size=
  if [ -f "$file" ] && [ -r "$file" ] && { [ -z "$4" ] || [ ! -L "$file" ]; }; then
    size=$(stat -L -c %s "$file" 2>/dev/null)
  fi
  if [ -z "$size" ]; then
    echo '!'
    return
  fi
  offset=0
  if [ "$2" -gt 0 ] && [ "$2" -le "$size" ]; then
    read_sum "$2"
    [ "$sum" != "$3" ] || offset=$2
  fi
  echo "$offset $size"
  if [ "$1" = s ] && [ "$offset" -lt "$size" ]; then
    # The zeros stand for bytes of a file that has become shorter: the sum then differs.
    {
      if [ "$offset" = 0 ]; then cat "$file"; else tail -c "+$((offset + 1))" "$file"; fi
      cat /dev/zero
    } 2>/dev/null | head -c "$((size - offset))"
  fi
  if [ "$1" = c ]; then sum=-; elif [ "$offset" = 0 ] || [ "$offset" -lt "$size" ]; then read_sum "$size"; fi
  echo "$sum"
} 2>/dev/null

while IFS= read -r line <&3; do
  eval "answer $line"
done
exit 0
