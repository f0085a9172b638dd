/** One running container of a member that should hold files. Pod UID and container ID identify it, never a name. */
export interface Target {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  /** As the API reports it: `containerd://…`. */
  readonly containerId: string;
  readonly node?: string;
  readonly role?: string;
  readonly index?: string;
}

/** Identity of a target: ledgers, workers and sessions are kept by this key. */
export function targetKey(target: Pick<Target, "podUid" | "container" | "containerId">): string {
  // Joined, not concatenated: V8 keeps the parts of a concatenated text besides the text.
  return [target.podUid, target.container, target.containerId].join("/");
}
