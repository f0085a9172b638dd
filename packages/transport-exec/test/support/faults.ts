import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Make } from "./containers.ts";

/** How a test double replaces calls of the file system, in each kind of agent. */
export interface Doubles {
  /** Text of a shell script by the name of the tool. `"$@"` are its arguments; it ends with the real tool if it does not exit. */
  readonly sh: Readonly<Record<string, string>>;
  /** Python that runs before the agent. */
  readonly python3: string;
  /** JavaScript that runs before the agent. */
  readonly node: string;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`;

/** A container whose agent meets test doubles instead of a file system of that sort. */
export function withDoubles(make: Make, doubles: Doubles): Make {
  if (make.runtime === "sh") {
    // Functions of the agent's shell, since that of busybox prefers its own tools to those of PATH.
    const tools = Object.entries(doubles.sh).map(([name, text]) => `${name}() (\n${text}\ncommand ${name} "$@"\n)\n`);
    const start = `exec ${make.shell.join(" ")} "$1" ${quoted(tools.join(""))}"$2"`;
    return { ...make, shell: ["/bin/sh", "-c", start, "_"] };
  }
  const { runtime } = make;
  return {
    ...make,
    path: (folder) => {
      const inner = make.path(folder);
      const bin = join(folder, "doubles");
      mkdirSync(bin);
      // The last argument of an interpreter is the program that reads the agent.
      const others = runtime === "python3" ? '"$1" "$2" "$3"' : '"$1"';
      const last = runtime === "python3" ? '"$4"' : '"$2"';
      const text = `#!/bin/sh\nPATH=${inner} exec ${runtime} ${others} ${quoted(doubles[runtime])}${last}\n`;
      writeFileSync(join(bin, runtime), text, { mode: 0o755 });
      return `${bin}:${inner}`;
    },
  };
}

/** Messages of the C library by errno. */
const TEXTS = {
  EMFILE: "Too many open files",
  ENOSYS: "Function not implemented",
  ENOTSUP: "Operation not supported",
  ENOTEMPTY: "Directory not empty",
} as const;

/** Reasons for which file systems refuse to rename a folder. */
export const RENAME_REFUSALS = Object.keys(TEXTS);

const CASES = Object.entries(TEXTS)
  .map(([code, text]) => `*/${code}) text='${text}' ;;`)
  .join(" ");

/** No folder can be renamed. A folder that is named as one of `RENAME_REFUSALS` fails with that error, any other with EMFILE. */
export const NO_FOLDER_RENAME: Doubles = {
  sh: {
    mv: `for each do last=$each; done
for each do
  if [ "$each" != "$last" ] && [ -d "$each" ] && [ ! -h "$each" ]; then
    case $each in ${CASES} *) text='${TEXTS.EMFILE}' ;; esac
    echo "mv: cannot move '$each' to '$last': $text" >&2
    exit 1
  fi
done`,
  },
  python3: `
import errno, os, stat
real_rename = os.rename
def rename(source, target, src_dir_fd=None, dst_dir_fd=None):
    if stat.S_ISDIR(os.stat(source, dir_fd=src_dir_fd, follow_symlinks=False).st_mode):
        code = getattr(errno, os.fsdecode(os.path.basename(source)), errno.EMFILE)
        raise OSError(code, os.strerror(code))
    real_rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
os.rename = rename
`,
  node: `
{
  const fs = require("fs"), rename = fs.renameSync;
  fs.renameSync = (source, target) => {
    if (!fs.lstatSync(source).isDirectory()) return rename(source, target);
    const name = String(source).replace(/.*[/]/, "");
    const code = ${JSON.stringify(Object.keys(TEXTS))}.includes(name) ? name : "EMFILE";
    throw Object.assign(new Error(code + ": no rename, rename"), { code, syscall: "rename" });
  };
}
`,
};

/** Modes are fixed: a change succeeds and does nothing. */
export const FIXED_MODES: Doubles = {
  sh: { chmod: "exit 0" },
  python3: `
import os
os.chmod = os.fchmod = lambda *_, **__: None
`,
  node: `
require("fs").chmodSync = require("fs").fchmodSync = () => {};
`,
};
