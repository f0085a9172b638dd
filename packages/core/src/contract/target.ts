/** One running container of a member that should hold the files. Identified by pod UID and container ID, never by name. */
export interface Target {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  /** As the API says it: `containerd://…`. */
  readonly containerId: string;
  readonly node?: string;
  readonly role?: string;
  readonly index?: string;
}

/** The key of a target: what a ledger, a worker, a session belongs to. */
export function targetKey(target: Pick<Target, "podUid" | "container" | "containerId">): string {
  return `${target.podUid}/${target.container}/${target.containerId}`;
}
