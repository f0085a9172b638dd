#!/bin/sh
# kinsync in the release archive: runs it with the Node.js on the PATH. Krew and Homebrew start it through a link.
set -eu
if ! command -v node >/dev/null 2>&1; then
  echo "error KINSYNC_USAGE: kinsync needs Node.js 22.22 or newer, and there is no node on the PATH" >&2
  echo "  hint: install it from https://nodejs.org" >&2
  exit 2
fi
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname "$self")/$link ;;
  esac
done
exec node "$(dirname "$self")/node_modules/kinsync/bin/kinsync.mjs" "$@"
