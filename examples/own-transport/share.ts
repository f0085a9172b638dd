import { join, posix } from "node:path";
import { defineTransport, errorOfResponse, KinsyncError } from "@kinsync/core/contract";
import type { OpenContext, Pod, RootSpec, Target, TransportPlugin } from "@kinsync/core/contract";
import { ShareSession } from "./share-session.ts";

export interface ShareOptions {
  /** Where the volume of each PersistentVolumeClaim is mounted on this machine: `{ "team-data": "/mnt/team-data" }`. */
  readonly claims: Readonly<Record<string, string>>;
}

/** Files through a network share that is mounted here and, by a claim, in the pods. It needs no session in the container. */
export function share({ claims }: ShareOptions): TransportPlugin {
  return defineTransport({
    name: "share",
    // The pods' machines cache what they read from the share, so the files become visible later, and nothing reports when.
    capabilities: { deletes: true, pull: true, atomic: "file", acknowledges: "accepted" },
    async open(target, context) {
      const pod = await readPod(target, context);
      const folderOf = (root: RootSpec): string => folderOnShare(root, pod, target, claims);
      // The mapped roots are known: what cannot work is refused here, before anything is written.
      for (const root of context.roots ?? []) folderOf(root);
      return new ShareSession(target, context, folderOf);
    },
  });
}

/** Reads the pod now. A pod comes back under its name, and a container restarts: only UID and container ID identify them. */
async function readPod(target: Target, { cluster, signal }: OpenContext): Promise<Pod> {
  const path = `/api/v1/namespaces/${target.namespace}/pods/${target.pod}`;
  const response = await cluster.request({ path, signal });
  if (response.status !== 200) {
    throw await errorOfResponse(response, `read pod/${target.pod}`, { notFound: "KINSYNC_TARGET_GONE" });
  }
  const pod = (await response.json()) as Pod;
  const status = pod.status?.containerStatuses?.find(({ name }) => name === target.container);
  if (pod.metadata.uid !== target.podUid || status?.containerID !== target.containerId) {
    throw new KinsyncError("KINSYNC_TARGET_GONE", `pod/${target.pod} or its container was replaced`);
  }
  return pod;
}

/** The folder on this machine that holds what the container sees at the mapped root. */
function folderOnShare(root: RootSpec, pod: Pod, target: Target, claims: ShareOptions["claims"]): string {
  const where = `pod/${target.pod}, container ${target.container}: ${root.path}`;
  if (posix.normalize(root.path) === "/") {
    throw new KinsyncError("KINSYNC_TARGET_PATH", `${where}: the root folder of a container cannot be mapped`);
  }
  const mounts = pod.spec.containers.find(({ name }) => name === target.container)?.volumeMounts ?? [];
  const mount = mounts
    .filter(({ mountPath }) => root.path === mountPath || root.path.startsWith(`${mountPath}/`))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length)[0];
  const volume = pod.spec.volumes?.find(({ name }) => name === mount?.name);
  const claim = volume?.persistentVolumeClaim?.claimName;
  const folder = claim === undefined ? undefined : claims[claim];
  if (mount === undefined || folder === undefined) {
    throw new KinsyncError("KINSYNC_TRANSPORT_CANNOT", `${where} is not on a share that is mounted on this machine`, {
      hint: "Name the claim in the options of the transport, or map below the mount of one that is named.",
      details: { code: "SHARE_NOT_MOUNTED", claim },
    });
  }
  return join(folder, mount.subPath ?? "", posix.relative(mount.mountPath, root.path));
}
