import type { LogSource } from "./entries.ts";
import type { Member, MemberContainer } from "../resolve/resolution.ts";
import { selectContainer } from "../resolve/select/containers.ts";

/** Which members and which of their containers are read. */
export interface LogSelection {
  /** Only members of these roles. Default: all. */
  readonly roles?: readonly string[] | undefined;
  /** Only members of these indexes. Default: all. */
  readonly indexes?: readonly string[] | undefined;
  /** Default: the default container of each member. */
  readonly container?: string | undefined;
}

/** Whether the member is one that should hold files now, of a role and an index that are asked for. */
export function isFollowed({ state, role, index }: Member, selection: LogSelection): boolean {
  return (state === "current" || state === "kept") && isChosen({ role, index }, selection);
}

export function isChosen({ role, index }: Pick<Member, "role" | "index">, { roles, indexes }: LogSelection): boolean {
  const fits = (wanted: readonly string[] | undefined, value: string | undefined): boolean =>
    wanted === undefined || wanted.length === 0 || (value !== undefined && wanted.includes(value));
  return fits(roles, role) && fits(indexes, index);
}

/** The members to read once: current and kept ones; where a workload has ended and has none, its finished ones. */
export function membersToRead(members: readonly Member[], selection: LogSelection): readonly Member[] {
  const followed = members.filter((member) => isFollowed(member, selection));
  if (followed.length > 0) return followed;
  return members.filter((member) => member.state === "finished" && isChosen(member, selection));
}

/** The container of a member that is read, or why there is none. */
export function containerToRead(
  member: Member,
  { container }: LogSelection,
): MemberContainer | { readonly missing: string } {
  const chosen = selectContainer(member, container === undefined ? {} : { name: container });
  // An init container that has ended takes no files, and has a log.
  const init = member.pod.spec.initContainers?.find(({ name }) => name === container);
  if (!("missing" in chosen) || init === undefined) return chosen;
  const status = member.pod.status?.initContainerStatuses?.find(({ name }) => name === init.name);
  return {
    name: init.name,
    type: "init",
    image: init.image ?? "",
    spec: init,
    status,
    runningId: undefined,
    waiting: "",
  };
}

/** @param taken labels of other sources */
export function sourceOf(member: Member, container: string, taken: ReadonlySet<string>): LogSource {
  const { namespace, name: pod, uid, role, index } = member;
  const part = [role, index].filter((each) => each !== undefined).join(" ");
  const label = part === "" || taken.has(part) ? pod : part;
  return {
    namespace,
    pod,
    uid,
    container,
    ...(role === undefined ? {} : { role }),
    ...(index === undefined ? {} : { index }),
    label,
  };
}

/** Names the run of a container: it differs after a restart. `undefined`: it has not started yet. */
export function runOf({ status }: MemberContainer): string | undefined {
  const { state, containerID = "", restartCount = 0 } = status ?? {};
  const hasStarted = containerID !== "" || state?.running !== undefined || state?.terminated !== undefined;
  return hasStarted ? `${restartCount} ${containerID}` : undefined;
}
