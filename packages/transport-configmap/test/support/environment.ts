import { readdir, readFile, stat, writeFile, mkdir } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import { connectCluster, clusterWriter } from "@kinsync/core/cluster";
import { capabilitiesOf, type Pod, type TransportPlugin } from "@kinsync/core/contract";
import type { PathStatus, TransportEnvironment } from "@kinsync/core/testing";
import { createTestContainer, type Playground, type StoredObject } from "@kinsync/playground";
import { configmap } from "../../src/index.ts";

const NAMESPACE = "default";
const FOLDER = "/etc/kit";
/** The names that the kit gives to mapped roots. */
const ROOTS = ["root", "other"] as const;

/** A ConfigMap or Secret for each of the kit's mapped roots, and a pod that mounts them. */
export async function makeEnvironment(
  playground: Playground,
  transport: TransportPlugin = configmap({ lookEvery: 20 }),
): Promise<TransportEnvironment> {
  const isSecret = transport.name === "secret";
  const suffix = randomBytes(4).toString("hex");
  const nameOf = (root: string): string => `${root}-${suffix}`;
  playground.apply(
    ROOTS.map((root) => ({
      apiVersion: "v1",
      kind: isSecret ? "Secret" : "ConfigMap",
      metadata: { name: nameOf(root) },
    })),
  );
  const container = await createTestContainer({
    playground,
    folder: FOLDER,
    spec: {
      volumes: ROOTS.map((root) => ({
        name: root,
        ...(isSecret ? { secret: { secretName: nameOf(root) } } : { configMap: { name: nameOf(root) } }),
      })),
    },
    container: { volumeMounts: ROOTS.map((root) => ({ name: root, mountPath: posix.join(FOLDER, root) })) },
  });
  const cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath });
  const { writesApi: rules } = capabilitiesOf(transport);
  const writer = clusterWriter(cluster, { rules, namespace: NAMESPACE });
  const { target, pathOf } = container;
  const pod = playground.store.get("pods", NAMESPACE, target.pod) as unknown as Pod;
  const writing: TransportPlugin = {
    ...transport,
    open: (at, context) => transport.open(at, { ...context, writer }),
  };
  return {
    transport: writing,
    cluster,
    target,
    context: { pod },
    folder: FOLDER,
    lstat: (path) => statusOf(pathOf(path)),
    readFile: (path) => readFile(pathOf(path)),
    // The kubelet's own names begin with two dots.
    list: async (path) => (await readdir(pathOf(path))).filter((name) => !name.startsWith("..") && !isRoot(path, name)),
    writeFile: async (path, bytes) => {
      const root = ROOTS.find((each) => path.startsWith(`${FOLDER}/${each}/`));
      if (root === undefined) await writeFile(pathOf(path), bytes);
      else putKey(playground, isSecret ? "secrets" : "configmaps", nameOf(root), posix.basename(path), bytes);
    },
    makeDirectory: async (path) => {
      await mkdir(pathOf(path));
    },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await container[Symbol.asyncDispose]();
    },
  };
}

/** The mounts are part of the pod, not of what the transport wrote. */
function isRoot(path: string, name: string): boolean {
  return path === FOLDER && (ROOTS as readonly string[]).includes(name);
}

/** Somebody else's change. */
function putKey(playground: Playground, plural: string, name: string, key: string, bytes: string): void {
  const object = playground.store.get(plural, NAMESPACE, name) as StoredObject & { data?: Record<string, string> };
  const value = plural === "secrets" ? Buffer.from(bytes).toString("base64") : bytes;
  playground.store.update(plural, { ...object, data: { ...object.data, [key]: value } });
}

/** Through the kubelet's links: what a program in the container reads. */
async function statusOf(path: string): Promise<PathStatus | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const type = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
  return { type, mode: found.mode & 0o7777, size: found.size, mtime: found.mtimeMs };
}
