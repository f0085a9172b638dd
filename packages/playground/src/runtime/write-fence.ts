// Keeps the processes of an unconfined container from writing outside of the container's folder.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A fence is a program that restricts itself and then becomes the container's command: same PID, same files, same environment.
 * Processes that the command starts inherit the restriction. A write elsewhere fails with "permission denied".
 *
 * The fence covers creating, changing, renaming and removing files. It covers neither reading nor the network; on Linux it
 * does not cover modes, owners and times of files either (Landlock has no rights for them).
 */
export interface WriteFence {
  readonly kind: "landlock" | "sandbox-exec";
  /**
   * @param writable - absolute paths of files and folders that the command can write to; missing ones are skipped.
   * @returns the command line to start instead of `command`.
   */
  wrap(command: readonly string[], writable: readonly string[]): Promise<string[]>;
}

const PROBE_TIMEOUT_MS = 10_000;
/** Devices that programs write to, and shared memory. */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm"].map(
  (name) => `/dev/${name}`,
);

/**
 * Restricts itself by Landlock (Linux 5.19 or newer: earlier versions refuse to rename from one folder to another).
 * Arguments: the number of `prctl`, the number of writable paths, these paths, the command.
 */
const LANDLOCK_PROGRAM = String.raw`
sub failed { print STDERR "cannot restrict writing: $_[0]: $!\n"; exit 126 }
my ($prctl, $count) = splice @ARGV, 0, 2;
my @writable = splice @ARGV, 0, $count;
my $version = syscall 444, 0, 0, 1;
failed("Landlock version $version") if $version < 2;
# Writing to a file, and truncating it (version 3); for a folder also making, removing and renaming what is in it.
my $file = $version < 3 ? 0x2 : 0x4002;
my $folder = $file | 0x3ff0;
my $handled = pack "Q", $folder;
my $ruleset = syscall 444, $handled, 8, 0;
failed("ruleset") if $ruleset < 0;
for my $path (@writable) {
  sysopen my $handle, $path, 0x200000 or next; # O_PATH
  my $rule = pack "Ql", -d $path ? $folder : $file, fileno $handle;
  failed($path) if syscall(445, $ruleset, 1, $rule, 0) < 0;
}
failed("no new privileges") if syscall($prctl, 38, 1, 0, 0, 0) < 0;
failed("restrict") if syscall(446, $ruleset, 0) < 0;
delete $ENV{PERL_BADLANG};
exec { $ARGV[0] } @ARGV or exit 126;
`;

/** System call number of `prctl` by processor; Landlock's own are the same on all of them. */
const PRCTL: Readonly<Record<string, number>> = { x64: 157, arm64: 167, riscv64: 167, loong64: 167 };

let found: Promise<WriteFence | undefined> | undefined;

/** Finds the fence that works on this machine, tried once per process. @returns `undefined` if none works. */
export function findWriteFence(): Promise<WriteFence | undefined> {
  found ??= firstThatHolds([landlock(), sandboxExec()]);
  return found;
}

async function firstThatHolds(candidates: readonly (WriteFence | undefined)[]): Promise<WriteFence | undefined> {
  for (const fence of candidates) if (fence !== undefined && (await holds(fence))) return fence;
  return undefined;
}

function landlock(): WriteFence | undefined {
  const prctl = PRCTL[process.arch];
  const perl = ["/usr/bin/perl", "/bin/perl", "/usr/local/bin/perl"].find((path) => existsSync(path));
  if (process.platform !== "linux" || prctl === undefined || perl === undefined) return undefined;
  return {
    kind: "landlock",
    wrap(command, writable) {
      const paths = [...DEVICES, ...writable];
      return Promise.resolve([perl, "-e", LANDLOCK_PROGRAM, "--", `${prctl}`, `${paths.length}`, ...paths, ...command]);
    },
  };
}

function sandboxExec(): WriteFence | undefined {
  const program = "/usr/bin/sandbox-exec";
  if (process.platform !== "darwin" || !existsSync(program)) return undefined;
  return {
    kind: "sandbox-exec",
    async wrap(command, writable) {
      const parameters: string[] = [];
      const rules = ['(subpath "/dev")'];
      for (const path of writable) {
        // The sandbox compares real paths; the folder for temporary files is behind a link.
        const real = await realpath(path).catch(() => undefined);
        if (real === undefined) continue;
        const name = `P${rules.length}`;
        parameters.push("-D", `${name}=${real}`);
        rules.push(`(subpath (param "${name}"))`);
      }
      const profile = `(version 1)(allow default)(deny file-write*)(allow file-write* ${rules.join(" ")})`;
      return [program, ...parameters, "-p", profile, ...command];
    },
  };
}

/** Tries a fence: writing and renaming inside of a folder works, and writing beside it does not. */
async function holds(fence: WriteFence): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "playground-fence-"));
  try {
    const [inside, outside] = [join(folder, "inside"), join(folder, "outside")];
    await mkdir(inside);
    await mkdir(outside);
    const script = 'cd "$1" && echo x >f && mkdir d && mv f d/g && ! { echo x >"$2/f"; } 2>/dev/null';
    const [program = "", ...args] = await fence.wrap(["/bin/sh", "-c", script, "sh", inside, outside], [inside]);
    return await new Promise((resolve) => {
      execFile(program, args, { timeout: PROBE_TIMEOUT_MS }, (error) => {
        resolve(error === null && existsSync(join(inside, "d/g")) && !existsSync(join(outside, "f")));
      });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
