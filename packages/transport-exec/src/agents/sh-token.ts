/**
 * Sets `I` to the token of the container's present run. The agent and the runner of commands both tell it, and the two are
 * compared: so there is one text of it.
 */
export const SH_TOKEN = String.raw`token() {
  if [ -r /proc/self/mountinfo ]; then
    while IFS=' ' read -r a a a r m a; do
      if [ "$m" = /dev/termination-log ]; then I=$r; return; fi
    done </proc/self/mountinfo
  fi
  I=-
  IFS= read -r a </proc/sys/kernel/random/boot_id && IFS= read -r b </proc/1/stat || return
  set -- $b
  while [ $# -gt 22 ]; do case $1 in *\)) break ;; esac; shift; done
  shift 20 && I=$a:$1
} 2>/dev/null`;
