import type { MemberState } from "../../../src/contract/kind.ts";
import { locateRoot } from "../../../src/engine/places/locate.ts";
import { containerPath } from "../../../src/mapping/container-path.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { mapping } from "../../support/mapping.ts";
import { containerIdOf, type MemberSpec, type SharedVolume } from "./environment.ts";
import type { LocalFiles } from "./memory-source.ts";

export const TEAMS = ["train", "eval"] as const;
export type Team = (typeof TEAMS)[number];

/** Volumes that every container mounts. The name of the second one is the same on both nodes, and it is another folder on each. */
export const CLUSTER_WIDE: SharedVolume = { at: "/shared", volume: "pvc:default/shared" };
export const PER_NODE: SharedVolume = { at: "/local", volume: "pvc:default/local", isPerNode: true };
export const VOLUMES = [CLUSTER_WIDE, PER_NODE];

/**
 * Mappings that differ in every filter; `nested` lies within `all`, and `part` within `shared`, also where another pod has it. A single
 * file cannot mirror its folder, and a folder can.
 */
export const MAPPINGS: Readonly<Record<Team, readonly ResolvedMapping[]>> = {
  train: [
    mapping("all", { to: "/all", states: ["current", "kept"] }),
    mapping("nested", { to: "/all/conf", states: ["current"] }),
    mapping("head", { to: "/head", roles: ["head"] }),
    mapping("file", { to: "/etc/app.yaml", indexes: ["0"], mirror: true }),
    mapping("shared", { to: "/shared" }),
    mapping("part", { to: "/shared/conf", roles: ["head"] }),
  ],
  eval: [mapping("eval", { to: "/eval", mirror: true }), mapping("local", { to: "/local", mirror: true })],
};
export const ALL_MAPPINGS = [...MAPPINGS.train, ...MAPPINGS.eval];
export const POD_NAMES = ["p0", "p1", "p2"] as const;

export const isFile = (each: ResolvedMapping): boolean => each.id === "file";
const volumeOf = (each: ResolvedMapping): SharedVolume | undefined =>
  VOLUMES.find(({ at }) => each.to === at || each.to.startsWith(`${at}/`));

export function rootKeyOf(each: ResolvedMapping): string {
  const path = containerPath(each, isFile(each));
  const volume = volumeOf(each);
  if (volume === undefined) return path.key;
  const place = { volume: volume.volume, path: path.path.slice(volume.at.length) || "/" };
  return locateRoot({ podUid: "", containerId: "" }, path, "/", () => place).key;
}

/** Files of the image beside those of a mapping, by its id: they stay. */
export const NEIGHBOURS: Readonly<Record<string, LocalFiles>> = {
  all: { "of-image": "i" },
  file: { "of-image": "i", passwd: "root" },
};

/** The same, and what a mirror deletes, by the key of a mapped root. */
export const IMAGE: Readonly<Record<string, LocalFiles>> = Object.fromEntries(
  ALL_MAPPINGS.map((each) => [rootKeyOf(each), each.id === "eval" ? { foreign: "x" } : (NEIGHBOURS[each.id] ?? {})]),
);

/** Local files of one mapping: those of the last save, also while its source is lost. */
export interface LocalModel {
  readonly state: "present" | "halted";
  readonly files: LocalFiles;
}

/** Newer files of a team wait: until `resume`, or until the next save. */
interface Hold {
  readonly until: "resume" | "save";
  /** What its targets should hold meanwhile, by mapping. */
  readonly files: ReadonlyMap<string, LocalFiles>;
}

interface Verdict {
  readonly state: MemberState;
  readonly role: string | undefined;
  readonly index: string | undefined;
}

export class PodModel {
  spec: MemberSpec;
  exists = false;
  /** The last verdict of the kind other than `unsettled`, by team; dropped with the pod and with the team. */
  readonly verdicts = new Map<Team, Verdict>();

  constructor(name: string) {
    this.spec = { name, state: "current", teams: TEAMS, isRunning: true, life: 0, restarts: 0 };
  }
}

/** What every container should hold, derived from the steps of a history and nothing else. */
export class Model {
  readonly pods = POD_NAMES.map((name) => new PodModel(name));
  /** Local files by mapping. */
  readonly locals = new Map<string, LocalModel>();
  readonly #holds = new Map<Team, Hold>();
  /** Mapped roots that another run claimed, as `CONTAINER ROOT`, or `NODE ROOT` in the volume of a node. */
  readonly #claimed = new Set<string>();
  /** Mapped roots that a container was eligible for at any time, by container. */
  readonly #everEligible = new Map<string, Set<string>>();

