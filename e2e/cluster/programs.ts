import { createHash } from "node:crypto";
import { chmod, copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedBuild } from "./cached-build.ts";
import type { BuildOptions } from "./cached-build.ts";

/** Folders of the cluster's programs. */
export interface Programs {
  /** Folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet and kubectl. */
  readonly kubernetes: string;
  /** Folder with the program jobset, jobset-crd.yaml and jobset-webhooks.yaml. */
  readonly jobset: string;
}

type Module = keyof Programs;

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

async function ensure(name: Module, options: BuildOptions): Promise<string> {
  const source = join(MODULES, name);
  const mod = await readFile(join(source, "go.mod"), "utf8");
  const key = createHash("sha256")
    .update(mod)
    .update(await readFile(join(source, "go.sum")));
  return cachedBuild(`${name}-${key.digest("hex").slice(0, 12)}`, options, async (go, folder) => {
    const build = (args: readonly string[]) => go(args, source);
    await (name === "kubernetes" ? buildKubernetes(build, folder, mod) : buildJobSet(build, folder));
  });
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
