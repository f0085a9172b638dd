import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { comparePaths, isSameList } from "../../mapping/tree.ts";
import type { FollowingProblem } from "../../sync/target/desired-state.ts";
import { entriesOf, shortList, type ShortList } from "../../sync/target/short-list.ts";
import type { LocatedRoot } from "./locate.ts";

/** A target as the places see it. Two workloads may have the same container: these are two members. */
export interface PlaceMember {
  /** What the places know of it, which is theirs alone; `undefined` while it has no places. */
  seat: Seat | undefined;
  /** `pod/NAME, container NAME`, for people. */
  readonly name: string;
  /** Pod, UID and container: decides which of several targets leads. */
  readonly order: readonly string[];
  /** Identity of the container. */
  readonly container: string;
  readonly node: string | undefined;
  /** What the target should hold, or through whom, differs. */
  onChange(): void;
  /** Another target changed these paths of files that this one shares. */
  onShared(mapping: string, paths: readonly string[]): void;
  /** What the marker of a root that it writes should owe differs. */
  onOwed(): void;
}

/** One target among the places. */
export interface Seat {
  readonly member: PlaceMember;
  /** One for each mapped root. */
  claims: ShortList<Claim>;
  /** `performance.now()` until which it is not chosen to lead. Infinity: until its desired state differs, or the user retries. */
  unfitUntil: number;
  /** When it may be chosen again. */
  timer: NodeJS.Timeout | undefined;
  /** Another run owns it: it is never chosen again while another target is left. */
  isTaken: boolean;
  problem: FollowingProblem | undefined;
  incarnation: string | undefined;
}

/** A mapped root, wherever it is. */
export interface PlacedRoot {
  readonly mapping: ResolvedMapping;
  /** Position of the mapping in the config of the whole run: the lowest one of a place keeps it. */
  readonly rank: number;
  readonly root: LocatedRoot;
  /** Paths that other mappings of the same container override. */
  readonly overridden: readonly string[];
}

/** One mapped root of one target, in its place. Its parts but member and group are replaced when the target's mappings differ. */
export interface Claim extends PlacedRoot {
  readonly member: PlaceMember;
  readonly group: PlaceGroup;
}

const NONE: readonly never[] = Object.freeze([]);

/** What this run knows of a place for as long as it runs, whether a target has it or not. */
export type PlaceHistory = Pick<PlaceGroup, "isClaimed" | "isBorrowed">;

/**
 * All mapped roots whose files are the same bytes. One of their targets leads: it alone claims and commits. Nearly every place has one
 * claim, and there may be thousands of places, so its lists are short.
 */
export class PlaceGroup {
  readonly #root: LocatedRoot;
  /** This run has claimed it, through whichever target. */
  isClaimed: boolean;
  /** This run took it from another one, which may still be there. */
  isBorrowed: boolean;
  #claims: ShortList<Claim> = NONE;
  /** The claim whose mapping decides what the place holds. */
  #winner: Claim | undefined;
  #served: ShortList<Claim> = NONE;
  #pods = 0;
  leader: Claim | undefined;
  /** Claims whose targets are known to have the files that the leader writes. */
  #proven: readonly Claim[] = NONE;
  /** Paths after which commands have not succeeded, by the claim of their target. `undefined`: none. */
  #owed: Map<Claim, readonly string[]> | undefined;
  /** Grows when a target takes the lead that is not among them: then it is not known what the others have. */
  epoch = 1;
  /** Digest of the tree that was last acknowledged; `undefined` while a commit is on its way. */
  held: string | undefined;
  /** The claim whose target acknowledged it. */
  heldBy: Claim | undefined;
  /** Paths that more specific mappings override, relative to the place. Sorted. */
  overridden: readonly string[] = NONE;

  constructor(root: LocatedRoot, { isClaimed, isBorrowed }: PlaceHistory) {
    this.#root = root;
    this.isClaimed = isClaimed;
    this.isBorrowed = isBorrowed;
  }

  get volume(): string {
    return this.#root.volume;
  }

  get path(): string {
    return this.#root.path;
  }

  get isOwn(): boolean {
    return this.#root.isOwn;
  }

  get id(): string {
    return idOf(this);
  }

  get winner(): Claim | undefined {
    return this.#winner;
  }

  /** Whether a claim's mapping puts the same files here as the winner's. */
  isServed(claim: Claim): boolean {
    return this.#winner !== undefined && isSameRule(claim.mapping, this.#winner.mapping);
  }

