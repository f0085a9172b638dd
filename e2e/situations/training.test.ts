import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import { expect } from "vitest";
import { untilApiServerReady, untilControllersWork } from "../faults/control-plane-recovery.ts";
import { killComponent, startComponent } from "../faults/node-components.ts";
import type { Fixture } from "../harness/fixture.ts";
import { ofJobSet, roleOf } from "../harness/jobset-manifests.ts";
import type { KinsyncEvent, KinsyncProcess } from "../harness/kinsync-process.ts";
import type { Container } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/jobset-training");
const SAVES = 50;
const RANKS = 4;

/** Kills the training process of a container. */
const KILL = "for p in /proc/[0-9]*; do grep -q '^python3' $p/cmdline 2>/dev/null && kill -9 ${p#/proc/}; done; true";

/** Adds to the environment of the example's processes. The cluster has no DNS: workers read the address of the head from a ConfigMap. */
async function startTraining(fixture: Fixture, more: Readonly<Record<string, string>>): Promise<readonly Pod[]> {
  const wrapper = await readFile(join(ROOT, "packages/core/programs/wrapper.sh"), "utf8");
  const configMap = (name: string, data: Readonly<Record<string, string>>) =>
    ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data }) as never;
  const training = await exampleOf(fixture);
  for (const { name, template } of training.spec.replicatedJobs) {
    for (const main of template.spec.template.spec.containers) {
      main.image = fixture.cluster.settings.images.training.reference;
      main.imagePullPolicy = "IfNotPresent";
      const settings = { ON_MIXED: "report", STEP_SECONDS: "0.02", ...more };
      main.env = [
        ...(main.env ?? []).filter((each) => each.name !== "HEAD_ADDRESS"),
        ...Object.entries(settings).map(([key, value]) => ({ name: key, value })),
        ...(name === "head"
          ? []
          : [{ name: "HEAD_ADDRESS", valueFrom: { configMapKeyRef: { name: "rendezvous", key: "head" } } }]),
      ];
    }
  }
  await fixture.create(configMap("kinsync-wrapper", { "kinsync-wrapper": wrapper }), training as KubernetesObject);
  const [head] = await fixture.running(1, `${ofJobSet("train")},jobset.sigs.k8s.io/replicatedjob-name=head`);
  await fixture.create(configMap("rendezvous", { head: head?.status?.podIP ?? "" }));
  return await fixture.running(RANKS, ofJobSet("train"));
}

interface Training {
  readonly spec: {
    readonly replicatedJobs: readonly {
      readonly name: string;
      readonly template: {
        readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
      };
    }[];
  };
}

async function exampleOf({ kubectl }: Fixture): Promise<Training> {
  const text = await kubectl.run(["create", "--dry-run=client", "-o", "json", "-f", join(EXAMPLE, "jobset.yaml")]);
  return JSON.parse(text) as Training;
}

async function up(fixture: Fixture, settings: Readonly<Record<string, unknown>>): Promise<KinsyncProcess> {
  const workloads = [{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }], ...settings }];
  await fixture.project.writeAll({
    "src/train.py": await readFile(join(EXAMPLE, "src/train.py"), "utf8"),
    "kinsync.config.json": JSON.stringify({ workloads }),
  });
  await save(fixture, "start");
  const kinsync = fixture.start(["up", "-o", "json"]);
  await kinsync.ready();
  return kinsync;
}

function save({ project }: Fixture, version: string): Promise<void> {
  return project.write("src/model.py", `VERSION = "${version}"\n\n\ndef step(rank, number):\n    return VERSION\n`);
}

function headOf(pods: readonly Pod[]): Pod {
  const head = pods.find((each) => roleOf(each) === "head");
  if (head === undefined) throw new Error("the training has a head");
  return head;
}

/** What the head printed, in all runs of its container. */
async function logOf({ kubectl }: Fixture, pods: readonly Pod[]): Promise<string> {
  const { name } = headOf(pods).metadata;
  const previous = await kubectl.run(["logs", name, "--previous"]).catch(() => "");
  return previous + (await kubectl.run(["logs", name]).catch(() => ""));
}

async function untilAllRun(fixture: Fixture, pods: readonly Pod[], version: string, timeout = 60_000): Promise<void> {
  const runs = async () => (await logOf(fixture, pods)).includes(`all ${RANKS} ranks run ${version}\n`);
  await fixture.until(`all ranks run ${version}`, runs, { timeout });
}

function mixedSteps(log: string): readonly string[] {
  return log.split("\n").filter((line) => line.startsWith("MIXED"));
}

situation(
  "50 saves that each member takes by itself mix versions in a step, and 50 saves of a gang with restart never do",
  { needs: ["jobset", "real", "image:training"], timeout: 600_000 },
  async (fixture) => {
    const pods = await startTraining(fixture, { RELOAD: "1" });
    {
      const kinsync = await up(fixture, { update: "independent" });
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
      // A process that was killed in its start waits for the next save.
      await delay(3_000);
      await save(fixture, `after-${at}`);
      await untilAllRun(fixture, pods, `after-${at}`, 120_000);
    }
    expect(mixedSteps(await logOf(fixture, pods))).toEqual([]);
  },
);

situation(
  "an API server killed at the barrier does not lead to a mixed step",
  { needs: ["jobset", "real", "control", "image:training"], timeout: 600_000 },
  async (fixture) => {
    const pods = await startTraining(fixture, {});
    const kinsync = await up(fixture, { update: "gang", restart: { when: ["*.py"], settle: 300 } });
    await untilAllRun(fixture, pods, "start");
    const since = kinsync.mark();
    await save(fixture, "unreachable");
    await kinsync.until("the gang prepares", ({ event }) => event === "gang", { since });
    const component = await killComponent("kube-apiserver");
    await delay(2_000);
    startComponent(component);
    await untilApiServerReady(fixture);
    await untilControllersWork(fixture);
    await save(fixture, "reachable");
    await untilAllRun(fixture, pods, "reachable", 120_000);
    expect(mixedSteps(await logOf(fixture, pods))).toEqual([]);
  },
);
