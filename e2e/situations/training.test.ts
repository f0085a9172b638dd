import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { KinsyncEvent } from "../harness/kinsync-process.ts";
import { situation } from "../harness/situation.ts";
import { headOf, logOf, mixedSteps, save, startTraining, untilAllRun, up } from "../harness/training.ts";

const SAVES = 50;

/** Kills the training process of a container. */
const KILL = "for p in /proc/[0-9]*; do grep -q '^python3' $p/cmdline 2>/dev/null && kill -9 ${p#/proc/}; done; true";

situation(
  "50 saves that each member takes by itself mix versions in a step, and 50 saves of a gang with restart never do",
  { needs: ["jobset", "real", "image:training"], timeout: 600_000 },
  async (fixture) => {
    const pods = await startTraining(fixture, { RELOAD: "1" });
    {
      const kinsync = await up(fixture, { update: "independent", restart: { when: ["train.py"] } });
      await untilAllRun(fixture, pods, "start");
      for (let at = 1; at <= SAVES; at += 1) {
        await save(fixture, `alone-${at}`);
        await untilAllRun(fixture, pods, `alone-${at}`);
      }
      kinsync.signal("SIGINT");
      await kinsync.ended;
    }
    const before = mixedSteps(await logOf(fixture, pods));
    expect(before.length, "the job sees mixed steps").toBeGreaterThan(0);

    // The processes no longer load new files by themselves.
    await fixture.kubectl.run(["delete", "jobset/train", "--cascade=foreground"]);
    await fixture.kubectl.run(["delete", "configmap/rendezvous", "configmap/kinsync-wrapper"]);
    const gang = await startTraining(fixture, {});
    await up(fixture, { update: "gang", restart: { when: ["*.py"], settle: 300 } });
    await untilAllRun(fixture, gang, "start");
    for (let at = 1; at <= SAVES; at += 1) {
      await save(fixture, `gang-${at}`);
      await untilAllRun(fixture, gang, `gang-${at}`);
    }
    expect(mixedSteps(await logOf(fixture, gang))).toEqual([]);
  },
);

interface Phase {
  readonly name: string;
  /** The event of a save in which the phase begins. */
  readonly begins: (event: KinsyncEvent & { readonly phase?: string; readonly step?: string }) => boolean;
}

const PHASES: readonly Phase[] = [
  { name: "before it has staged", begins: ({ event, phase }) => event === "gang" && phase === "preparing" },
  { name: "at the barrier", begins: ({ event, phase }) => event === "gang" && phase === "released" },
  { name: "in the commit", begins: ({ event }) => event === "synced" },
  { name: "after the commit", begins: ({ event, phase }) => event === "gang" && phase === "committed" },
  { name: "in the stop", begins: ({ event, step }) => event === "run" && step === "stop" },
  { name: "in the start", begins: ({ event, step }) => event === "run" && step === "start" },
];

situation(
  "a worker or the head killed in any phase of an update never leads to a mixed step",
  { needs: ["jobset", "real", "image:training"], timeout: 900_000 },
  async (fixture) => {
    const { kubectl } = fixture;
    const pods = await startTraining(fixture, {});
    const kinsync = await up(fixture, { update: "gang", restart: { when: ["*.py"], settle: 300 } });
    await untilAllRun(fixture, pods, "start");
    const workers = pods.filter((each) => each !== headOf(pods));
    for (const [at, phase] of PHASES.entries()) {
      const victim = at === PHASES.length - 1 ? headOf(pods) : workers[at % workers.length];
      const since = kinsync.mark();
      await save(fixture, `killed-${at}`);
      await kinsync.until(phase.name, phase.begins, { since });
      await kubectl.run(["exec", victim?.metadata.name ?? "", "--", "sh", "-c", KILL]).catch(() => "");
      // A process that was killed in its start waits for the next save, and a container that ended starts again at any moment from now on.
      await delay(3_000);
      await save(fixture, `after-${at}`);
      await untilAllRun(fixture, pods, `after-${at}`, 120_000);
    }
    expect(mixedSteps(await logOf(fixture, pods))).toEqual([]);
  },
);
