import type { Io } from "../../io.ts";

/** What names are looked up. */
export type Wanted = "contexts" | "profiles" | "roles" | "workloads";

/** Milliseconds for a lookup: people wait while a shell completes. */
const LIMIT_MS = 2_000;
/** bash expands `$( )` and the like in what it is offered. */
const HARMLESS = /^[\w.:@/+-][\w.:@/=,+-]*$/;

/** The names as far as they are known within the limit; none where they cannot be read. */
export async function valuesFor(wanted: Wanted, words: readonly string[], io: Io): Promise<readonly string[]> {
  const late = AbortSignal.timeout(LIMIT_MS);
  const signal = AbortSignal.any([io.signal, late]);
  const ended = new Promise<readonly string[]>((resolve) => {
    signal.addEventListener("abort", () => resolve([]), { once: true });
  });
  const lookups = LOOKUPS[wanted].map(async (look): Promise<readonly string[]> => {
    try {
      return await Promise.race([look(words, { ...io, signal }), ended]);
    } catch {
      return [];
    }
  });
  const names = new Set((await Promise.all(lookups)).flat());
  return [...names].filter((name) => HARMLESS.test(name));
}

type Lookup = (words: readonly string[], io: Io) => Promise<readonly string[]>;

const LOOKUPS: Readonly<Record<Wanted, readonly Lookup[]>> = {
  contexts: [contexts],
  profiles: [profiles],
  roles: [rolesOfConfig, rolesOfMembers],
  workloads: [workloadsOfConfig, workloadsOfCluster],
};

/** The value of an option that was already typed: `--context prod`, `--context=prod`. */
function typed(words: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [place, word] of words.slice(0, -1).entries()) {
    const [name = "", ...value] = word.split("=");
    if (!names.includes(name)) continue;
    if (value.length > 0) return value.join("=");
    if (place + 1 < words.length - 1) return words[place + 1];
  }
  return undefined;
}

async function contexts(words: readonly string[], io: Io): Promise<readonly string[]> {
  const { listContexts } = await import("@kinsync/core/cluster");
  const kubeconfig = typed(words, "--kubeconfig");
  const list = await listContexts({ env: io.env, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  return list.contexts.map(({ name }) => name);
}

async function loadedConfig(words: readonly string[], io: Io) {
  const { loadConfig } = await import("@kinsync/core/config");
  const file = typed(words, "--config");
  const home = io.env["HOME"] ?? io.env["USERPROFILE"];
  return await loadConfig({
    cwd: io.cwd,
    signal: io.signal,
    program: import.meta.url,
    ...(file === undefined ? {} : { file }),
    ...(home === undefined ? {} : { home }),
  });
}

async function profiles(words: readonly string[], io: Io): Promise<readonly string[]> {
  const { value } = (await loadedConfig(words, io)) ?? {};
  return Object.keys((value as { readonly profiles?: object } | undefined)?.profiles ?? {});
}

async function checkedConfig(words: readonly string[], io: Io) {
  const loaded = await loadedConfig(words, io);
  if (loaded === undefined) return undefined;
  const { checkConfig } = await import("@kinsync/core/config");
  const profile = typed(words, "--profile");
  return (await checkConfig(loaded, { env: io.env, profiles: profile === undefined ? [] : [profile] })).config;
}

async function workloadsOfConfig(words: readonly string[], io: Io): Promise<readonly string[]> {
  return ((await checkedConfig(words, io))?.workloads ?? []).map(({ workload }) => workload);
}

async function rolesOfConfig(words: readonly string[], io: Io): Promise<readonly string[]> {
  const { workloads = [] } = (await checkedConfig(words, io)) ?? {};
  return workloads.flatMap(({ sync, run = [] }) => [...sync, ...run].flatMap(({ roles = [] }) => roles));
}

async function connected(words: readonly string[], io: Io) {
  const { connectCluster } = await import("@kinsync/core/cluster");
  const context = typed(words, "--context");
  const kubeconfig = typed(words, "--kubeconfig");
  const namespace = typed(words, "-n", "--namespace");
  return await connectCluster({
    env: io.env,
    signal: io.signal,
    ...(context === undefined ? {} : { context }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(namespace === undefined ? {} : { namespace }),
  });
}

async function workloadsOfCluster(words: readonly string[], io: Io): Promise<readonly string[]> {
  const [{ listWorkloads }, { builtInKinds }] = await Promise.all([
    import("@kinsync/core"),
    import("../../setup/built-in.ts"),
  ]);
  await using cluster = await connected(words, io);
  const { workloads } = await listWorkloads(cluster, builtInKinds(), {
    namespace: cluster.namespace,
    signal: io.signal,
  });
  return workloads.map(({ name }) => name);
}

/** Roles of the members of the workload that was typed. */
async function rolesOfMembers(words: readonly string[], io: Io): Promise<readonly string[]> {
  const workload = words.slice(1, -1).find((word) => /^[\w.-]+\/[\w.-]+$/.test(word));
  if (workload === undefined) return [];
  const [{ findWorkload, ReflectorPool, resolveOnce }, { builtInKinds }] = await Promise.all([
    import("@kinsync/core"),
    import("../../setup/built-in.ts"),
  ]);
  const kinds = builtInKinds();
  const { signal } = io;
  await using cluster = await connected(words, io);
  const { ref, kind } = await findWorkload(cluster, kinds, workload, { signal, namespace: cluster.namespace });
  await using reflectors = new ReflectorPool({ cluster });
  const { members } = await resolveOnce({ cluster, reflectors, ref, kind, kinds, signal });
  return members.flatMap(({ role }) => role ?? []);
}
