import { ALL_CAPABILITIES } from "../../support/capabilities.ts";
import { defineTransport, type TransportPlugin } from "../../../src/contract/index.ts";
import { openProject, type OpenProjectOptions, type Project } from "../../../src/project/index.ts";
import { createFolder, type Folder } from "../../config/support/folder.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { MemoryContainer } from "../../support/memory-container.ts";
import { ALL, JOBS, NAMESPACES, object, ownerReference, pod, teamKind, TEAMS } from "../../support/objects.ts";

/** A folder, a cluster with the Team `train` of one pod, and the pod's container; a project is opened on them. */
export interface Fixture extends AsyncDisposable {
  readonly folder: Folder;
  readonly cluster: FakeCluster;
  readonly container: MemoryContainer;
  open(options?: Partial<OpenProjectOptions>): Promise<Project>;
}

export async function createFixture(files: Readonly<Record<string, string>> = {}): Promise<Fixture> {
  const folder = await createFolder({ "src/main.py": "print(1)\n", ...files });
  const cluster = new FakeCluster(ALL);
  const team = object(TEAMS, "train");
  const job = object(JOBS, "train-0", { owners: [ownerReference(team)] });
  cluster.put(object(NAMESPACES, "ml"), object(NAMESPACES, "other"), team, object(TEAMS, "serve"), job);
  cluster.put(pod("train-0-a", { owners: [ownerReference(job)], labels: { role: "head" } }));
  cluster.put(object(TEAMS, "train", { namespace: "other", uid: "train-of-other" }));
  const container = new MemoryContainer();
  return {
    folder,
    cluster,
    container,
    open: (options = {}) =>
      openProject({
        cwd: folder.path,
        env: { HOME: folder.path },
        cluster,
        context: cluster.context,
        plugins: [teamKind(), memoryTransport(container)],
        signal: AbortSignal.timeout(20_000),
        ...options,
      }),
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function memoryTransport(container: MemoryContainer): TransportPlugin {
  return defineTransport({
    capabilities: ALL_CAPABILITIES,
    name: "exec",
    permissions: [{ apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] }],
    open: (_target, { runId, since }) => container.open(runId, since),
  });
}
