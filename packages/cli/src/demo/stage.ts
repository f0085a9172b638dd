import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { EngineEvent } from "@kinsync/core";
import { openProject } from "@kinsync/core/project";
import { jobset } from "@kinsync/kind-jobset";
import { createPlayground } from "@kinsync/playground";
import type { Playground } from "@kinsync/playground";
import { exec } from "@kinsync/transport-exec";
import { CONFIG_FILE, NAMESPACE, trainManifest, WORKLOAD } from "./manifest.ts";
import type { OwnedPodName, Owner } from "./newest-owner.ts";
import { createSignpost } from "./waiting.ts";
import type { Signpost } from "./waiting.ts";

/** A pod of the demo, as the embedded cluster stores it. */
export interface DemoPod extends OwnedPodName {
  readonly uid: string;
  readonly role: string;
}

/** The embedded cluster with the training run on it, and a running engine. Everything is gone when it is disposed. */
export interface Stage extends AsyncDisposable {
  readonly playground: Playground;
  readonly signpost: Signpost;
  /** Folder with the local files. */
  readonly folder: string;
  readonly confined: boolean;
  /** Starts `kinsync up`; it runs until the stage is disposed. */
  startSync(onEvent: (event: EngineEvent) => void): Promise<void>;
  save(content: string): Promise<void>;
  pods(): readonly DemoPod[];
  jobs(): readonly Owner[];
  /** What a container holds, read from outside of it. */
  configIn(pod: string): Promise<string | undefined>;
  /** What the process in a container said so far. */
  logOf(pod: string): Promise<string>;
  containerIdOf(pod: string): string | undefined;
}

export async function createStage(signal: AbortSignal): Promise<Stage> {
  // (`AsyncDisposableStack` is not in every Node that is supported.)
  const ends: (() => unknown)[] = [];
  async function dispose(): Promise<void> {
    for (const end of ends.splice(0).toReversed()) await end();
  }
  try {
    return await setStage(signal, ends, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function setStage(signal: AbortSignal, ends: (() => unknown)[], dispose: () => Promise<void>): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "kinsync-demo-"));
  // Also where a second Ctrl-C, or a machine that is too busy to end in order, cuts the ending short.
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  ends.push(() => {
    process.off("exit", remove);
    remove();
  });
  const playground = await createPlayground();
  ends.push(() => playground.close());
  const { kind: confinement } = await playground.kubelet.confinement;
  const stop = new AbortController();
  const signpost = createSignpost(signal);
  const subscription = playground.store.subscribe(signpost.look);
  ends.push(() => subscription[Symbol.dispose]());
  playground.apply([trainManifest()]);

  async function save(content: string): Promise<void> {
    const file = join(folder, CONFIG_FILE);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  async function startSync(onEvent: (event: EngineEvent) => void): Promise<void> {
    const sync = [{ from: dirname(CONFIG_FILE), to: dirname(CONFIG_FILE) }];
    const project = await openProject({
      cwd: folder,
      env: {},
      kubeconfig: playground.kubeconfigPath,
      inline: { workloads: [{ workload: `jobset/${WORKLOAD}`, sync }] },
      plugins: [jobset(), exec()],
      signal,
    });
    ends.push(() => project.close());
    const running = project.up({
      owner: "kinsync demo",
      signal: AbortSignal.any([signal, stop.signal]),
      onEvent: (event) => {
        onEvent(event);
        signpost.look();
      },
    });
    ends.push(async () => {
      stop.abort();
      await running;
    });
  }

  return {
    playground,
    signpost,
    folder,
    confined: confinement === "confined",
    startSync,
    save,
    pods: () =>
      playground.store.list("pods", NAMESPACE).map(({ metadata }) => ({
        name: metadata.name,
        uid: metadata.uid,
        role: metadata.labels?.["jobset.sigs.k8s.io/replicatedjob-name"] ?? "",
        ownerUid: metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? "",
      })),
    jobs: () =>
      playground.store
        .list("jobs.batch", NAMESPACE)
        .map(({ metadata: { name, uid, creationTimestamp } }) => ({ name, uid, created: creationTimestamp })),
    configIn: async (pod) => {
      try {
        return await readFile(playground.kubelet.pathOf(NAMESPACE, pod, "main", `/app/${CONFIG_FILE}`), "utf8");
      } catch {
        return undefined;
      }
    },
    logOf: async (pod) =>
      text(await playground.kubelet.logs({ namespace: NAMESPACE, name: pod }, "main", { follow: false })),
    containerIdOf: (pod) => playground.kubelet.containers().find((each) => each.pod === pod)?.containerId,
    [Symbol.asyncDispose]: dispose,
  };
}
