import { entriesOf, shortList, type ShortList } from "../../sync/target/short-list.ts";
import { idOf, PlaceGroup, type PlaceHistory, type PlaceMember } from "./place-group.ts";
import type { LocatedRoot } from "./locate.ts";

const UNKNOWN: PlaceHistory = { isClaimed: false, isBorrowed: false };

/** All places of a run: by identity, and by volume, since one may contain another. */
export class PlaceIndex {
  /** Places by volume. Few of them are in one volume, and mostly one. */
  readonly #volumes = new Map<string, ShortList<PlaceGroup>>();
  /** Of places that no target has now: one may have them again. */
  readonly #left = new Map<string, PlaceHistory>();
  /** What proved to be other bytes than its identity says: volumes on a node, and roots of a container. */
  readonly #apart = new Set<string>();

  /** The place of a root, which is created where it is missing. */
  group(root: LocatedRoot): PlaceGroup {
    const known = this.#find(root);
    if (known !== undefined) return known;
    const group = new PlaceGroup(root, this.#left.get(idOf(root)) ?? UNKNOWN);
    this.#set(root.volume, this.#in(root.volume).concat(group));
    return group;
  }

  /** Whether this run has claimed the place of a root at any time. */
  isClaimed(root: LocatedRoot): boolean {
    return this.#find(root)?.isClaimed ?? this.#left.get(idOf(root))?.isClaimed === true;
  }

  #find({ volume, path }: LocatedRoot): PlaceGroup | undefined {
    return this.#in(volume).find((group) => group.path === path);
  }

  #in(volume: string): readonly PlaceGroup[] {
    const groups = this.#volumes.get(volume);
    return groups === undefined ? [] : entriesOf(groups);
  }

  #set(volume: string, groups: readonly PlaceGroup[]): void {
    if (groups.length === 0) this.#volumes.delete(volume);
    else this.#volumes.set(volume, shortList(groups));
  }

  remove(group: PlaceGroup): void {
    const { isClaimed, isBorrowed } = group;
    if (isClaimed || isBorrowed) this.#left.set(group.id, { isClaimed, isBorrowed });
    this.#set(
      group.volume,
      this.#in(group.volume).filter((each) => each !== group),
    );
  }

  /** The places that contain this one. */
  around({ volume, path }: PlaceGroup): readonly PlaceGroup[] {
    return this.#in(volume).filter((other) => insideOf(other.path, path) !== undefined);
  }

  /** The paths of the places in this one, relative to it. */
  nested({ volume, path }: PlaceGroup): readonly string[] {
    return this.#in(volume).flatMap((other) => insideOf(path, other.path) ?? []);
  }

  /** Where a root lands for this target, after what was found out to differ. */
  located(root: LocatedRoot, member: PlaceMember): LocatedRoot {
    if (this.#apart.size === 0) return root;
    const { node, container } = member;
    if (this.#apart.has(containerKey(root, container))) return { ...root, volume: `${root.volume} of ${container}` };
    if (this.#apart.has(nodeKey(root.volume, node))) return { ...root, volume: `${root.volume} on ${node ?? ""}` };
    return root;
  }

  /**
   * A target does not see the files that its leader wrote. On another node it is the volume that differs: a claim of a hostPath volume is
   * another folder on each node. Otherwise it is this container's root: a link leads out of the volume.
   */
  separate(root: LocatedRoot, { node, container }: PlaceMember, leader: PlaceMember | undefined): void {
    const onNode = nodeKey(root.volume, node);
    const isOtherNode = node !== undefined && node !== leader?.node;
    this.#apart.add(isOtherNode && !this.#apart.has(onNode) ? onNode : containerKey(root, container));
  }
}

/** A path relative to a folder that strictly contains it. */
function insideOf(folder: string, path: string): string | undefined {
  if (folder === path) return undefined;
  const prefix = folder === "/" ? "/" : `${folder}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

function nodeKey(volume: string, node: string | undefined): string {
  return `${volume}\0node ${node ?? ""}`;
}

function containerKey(root: LocatedRoot, container: string): string {
  return `${idOf(root)}\0${container}`;
}
