import type { MemberState } from "../../../src/contract/kind.ts";
import type { ResolvedMapping } from "../../../src/mapping/mapping.ts";
import { mapping } from "../../support/mapping.ts";
import { containerIdOf, key, type MemberSpec } from "./environment.ts";
import type { LocalFiles } from "./memory-source.ts";

export const TEAMS = ["train", "eval"] as const;
export type Team = (typeof TEAMS)[number];

/** Mappings that differ in every filter; `nested` lies within `all`. A single file cannot mirror its folder, and a folder can. */
export const MAPPINGS: Readonly<Record<Team, readonly ResolvedMapping[]>> = {
  train: [
    mapping("all", { to: "/all", states: ["current", "kept"] }),
    mapping("nested", { to: "/all/conf", states: ["current"] }),
    mapping("head", { to: "/head", roles: ["head"] }),
    mapping("file", { to: "/etc/app.yaml", indexes: ["0"], mirror: true }),
  ],
  eval: [mapping("eval", { to: "/eval", mirror: true })],
};
export const ALL_MAPPINGS = [...MAPPINGS.train, ...MAPPINGS.eval];
export const POD_NAMES = ["p0", "p1", "p2"] as const;

export const isFile = (each: ResolvedMapping): boolean => each.id === "file";
export const rootKeyOf = (each: ResolvedMapping): string => key(each, isFile(each));

/** Files of the image beside those of a mapping, by its id: they stay. */
export const NEIGHBOURS: Readonly<Record<string, LocalFiles>> = {
  all: { "of-image": "i" },
  file: { "of-image": "i", passwd: "root" },
};

/** The same, and what a mirror deletes, by the key of a mapped root. */
export const IMAGE: Readonly<Record<string, LocalFiles>> = Object.fromEntries(
  ALL_MAPPINGS.map((each) => [rootKeyOf(each), each.id === "eval" ? { foreign: "x" } : (NEIGHBOURS[each.id] ?? {})]),
);

export type LocalModel = { readonly state: "present"; readonly files: LocalFiles } | { readonly state: "halted" };

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
  /** Mapped roots that another run claimed, as `CONTAINER ROOT`. */
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

  /** Another run claimed a mapped root of this container. */
  claim(containerId: string, root: string): void {
    this.#claimed.add(`${containerId} ${root}`);
  }

  /** Another run claimed a mapped root that this team maps into the pod. */
  isTaken(pod: PodModel, team: Team): boolean {
    const id = containerIdOf(pod.spec);
    return this.mappingsOf(pod, team).some((each) => this.#claimed.has(`${id} ${rootKeyOf(each)}`));
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
