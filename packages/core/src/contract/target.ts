/** One running container of a member that should hold files. Pod UID and container ID identify it, never a name. */
export interface Target {
  /** Of the pod. */
  readonly namespace: string;
  /** Name of the pod. */
  readonly pod: string;
  /** UID of the pod. */
  readonly podUid: string;
  /** Name of the container. */
  readonly container: string;
  /** As the API reports it: `containerd://…`. */
  readonly containerId: string;
  /** Name of its node, where it is known. */
  readonly node?: string;
  /** As in the verdict of the kind. */
  readonly role?: string;
  /** As in the verdict of the kind. */
  readonly index?: string;
}

/** Identity of a target: ledgers, workers and sessions are kept by this key. */
export function targetKey(target: Pick<Target, "podUid" | "container" | "containerId">): string {
  // Joined, not concatenated: V8 keeps the parts of a concatenated text besides the text.
  return [target.podUid, target.container, target.containerId].join("/");
}
