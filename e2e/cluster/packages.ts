import { execute, run } from "../command.ts";

/** Debian's packages that a node needs, and those that images are made of. */
export const DEBIAN_PACKAGES = [
  "bash",
  "busybox-static",
  "conntrack",
  "containerd",
  "containernetworking-plugins",
  "coreutils",
  "dash",
  "findutils",
  "gcc",
  "grep",
  "gzip",
  "iproute2",
  "iptables",
  "libc6-dev",
  "openssl",
  "perl-base",
  "python3",
  "runc",
  "sed",
  "tar",
  "util-linux",
] as const;

export interface PackagesOptions {
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
  const found = await installed(options.signal);
  const missing = DEBIAN_PACKAGES.filter((name) => !found.has(name));
  if (missing.length > 0) {
    const command = `apt-get install --no-install-recommends ${missing.join(" ")}`;
    if (!options.install) throw new Error(`Debian packages are missing; install them: ${command}`);
    options.report(`installing Debian packages: ${missing.join(" ")}`);
    await install(missing, options.signal);
    return ensurePackages({ ...options, install: false });
  }
  return DEBIAN_PACKAGES.map((name) => `${name} ${found.get(name)}`);
}

async function installed(signal: AbortSignal | undefined): Promise<ReadonlyMap<string, string>> {
  const format = "${Package} ${db:Status-Status} ${Version}\n";
  const query = ["dpkg-query", "--show", `--showformat=${format}`, ...DEBIAN_PACKAGES];
  let said: string;
  try {
    // Its exit code only says that some are unknown.
    said = (await execute(query, signalOf(signal))).stdout;
  } catch (cause) {
    throw new Error("the cluster is made of Debian's packages, and there is no dpkg-query here", { cause });
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
  await run(["apt-get", "update"], options);
  await run(["apt-get", "install", "--yes", "--no-install-recommends", ...names], options);
}

function signalOf(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