  /** Claims whose targets have these files, as last decided. */
  get served(): readonly Claim[] {
    return entriesOf(this.#served);
  }

  /** How many pods they are in. */
  get pods(): number {
    return this.#pods;
  }

  get claims(): readonly Claim[] {
    return entriesOf(this.#claims);
  }

  add(claim: Claim): void {
    this.#claims = shortList([...this.claims, claim]);
  }

  remove(claim: Claim): void {
    this.#claims = shortList(this.claims.filter((each) => each !== claim));
    this.#proven = this.#proven.filter((each) => each !== claim);
    this.#owed?.delete(claim);
  }

  /** Paths after which commands have not succeeded in all targets. */
  get owed(): readonly string[] {
    if (this.#owed === undefined || this.#owed.size === 0) return NONE;
    return [...new Set([...this.#owed.values()].flat())];
  }

  /** @returns whether `owed` differs */
  owe(claim: Claim, paths: readonly string[]): boolean {
    const before = this.owed;
    if (paths.length > 0) (this.#owed ??= new Map()).set(claim, paths);
    else this.#owed?.delete(claim);
    return !isSameList(before, this.owed);
  }

  /** The claim's target is known to have the files that the leader writes. */
  proved(claim: Claim): void {
    if (!this.#proven.includes(claim)) this.#proven = this.#proven.concat(claim);
  }

  /**
   * Decides again who keeps the place, who leads, and what is overridden.
   * @returns whether anything of it differs
   */
  decide(isFit: (member: PlaceMember) => boolean, nested: readonly string[]): boolean {
    const { leader, overridden } = this;
    const winner = this.#winner;
    this.#winner = undefined;
    const { claims } = this;
    for (const claim of claims) {
      if (this.#winner === undefined || compareRanks(claim, this.#winner) < 0) this.#winner = claim;
    }
    const isAll = claims.every((claim) => this.isServed(claim));
    const served = isAll ? claims : claims.filter((claim) => this.isServed(claim));
    this.#served = isAll ? this.#claims : shortList(served);
    this.#pods = served.length < 2 ? served.length : new Set(served.map(({ member }) => member.order[1])).size;
    this.leader = chooseLeader(served, leader, this.#proven, isFit);
    if (this.leader !== undefined && !this.isOwn && !this.#proven.includes(this.leader)) {
      this.epoch += 1;
      this.held = undefined;
      this.#proven = [this.leader];
    }
    const paths = [...nested, ...served.flatMap((claim) => claim.overridden)];
    const next = paths.length < 2 ? paths : [...new Set(paths)].sort(comparePaths);
    const isUnchanged = isSameList(next, overridden);
    if (!isUnchanged) this.overridden = next;
    return leader !== this.leader || !isUnchanged || winner?.mapping !== this.#winner?.mapping;
  }
}

/** Text that is equal only for the same volume and path. */
export function idOf({ volume, path }: Pick<LocatedRoot, "volume" | "path">): string {
  return `${volume}:${path}`;
}

export function isSamePlace(
  one: Pick<LocatedRoot, "volume" | "path">,
  other: Pick<LocatedRoot, "volume" | "path">,
): boolean {
  return one.volume === other.volume && one.path === other.path;
}

/** The leader stays while it can. Otherwise: those that have its files for sure, containers that may write first, then by pod, UID and container. */
function chooseLeader(
  served: readonly Claim[],
  leader: Claim | undefined,
  proven: readonly Claim[],
  isFit: (member: PlaceMember) => boolean,
): Claim | undefined {
  const stays = leader !== undefined && served.includes(leader) ? leader : undefined;
  if (stays !== undefined && isFit(stays.member)) return stays;
  const sorted = served.toSorted(compareLeaders);
  const fit = sorted.filter(({ member }) => isFit(member));
  return fit.find((claim) => proven.includes(claim)) ?? fit[0] ?? stays ?? sorted[0];
}

function compareLeaders(one: Claim, other: Claim): number {
  const readOnly = Number(one.root.isReadOnly) - Number(other.root.isReadOnly);
  if (readOnly !== 0) return readOnly;
  for (const [at, text] of one.member.order.entries()) {
    const against = other.member.order[at] ?? "";
    if (text !== against) return text < against ? -1 : 1;
  }
  return one.rank - other.rank;
}

function compareRanks(one: Claim, other: Claim): number {
  return one.rank - other.rank || compareLeaders(one, other);
}

/** Two mappings that bring the same local files in the same way. */
function isSameRule(one: ResolvedMapping, other: ResolvedMapping): boolean {
  return one === other || ruleOf(one) === ruleOf(other);
}

const rules = new WeakMap<ResolvedMapping, string>();

function ruleOf(mapping: ResolvedMapping): string {
  let rule = rules.get(mapping);
  if (rule === undefined) {
    const { from, ignore, ignoreDefaults, ignoreFiles, inPlace, mirror, modes, transport, transportOptions } = mapping;
    rule = JSON.stringify([
      from,
      ignore,
      ignoreDefaults,
      ignoreFiles,
      inPlace,
      mirror,
      modes,
      transport,
      transportOptions,
    ]);
    rules.set(mapping, rule);
  }
  return rule;
}
