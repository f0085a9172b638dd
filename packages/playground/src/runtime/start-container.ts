// Starts a container, confined or not.

import { startConfined } from "./confined-container.ts";
import type { Confinement } from "./confinement.ts";
import type { ContainerOptions, RunningContainer } from "./container.ts";
import { startUnconfined } from "./unconfined-container.ts";

/** Starts a container's process. @throws {@link ContainerStartError} */
export function startContainer(confinement: Confinement, options: ContainerOptions): Promise<RunningContainer> {
  return confinement.kind === "confined"
    ? startConfined(confinement.tools, options)
    : startUnconfined(confinement.fence, options);
}
