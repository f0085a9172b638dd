import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubernetesObject } from "@kubernetes/client-node";
import type { Fixture } from "./fixture.ts";
import { ofJobSet, roleOf } from "./jobset-manifests.ts";
import type { KinsyncProcess } from "./kinsync-process.ts";
import type { Container } from "./manifests.ts";
import type { Pod } from "./objects.ts";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/jobset-training");
const RANKS = 4;

/** Adds to the environment of the example's processes. The cluster has no DNS: workers read the address of the head from a ConfigMap. */
export async function startTraining(fixture: Fixture, more: Readonly<Record<string, string>>): Promise<readonly Pod[]> {
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

export async function up(fixture: Fixture, settings: Readonly<Record<string, unknown>>): Promise<KinsyncProcess> {
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

export function save({ project }: Fixture, version: string): Promise<void> {
  return project.write("src/model.py", `VERSION = "${version}"\n\n\ndef step(rank, number):\n    return VERSION\n`);
}

export function headOf(pods: readonly Pod[]): Pod {
  const head = pods.find((each) => roleOf(each) === "head");
  if (head === undefined) throw new Error("the training has a head");
  return head;
}

/** What the head printed, in all runs of its container. */
export async function logOf({ kubectl }: Fixture, pods: readonly Pod[]): Promise<string> {
  const { name } = headOf(pods).metadata;
  const previous = await kubectl.run(["logs", name, "--previous"]).catch(() => "");
  return previous + (await kubectl.run(["logs", name]).catch(() => ""));
}

export async function untilAllRun(
  fixture: Fixture,
  pods: readonly Pod[],
  version: string,
  timeout = 60_000,
): Promise<void> {
  const runs = async () => (await logOf(fixture, pods)).includes(`all ${RANKS} ranks run ${version}\n`);
  await fixture.until(`all ranks run ${version}`, runs, { timeout });
}

export function mixedSteps(log: string): readonly string[] {
  return log.split("\n").filter((line) => line.startsWith("MIXED"));
}
