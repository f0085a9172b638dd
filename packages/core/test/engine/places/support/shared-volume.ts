import { locateRoot } from "../../../../src/engine/places/locate.ts";
import { containerPath } from "../../../../src/mapping/container-path.ts";
import type { ResolvedMapping } from "../../../../src/mapping/mapping.ts";
import { mapping } from "../../../support/mapping.ts";
import { Environment, type SharedVolume } from "../../support/environment.ts";

/** A claim that every container mounts. */
export const CODE: SharedVolume = { at: "/code", volume: "pvc:default/code" };

/** The state key of a mapping in a shared volume. */
export function keyIn(volume: SharedVolume, each: ResolvedMapping): string {
  const path = containerPath(each, false);
  return locateRoot({ podUid: "", containerId: "" }, path, "/", () => ({
    volume: volume.volume,
    path: path.path.slice(volume.at.length) || "/",
  })).key;
}

/** Fills it. */
export const code = mapping("code", { to: "/code" });
export const KEY = keyIn(CODE, code);

/** An environment in which every container mounts the claim. */
export function start(
  workloads: Readonly<Record<string, readonly ResolvedMapping[]>> = { train: [code] },
): Environment {
  return new Environment({ workloads, volumes: [CODE] });
}

export const byText = (one: string, other: string): number => (one < other ? -1 : 1);

/** `POD STATUS` of each target, in the order of the view. */
export const statuses = (environment: Environment): string[] =>
  environment.engine.view().workloads.flatMap(({ targets }) => targets.map(({ pod, status }) => `${pod} ${status}`));
