import { execute, run } from "../harness/command.ts";

/** Debian's packages that images are made of. */
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

/** Those, and what a node needs. */
export const NODE_PACKAGES = [
  ...IMAGE_PACKAGES,
  "conntrack",
  "containerd",
  "containernetworking-plugins",
  "iproute2",
  "iptables",
  // For situations in which somebody's clock is off.
  "libfaketime",
  "openssl",
  "runc",
  "util-linux",
] as const;

export interface PackagesOptions {
  readonly names: readonly string[];
  /** Installs what is missing; else its lack is an error. */
  readonly install: boolean;
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Sees to it that Debian's packages are there.
 * @returns each package with its version: `bash 5.2.15-2+b8`
 * @throws where the machine is no Debian, or a package is missing and not to be installed.
 */
export async function ensurePackages(options: PackagesOptions): Promise<readonly string[]> {
  const { names } = options;
  const found = await installed(names, options.signal);
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) {
    const command = `apt-get install --no-install-recommends ${missing.join(" ")}`;
    if (!options.install) throw new Error(`Debian packages are missing; install them: ${command}`);
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
  let said: string;
  try {
    // Its exit code only says that some are unknown.
    said = (await execute(query, signalOf(signal))).stdout;
  } catch (cause) {
    throw new Error("images and nodes are made of Debian's packages, and there is no dpkg-query here", { cause });
  }
  const lines = said.split("\n").map((line) => line.split(" "));
  return new Map(lines.flatMap(([name = "", state, version = ""]) => (state === "installed" ? [[name, version]] : [])));
}

async function install(names: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    within: 900_000,
    ...signalOf(signal),
  };
  // Mirrors fail now and then, and a fresh machine may be installing something of its own.
  const patience = ["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"];
  await run(["apt-get", ...patience, "update"], options);
  await run(["apt-get", ...patience, "install", "--yes", "--no-install-recommends", ...names], options);
}

function signalOf(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