  /** Mappings that the member's container should hold now. */
  mappingsOf({ spec, exists, verdicts }: PodModel, team: Team): readonly ResolvedMapping[] {
    if (!exists || !spec.teams.includes(team)) return [];
    // `unsettled` keeps the last verdict for this pod; without one it gets no files.
    const { state, role, index } =
      spec.state === "unsettled"
        ? (verdicts.get(team) ?? { state: "unsettled", role: undefined, index: undefined })
        : spec;
    const shown = { state, role: spec.role ?? role, index: spec.index ?? index };
    return MAPPINGS[team].filter(
      ({ states, roles, indexes }) =>
        states.includes(shown.state) &&
        (roles === undefined || (shown.role !== undefined && roles.includes(shown.role))) &&
        (indexes === undefined || (shown.index !== undefined && indexes.includes(shown.index))),
    );
  }

  /** A save has settled. */
  save(each: ResolvedMapping, files: LocalFiles): void {
    const before = this.locals.get(each.id)?.files;
    this.locals.set(each.id, { state: "present", files });
    const team = teamOf(each);
    const isSame = before !== undefined && JSON.stringify(sorted(before)) === JSON.stringify(sorted(files));
    if (this.#holds.get(team)?.until === "save" && !isSame) this.#holds.delete(team);
  }

  /** The source of a folder is gone; its files stay in the containers. */
  lose(each: ResolvedMapping): void {
    this.locals.set(each.id, { state: "halted", files: this.locals.get(each.id)?.files ?? {} });
  }

  get hasHolds(): boolean {
    return this.#holds.size > 0;
  }

  isHeld(team: Team): boolean {
    return this.#holds.has(team);
  }

  pause(team: Team): void {
    this.#holds.set(team, { until: "resume", files: this.#released(team) });
  }

  resume(team: Team): void {
    if (this.#holds.get(team)?.until === "resume") this.#holds.delete(team);
  }

  /** @param only one mapping. Default: everything that waits */
  trigger(only?: ResolvedMapping): void {
    for (const [team, { until, files }] of this.#holds) {
      if (only === undefined && until === "save") this.#holds.delete(team);
      else {
        const now = MAPPINGS[team].map((each): [string, LocalFiles] => {
          const isReleased = only === undefined || only === each;
          return [each.id, (isReleased ? this.locals.get(each.id)?.files : files.get(each.id)) ?? {}];
        });
        this.#holds.set(team, { until, files: new Map(now) });
      }
    }
  }

  /** @param files that the mapping had before its last save */
  undo(each: ResolvedMapping, files: LocalFiles): void {
    const team = teamOf(each);
    this.#holds.set(team, { until: "save", files: new Map([...this.#released(team), [each.id, files]]) });
  }

  #released(team: Team): Map<string, LocalFiles> {
    return new Map(MAPPINGS[team].map((each) => [each.id, this.released(each)]));
  }

  /** What targets should hold of a mapping. */
  released(each: ResolvedMapping): LocalFiles {
    const held = this.#holds.get(teamOf(each));
    return (held === undefined ? this.locals.get(each.id)?.files : held.files.get(each.id)) ?? {};
  }

  /** Mappings of a member, and those that other members write into the same volumes. */
  visibleIn(pod: PodModel, team: Team): readonly ResolvedMapping[] {
    const others = this.pods.filter((other) => other !== pod && other.spec.isRunning);
    const shared = others.flatMap((other) => TEAMS.flatMap((each) => this.mappingsOf(other, each)));
    return [...this.mappingsOf(pod, team), ...shared.filter((each) => volumeOf(each) === CLUSTER_WIDE)];
  }

  /** Another run claimed a mapped root. @param where a container id, or a node for its volume */
  claim(where: string, root: string): void {
    this.#claimed.add(`${where} ${root}`);
  }

  /** Another run claimed a mapped root that this team maps into the pod. */
  isTaken(pod: PodModel, team: Team): boolean {
    const id = containerIdOf(pod.spec);
    return this.mappingsOf(pod, team).some((each) => {
      const where = volumeOf(each) === PER_NODE ? (pod.spec.node ?? "") : id;
      return this.#claimed.has(`${where} ${rootKeyOf(each)}`);
    });
  }

  /** Mapped roots that may ever have been written in a container. */
  everEligible(containerId: string): ReadonlySet<string> {
    return this.#everEligible.get(containerId) ?? new Set();
  }

  /** Records the verdicts and the eligible roots of this moment; call it after each step. */
  record(): void {
    for (const pod of this.pods) {
      const { spec, verdicts, exists } = pod;
      if (!exists) continue;
      for (const team of TEAMS) {
        if (spec.state !== "unsettled" && spec.teams.includes(team)) {
          verdicts.set(team, { state: spec.state, role: spec.role, index: spec.index });
        }
        const roots = this.#everEligible.get(containerIdOf(spec)) ?? new Set();
        for (const each of this.mappingsOf(pod, team)) roots.add(rootKeyOf(each));
        this.#everEligible.set(containerIdOf(spec), roots);
      }
    }
  }
}

export function teamOf(each: ResolvedMapping): Team {
  return MAPPINGS.train.includes(each) ? "train" : "eval";
}

function sorted(files: LocalFiles): readonly (readonly [string, string])[] {
  return Object.entries(files).sort(([one], [other]) => (one < other ? -1 : 1));
}
