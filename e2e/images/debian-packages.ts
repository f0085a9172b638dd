import { execute, run } from "../harness/command.ts";

/** Debian packages that the images are built from. */
export const IMAGE_PACKAGES = [
  "bash",
  "busybox-static",
  "coreutils",
  "dash",
  "findutils",
  "gcc",
  "grep",
  "gzip",
  "libc6-dev",
  "perl",
  "perl-base",
  "python3",
  "sed",
  "tar",
] as const;

/** Those, and the packages that a node requires. */
export const NODE_PACKAGES = [
  ...IMAGE_PACKAGES,
  "conntrack",
  "containerd",
  "containernetworking-plugins",
  "iproute2",
  "iptables",
  // For situations with a shifted clock.
  "libfaketime",
  "openssl",
  "runc",
  "util-linux",
] as const;

export interface PackagesOptions {
  readonly names: readonly string[];
  /** Installs missing packages; otherwise a missing package is an error. */
  readonly install: boolean;
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Ensures that Debian packages are installed.
 * @returns each package with its version: `bash 5.2.15-2+b8`
 * @throws if the machine is not a Debian, or a package is missing and `install` is false
 */
export async function ensurePackages(options: PackagesOptions): Promise<readonly string[]> {
  const { names } = options;
  const found = await installed(names, options.signal);
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) {
    const command = `apt-get install --no-install-recommends ${missing.join(" ")}`;
    if (!options.install) throw new Error(`Debian packages are missing. Install them: \`${command}\``);
    options.report(`installing Debian packages: ${missing.join(" ")}`);
    await install(missing, options.signal);
    return ensurePackages({ ...options, install: false });
  }
  return names.map((name) => `${name} ${found.get(name)}`);
}

async function installed(
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const format = "${Package} ${db:Status-Status} ${Version}\n";
  const query = ["dpkg-query", "--show", `--showformat=${format}`, ...names];
  let stdout: string;
  try {
    // Its exit code only means that some packages are unknown.
    ({ stdout } = await execute(query, signalOf(signal)));
  } catch (cause) {
    throw new Error("images and nodes are built from Debian packages, but this machine has no dpkg-query", { cause });
  }
  const lines = stdout.split("\n").map((line) => line.split(" "));
  return new Map(lines.flatMap(([name = "", state, version = ""]) => (state === "installed" ? [[name, version]] : [])));
}

async function install(names: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeoutMs: 900_000,
    ...signalOf(signal),
  };
  // Mirrors fail now and then, and another installation may hold the lock on a fresh machine.
  const retries = ["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"];
  await run(["apt-get", ...retries, "update"], options);
  await run(["apt-get", ...retries, "install", "--yes", "--no-install-recommends", ...names], options);
}

function signalOf(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
