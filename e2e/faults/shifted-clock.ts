import { run } from "../harness/command.ts";
import { KinsyncProcess } from "../harness/kinsync-process.ts";
import type { Fixture } from "../harness/fixture.ts";
import { CONTEXT } from "../harness/kubeconfig.ts";

/**
 * Starts `kinsync up sts/db` with a shifted clock, by Debian's libfaketime. Containers share the clock of their node, so kinsync's
 * clock is shifted instead. The monotonic clock is unchanged, as when an administrator sets the time.
 * @param shift `+1h`, `-1h`
 */
export async function upWithShiftedClock(fixture: Fixture, shift: string): Promise<KinsyncProcess> {
  const { cluster, kubeconfig, namespace, project } = fixture;
  const files = await run(["dpkg", "-L", "libfaketime"]);
  const library = files.split("\n").find((file) => file.endsWith("/libfaketime.so.1"));
  if (library === undefined) throw new Error("Debian's package libfaketime contains no libfaketime.so.1");
  const clock = [`LD_PRELOAD=${library}`, `FAKETIME=${shift}`, "FAKETIME_DONT_FAKE_MONOTONIC=1"];
  const kinsync = new KinsyncProcess({
    command: ["env", ...clock, ...cluster.settings.command],
    args: ["up", "sts/db", "--sync", "src:/app/src", "-o", "json", "-n", namespace, "--context", CONTEXT],
    cwd: project.folder,
    env: { PATH: process.env["PATH"], HOME: project.folder, KUBECONFIG: kubeconfig },
  });
  fixture.defer(() => kinsync[Symbol.asyncDispose]());
  return kinsync;
}
