import { defineTransport, type Place, type TransportPlugin } from "@kinsync/core/contract";
import { exec } from "@kinsync/transport-exec";
import { claimAt, claimPlace } from "./claim-path.ts";
import { parseOptions } from "./options.ts";
import { readTarget } from "./read-pod.ts";
import { VolumeSession } from "./session.ts";
import { Writers } from "./writers.ts";

/**
 * The transport `volume`: writes the files of a PersistentVolumeClaim that many containers mount through one pod, by one session of
 * `exec` for all of them. The pod is a member that mounts the claim, or one that the user names: `[volume, { pod: "NAME" }]`. The members
 * themselves need no shell, and no exec is opened into them. When the writing pod is gone, another one takes over.
 */
export function volume(): TransportPlugin {
  const transport = exec();
  const writers = new Writers(transport);
  return defineTransport({
    name: "volume",
    permissions: [
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
      { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
    ],
    capabilities: {
      folders: true,
      links: true,
      modes: true,
      deletes: true,
      inPlace: true,
      mirror: true,
      atomic: "file",
      acknowledges: "seen",
    },
    place(target, root, { pod }): Place | undefined {
      const claim = pod === undefined ? undefined : claimAt(pod, target.container, root.path);
      return claim && claimPlace(target.namespace, claim);
    },
    async open(target, context) {
      const options = parseOptions(context.options ?? {});
      const pod = await readTarget(target, context);
      return await VolumeSession.open(writers, { target, pod, context, options });
    },
  });
}
