import type { MemberState } from "../../contract/state.ts";
import type { TransportPlugin } from "../../contract/transport.ts";
import { ELIGIBLE_STATES } from "../../contract/state.ts";
import { hostTransport } from "../../plugins/host.ts";
import type { Member } from "../resolution.ts";

/** A mounted folder of a container whose files other containers of the workload have, too. */
export interface SharedMount {
  /** Where the container has it. */
  readonly path: string;
  /** Where the files are: `pvc:ml/code:/`. Equal for all that share them. */
  readonly place: string;
  /** Members and containers that have these files, with this one. */
  readonly members: number;
  readonly containers: number;
}

interface Mounted {
  readonly uid: string;
  readonly container: string;
  readonly path: string;
  readonly place: string;
  readonly isReadOnly: boolean;
}

/**
 * The folders that running containers of a workload share, by container (`UID/NAME`). kinsync writes the files of such a folder once.
 * Folders that none of them can write are left out.
 * @param states members in these states count. Default: `current` and `kept`
 */
export function sharedMounts(
  members: readonly Member[],
  transport: TransportPlugin | undefined,
  states: readonly MemberState[] = ELIGIBLE_STATES,
): ReadonlyMap<string, readonly SharedMount[]> {
  const result = new Map<string, SharedMount[]>();
  if (transport?.place === undefined) return result;
  const mounts = members.filter(({ state }) => states.includes(state)).flatMap((each) => mountsOf(each, transport));
  for (const same of Map.groupBy(mounts, ({ place }) => place).values()) {
    const containers = new Set(same.map(({ uid, container }) => `${uid}/${container}`));
    if (containers.size < 2 || same.every(({ isReadOnly }) => isReadOnly)) continue;
    const pods = new Set(same.map(({ uid }) => uid));
    for (const { uid, container, path, place } of same) {
      const shared = { path, place, members: pods.size, containers: containers.size };
      const key = `${uid}/${container}`;
      result.set(key, [...(result.get(key) ?? []), shared]);
    }
  }
  return result;
}

function mountsOf({ pod, uid, name, namespace, containers }: Member, transport: TransportPlugin): readonly Mounted[] {
  const hosted = hostTransport(transport);
  return containers.flatMap(({ name: container, runningId, spec }) => {
    if (runningId === undefined) return [];
    const node = pod.spec.nodeName;
    const target = {
      namespace,
      pod: name,
      podUid: uid,
      container,
      containerId: runningId,
      ...(node === undefined ? {} : { node }),
    };
    return (spec.volumeMounts ?? []).flatMap(({ mountPath }): Mounted[] => {
      const place = hosted.place(target, { path: mountPath, shape: "directory", key: "" }, { pod });
      if (place === undefined) return [];
      const { volume, path, readOnly = false } = place;
      return [{ uid, container, path: mountPath, place: `${volume}:${path}`, isReadOnly: readOnly }];
    });
  });
}
