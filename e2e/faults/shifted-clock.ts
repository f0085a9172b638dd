import { CONTEXT } from "../harness/access.ts";
import { run } from "../harness/command.ts";
import { Kinsync } from "../harness/kinsync-process.ts";
import type { Stage } from "../harness/fixture.ts";

/**
 * Starts `kinsync up sts/db` with a clock that is off, by Debian's libfaketime. Containers share the clock of their node, so that it
 * is kinsync's that is set. The clock that counts time spans is left alone, as it is where somebody sets the time.
 * @param shift `+1h`, `-1h`
 */
export async function upWithClock(stage: Stage, shift: string): Promise<Kinsync> {
  const { kubeconfig, namespace, project, world } = stage;
  const files = await run(["dpkg", "-L", "libfaketime"]);
  const library = files.split("\n").find((file) => file.endsWith("/libfaketime.so.1"));
  if (library === undefined) throw new Error("Debian's package libfaketime has no libfaketime.so.1");
  const clock = [`LD_PRELOAD=${library}`, `FAKETIME=${shift}`, "FAKETIME_DONT_FAKE_MONOTONIC=1"];
  const kinsync = new Kinsync({
    command: ["env", ...clock, ...world.settings.command],
    args: ["up", "sts/db", "--sync", "src:/app/src", "-o", "json", "-n", namespace, "--context", CONTEXT],
    cwd: project.folder,
    env: { PATH: process.env["PATH"], HOME: project.folder, KUBECONFIG: kubeconfig },
  });
  stage.atEnd(() => kinsync[Symbol.asyncDispose]());
  return kinsync;
}
