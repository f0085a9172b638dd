import type { KindPlugin } from "../../contract/kind.ts";
import { targetKey, type Target } from "../../contract/target.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { Member, MemberContainer } from "../resolution.ts";
import { selectContainer } from "./containers.ts";

/** A container that should hold files, running or not, and the mappings that select it. */
export interface EligibleContainer {
  readonly member: Member;
  readonly container: MemberContainer;
  readonly mappings: readonly ResolvedMapping[];
  /** `undefined` while it does not run; `container.waiting` names the reason. */
  readonly target: Target | undefined;
  /** The target's key; that of pod and container name while it does not run. */
  readonly key: string;
}

/** What the mappings select of one member. */
export interface MemberSelection {
  readonly member: Member;
  readonly containers: readonly EligibleContainer[];
  /** Mappings that select the member by its state, role, index and labels, but name a container that it does not have. */
  readonly missing: readonly { readonly mapping: ResolvedMapping; readonly reason: string }[];
}

const NONE_MISSING: MemberSelection["missing"] = Object.freeze([]);

/** Which containers of a member should hold which mappings: by its state, role, index, labels and container. Pure. */
export function selectFromMember(
  member: Member,
  mappings: readonly ResolvedMapping[],
  kind: KindPlugin | undefined,
): MemberSelection {
  const found: { readonly container: MemberContainer; readonly mappings: ResolvedMapping[] }[] = [];
  let missing: MemberSelection["missing"] = NONE_MISSING;
  for (const mapping of mappings) {
    if (!isSelected(mapping, member)) continue;
    const chosen = selectContainer(member, {
      ...(mapping.container === undefined ? {} : { name: mapping.container }),
      ...(mapping.image === undefined ? {} : { image: mapping.image }),
      ...(kind === undefined ? {} : { kind }),
    });
    if ("missing" in chosen) {
      missing = [...missing, { mapping, reason: chosen.missing }];
      continue;
    }
    const entry = found.find(({ container }) => container.name === chosen.name);
    if (entry === undefined) found.push({ container: chosen, mappings: [mapping] });
    else entry.mappings.push(mapping);
  }
  const containers = found.map((each) => new SelectedContainer(member, each.container, sharedList(each.mappings)));
  return { member, containers, missing };
}

/** There may be thousands: what follows from the member is computed when it is read. */
class SelectedContainer implements EligibleContainer {
  readonly member: Member;
  readonly container: MemberContainer;
  readonly mappings: readonly ResolvedMapping[];

  constructor(member: Member, container: MemberContainer, mappings: readonly ResolvedMapping[]) {
    this.member = member;
    this.container = container;
    this.mappings = mappings;
  }

  get key(): string {
    const { name, runningId: containerId } = this.container;
    const { uid: podUid } = this.member;
    return containerId === undefined ? `${podUid}/${name}` : targetKey({ podUid, container: name, containerId });
  }

  get target(): Target | undefined {
    return targetOf(this.member, this.container);
  }
}

/** Lists of mappings by their first one. */
const lists = new WeakMap<ResolvedMapping, readonly (readonly ResolvedMapping[])[]>();

/** One list for all containers that the same mappings select. */
function sharedList(mappings: readonly ResolvedMapping[]): readonly ResolvedMapping[] {
  const [first] = mappings;
  if (first === undefined) return mappings;
  const known = lists.get(first) ?? [];
  const shared = known.find(
    (list) => list.length === mappings.length && list.every((each, at) => each === mappings[at]),
  );
  if (shared === undefined) lists.set(first, [...known, mappings]);
  return shared ?? mappings;
}

function isSelected(mapping: ResolvedMapping, member: Member): boolean {
  if (!mapping.states.includes(member.state)) return false;
  if (mapping.roles !== undefined && (member.role === undefined || !mapping.roles.includes(member.role))) return false;
  if (mapping.indexes !== undefined && (member.index === undefined || !mapping.indexes.includes(member.index))) {
    return false;
  }
  return Object.entries(mapping.labels ?? {}).every(([key, values]) => {
    const value = Object.hasOwn(member.labels, key) ? member.labels[key] : undefined;
    return value !== undefined && values.includes(value);
  });
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
