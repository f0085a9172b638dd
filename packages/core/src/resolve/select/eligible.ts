import type { KindPlugin } from "../../contract/kind.ts";
import { targetKey, type Target } from "../../contract/target.ts";
import type { Member, MemberContainer, Resolution } from "../resolution.ts";
import { selectContainer } from "./containers.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";

/** A container that should hold files, running or not, and the mappings that land in it. */
export interface EligibleContainer {
  readonly member: Member;
  readonly container: MemberContainer;
  readonly mappings: readonly ResolvedMapping[];
  /** `undefined` while it does not run; `container.waiting` says why. */
  readonly target: Target | undefined;
  /** The target's key; that of the pod and container name while it does not run. */
  readonly key: string;
}

/** A mapping that names a container which no member has. */
export interface MissingContainer {
  readonly mapping: ResolvedMapping;
  readonly reason: string;
}

export interface Eligible {
  readonly containers: readonly EligibleContainer[];
  /** Only where no member that the mapping wants has the container. */
  readonly missing: readonly MissingContainer[];
}

/** Which containers should hold which mappings: by state, role, index and container of each. Pure. */
export function eligibleContainers(
  resolution: Resolution,
  mappings: readonly ResolvedMapping[],
  kind: KindPlugin | undefined,
): Eligible {
  const found = new Map<string, { member: Member; container: MemberContainer; mappings: ResolvedMapping[] }>();
  const missing: MissingContainer[] = [];
  for (const mapping of mappings) {
    let reason: string | undefined;
    let any = false;
    for (const member of resolution.members) {
      if (!wants(mapping, member)) continue;
      const chosen = selectContainer(member, {
        ...(mapping.container === undefined ? {} : { name: mapping.container }),
        ...(mapping.image === undefined ? {} : { image: mapping.image }),
        ...(kind === undefined ? {} : { kind }),
      });
      if ("missing" in chosen) {
        reason ??= chosen.missing;
        continue;
      }
      any = true;
      const key = `${member.uid}/${chosen.name}`;
      const entry = found.get(key);
      if (entry === undefined) found.set(key, { member, container: chosen, mappings: [mapping] });
      else entry.mappings.push(mapping);
    }
    if (!any && reason !== undefined) missing.push({ mapping, reason });
  }
  const containers = [...found.values()].map(({ member, container, mappings: landing }) => {
    const target = targetOf(member, container);
    const key = target === undefined ? `${member.uid}/${container.name}` : targetKey(target);
    return { member, container, mappings: landing, target, key };
  });
  return { containers, missing };
}

function wants(mapping: ResolvedMapping, member: Member): boolean {
  if (!mapping.states.includes(member.state)) return false;
  if (mapping.roles !== undefined && (member.role === undefined || !mapping.roles.includes(member.role))) return false;
  return mapping.indexes === undefined || (member.index !== undefined && mapping.indexes.includes(member.index));
}

function targetOf(member: Member, container: MemberContainer): Target | undefined {
  if (container.runningId === undefined) return undefined;
  const node = member.pod.spec.nodeName;
  return {
    namespace: member.namespace,
    pod: member.name,
    podUid: member.uid,
    container: container.name,
    containerId: container.runningId,
    ...(node === undefined ? {} : { node }),
    ...(member.role === undefined ? {} : { role: member.role }),
    ...(member.index === undefined ? {} : { index: member.index }),
  };
}
