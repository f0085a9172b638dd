import { KinsyncError } from "../../errors/error.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { isSameList } from "../../mapping/tree.ts";
import type { DesiredRoot, DesiredState } from "../../sync/target/desired-state.ts";
import { desiredRoot, type Projected } from "../desired.ts";
import type { Claim } from "./place-group.ts";
import type { Standing } from "./standing.ts";

/**
 * What a target should hold, with what the places decide about its roots: which ones it writes, which ones another target writes, and what
 * belongs to more specific mappings elsewhere. The shared state itself where every root is the target's own.
 */
export function placedState(
  { state, layout }: Projected,
  standingOf: (mapping: ResolvedMapping) => Standing | undefined,
): DesiredState {
  let isOwn = true;
  const roots = layout.flatMap((each): DesiredRoot[] => {
    const root = desiredRoot(each);
    if (root === undefined) return [];
    const standing = standingOf(root.mapping);
    if (standing === undefined) return [root];
    const { id, key, overridden, follows, refusedBy, sharedWith } = standing;
    const isPlain = key === root.spec.key && sharedWith === 0 && refusedBy === undefined;
    if (isPlain && isSameList(overridden, each.overridden)) return [root];
    isOwn = false;
    const placed = desiredRoot(each, overridden) ?? root;
    return [
      {
        ...placed,
        spec: { ...placed.spec, key },
        place: id,
        ...(follows === undefined ? {} : { follows }),
        ...(refusedBy === undefined ? {} : { refused: refusedError(root.mapping, refusedBy, id) }),
      },
    ];
  });
  if (isOwn) return state;
  const keys = roots.map(({ mapping, tree, follows, refused }) =>
    [mapping.id, tree.digest, follows?.leader ?? "", refused?.message ?? ""].join("="),
  );
  return Object.freeze({ ...state, roots, key: [...keys, state.conflict?.message ?? ""].join("\n") });
}

function refusedError(mapping: ResolvedMapping, { mapping: owner, member }: Claim, place: string): KinsyncError {
  return new KinsyncError(
    "KINSYNC_CONFIG_CONFLICT",
    `${owner.id} (from: ${owner.fromText}) writes these files already, in ${member.name}; ${mapping.id} (from: ${mapping.fromText}) shares them and would overwrite them`,
    {
      hint: "Remove one of the two mappings, or give them containers or paths that do not share their files.",
      retry: "terminal",
      details: { place, mappings: [owner.id, mapping.id] },
    },
  );
}
