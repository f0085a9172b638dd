import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { execute, run } from "../harness/command.ts";

/** Folders of the cluster's programs. */
export interface Programs {
  /** Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet and kubectl. */
  readonly kubernetes: string;
  /** Folder with the program jobset, jobset-crd.yaml and jobset-webhooks.yaml. */
  readonly jobset: string;
}

export interface BuildOptions {
  readonly cache: string;
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal;
}

type Module = keyof Programs;

/** Go 1.21 and newer download the version that a module requires. */
const MIN_GO_MINOR = 21;

const MODULES = join(import.meta.dirname, "go");

/**
 * Builds the programs with Go, once for each content of the module files: takes minutes unless they are cached.
 * @throws if Go is missing, or a build fails
 */
export async function ensurePrograms(options: BuildOptions): Promise<Programs> {
  // One after the other: each build uses all processors.
  const kubernetes = await ensure("kubernetes", options);
  const jobset = await ensure("jobset", options);
  return { kubernetes, jobset };
}

async function ensure(name: Module, { cache, report, signal }: BuildOptions): Promise<string> {
  const source = join(MODULES, name);
  const mod = await readFile(join(source, "go.mod"), "utf8");
  const key = createHash("sha256")
    .update(mod)
    .update(await readFile(join(source, "go.sum")));
  const folder = join(cache, `${name}-${key.digest("hex").slice(0, 12)}`);
  if (await exists(folder)) return folder;

  const unfinished = `${folder}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    const go = await findGo();
    const start = performance.now();
    report(`building ${name} (minutes the first time): ${folder}`);
    const build = async (args: readonly string[]) => {
      const env = { ...process.env, GOFLAGS: "", GOWORK: "off" };
      return run([go, ...args], {
        cwd: source,
        env,
        timeoutMs: 3_600_000,
        ...(signal === undefined ? {} : { signal }),
      });
    };
    await (name === "kubernetes" ? buildKubernetes(build, unfinished, mod) : buildJobSet(build, unfinished));
    await rename(unfinished, folder).catch(async (error: unknown) => {
      // Another process was faster.
      if (!(await exists(folder))) throw error;
    });
    report(`built ${name} in ${Math.round((performance.now() - start) / 1000)} s`);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

type Build = (args: readonly string[]) => Promise<string>;

async function buildKubernetes(go: Build, folder: string, mod: string): Promise<void> {
  const version = /^\tk8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)\b/m.exec(mod);
  if (version === null) throw new Error("go.mod of kubernetes does not require a version of k8s.io/kubernetes");
  const [, full, major, minor] = version;
  // The API server compares its own version with that of its features, and panics without one.
  const set = (name: string, value: string | undefined) => `-X k8s.io/component-base/version.${name}=${value}`;
  const flags = ["-s", "-w", set("gitVersion", full), set("gitMajor", major), set("gitMinor", minor)].join(" ");
  const commands = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl"];
  const packages = commands.map((command) => `k8s.io/kubernetes/cmd/${command}`);
  await go(["build", "-ldflags", flags, "-o", `${folder}/`, ...packages]);
  await go(["build", "-ldflags", "-s -w", "-o", join(folder, "etcd"), "go.etcd.io/etcd/server/v3"]);
}

async function buildJobSet(go: Build, folder: string): Promise<void> {
  await go(["build", "-ldflags", "-s -w", "-o", join(folder, "jobset"), "sigs.k8s.io/jobset"]);
  const module = (await go(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/jobset"])).trim();
  const components = join(module, "config/components");
  const manifests = {
    "jobset-crd.yaml": join(components, "crd/bases/jobset.x-k8s.io_jobsets.yaml"),
    "jobset-webhooks.yaml": join(components, "webhook/manifests.yaml"),
  };
  for (const [name, path] of Object.entries(manifests)) {
    await copyFile(path, join(folder, name));
    await chmod(join(folder, name), 0o644);
  }
}

async function findGo(): Promise<string> {
  for (const go of ["go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"]) {
    const { code, stdout } = await execute([go, "env", "GOVERSION"]).catch(() => ({ code: 127, stdout: "" }));
    const minor = /^go1\.(\d+)/.exec(stdout)?.[1];
    if (code === 0 && Number(minor) >= MIN_GO_MINOR) return go;
  }
  throw new Error(
    `Kubernetes is built from source. Install Go 1.${MIN_GO_MINOR} or newer in PATH (https://go.dev/dl, or golang-go of Debian 13).`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
