// What rules as data cost beside the same kind in code: one pod's event in a JobSet of 10,000 pods, from its arrival to the new
// resolution. Requires no cluster.
import { readFileSync } from "node:fs";
import { jobset } from "../../packages/kind-jobset/src/index.ts";
import { defineKind, type KindPlugin } from "../../packages/core/src/contract/index.ts";
import { parseConfigText } from "../../packages/core/src/document/parse.ts";
import { ReflectorPool } from "../../packages/core/src/kube/reflector-pool.ts";
import { watchWorkload } from "../../packages/core/src/resolve/members/workload-watch.ts";
import type { Resolution } from "../../packages/core/src/resolve/resolution.ts";
import { compileRules } from "../../packages/core/src/rules/compile-rules.ts";
import { formatNumber, median, print, ratio, table, verdict } from "../report/format.ts";
import { connectTo, eventBytes, JOBS, LargeWorkload, SETS } from "./large-workload.ts";

const POD_EVENTS = 300;
const STRIDE = 7919;
const FILE = "examples/rules/jobset.kind.yaml";
const LABEL = "jobset.sigs.k8s.io/";

/** @param count number of pods */
export async function benchRules(count: number): Promise<void> {
  const { contract: _contract, type: _type, ...code } = jobset();
  const watches = (): ReturnType<KindPlugin["watches"]> => ({ watches: [{ resource: JOBS }] });
  const text = readFileSync(new URL(`../../${FILE}`, import.meta.url), "utf8");
  const { contract: _c, type: _t, ...rules } = compileRules({ file: FILE, ...parseConfigText(text, FILE, "yaml") });
  // In turns, so that a busy machine disturbs both.
  const times = { code: [] as number[], rules: [] as number[] };
  for (let round = 0; round < 3; round += 1) {
    times.code.push(await timeOfEvent(defineKind({ ...code, root: SETS, watches }), count));
    times.rules.push(await timeOfEvent(defineKind({ ...rules, root: SETS, watches }), count));
  }
  const [ofCode, ofRules] = [median(times.code), median(times.rules)];
  print(`\nRules: one pod's event in a JobSet of ${count} pods, median of ${POD_EVENTS}, median of 3 rounds, ms\n`);
  print(
    table(
      ["", "ms", "of the code"],
      [
        ["the kind in code", formatNumber(ofCode), "1"],
        ["the same kind as rules", formatNumber(ofRules), ratio(ofRules, ofCode)],
      ],
    ),
  );
  print(verdict("a pod's event with rules : with code", ofRules / ofCode, 5));
}

/** Median of the milliseconds from an event to the resolution with it. */
async function timeOfEvent(kind: KindPlugin, count: number): Promise<number> {
  const plain = new LargeWorkload(count);
  const jobs = plain.jobs.map((job, at) => ({
    ...job,
    metadata: {
      ...job.metadata,
      labels: {
        [`${LABEL}restart-attempt`]: "0",
        [`${LABEL}replicatedjob-name`]: "worker",
        [`${LABEL}job-index`]: String(at),
      },
    },
  }));
  const workload = Object.assign(plain, { jobs });
  const { cluster, feeds } = connectTo(workload);
  let onNext: ((resolution: Resolution) => void) | undefined;
  await using reflectors = new ReflectorPool({ cluster });
  await using watch = watchWorkload({
    cluster,
    reflectors,
    ref: { resource: SETS, namespace: "ml", name: "train" },
    kind,
    kinds: [kind],
    signal: new AbortController().signal,
    onResolution: (resolution) => onNext?.(resolution),
  });
  const first = await watch.ready;
  const { state } = first.members[0] ?? {};
  if (first.members.length !== count || state !== "current") throw new Error(`${first.memberCount} members, ${state}`);
  const times: number[] = [];
  let last = 100;
  for (let turn = 0; turn < POD_EVENTS; turn += 1) {
    const event = eventBytes({ type: "MODIFIED", object: workload.pod((turn * STRIDE) % count, `2${turn}`) });
    await new Promise((resolve) => setTimeout(resolve, 2 * Math.max(1, last)));
    const done = new Promise<void>((resolve) => (onNext = () => resolve()));
    const from = performance.now();
    feeds.pods.push(event);
    await done;
    last = performance.now() - from;
    times.push(last);
  }
  return median(times);
}
