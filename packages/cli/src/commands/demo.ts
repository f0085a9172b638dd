import { join } from "node:path";
import type { EngineEvent, SyncedEvent } from "@kinsync/core";
import { KinsyncError } from "@kinsync/core/contract";
import { CONFIG_FILE, NAMESPACE, WORKLOAD } from "../demo/manifest.ts";
import { newestOwnerReach } from "../demo/newest-owner.ts";
import type { NewestOwnerReach } from "../demo/newest-owner.ts";
import { createStage } from "../demo/stage.ts";
import type { DemoPod, Stage } from "../demo/stage.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createPaint } from "../render/color.ts";
import type { Paint } from "../render/color.ts";
import { formatColumns } from "../render/columns.ts";
import { NO_PREFIX } from "../render/workload-names.ts";
import { formatEvent } from "../render/lines.ts";
import { cleanData } from "../render/text.ts";
import { duration } from "../render/units.ts";
import type { OutputOptions } from "../setup/options.ts";

export interface DemoOptions extends OutputOptions {
  /** Stay after the last step, until Ctrl-C. */
  readonly keep: boolean;
}

const MEMBERS = 5;
const BEFORE = "learning_rate: 0.1\n";
const AFTER = "learning_rate: 0.01\n";

/** What the demo found out, for `-o json` and for the checks. */
interface Findings {
  readonly members: number;
  /** Milliseconds from the save to the last acknowledgement. */
  readonly last: number;
  readonly newestOwner: NewestOwnerReach;
  /** Milliseconds from the death of a container to the files in its successor. */
  readonly caughtUp: number;
}

/** The main job on an embedded cluster. Verifies each step from outside of the containers, and fails where one differs. */
export async function runDemo(options: DemoOptions, io: Io): Promise<number> {
  const paint = createPaint(io.stdout, io.env, options.color);
  const print = (line: string): void => {
    if (!options.json) io.stdout.write(`${line}\n`);
  };
  const printEvent = (event: EngineEvent): void => {
    if (options.json) io.stdout.write(`${JSON.stringify(cleanData(event))}\n`);
  };
  print(`${paint("bold", "kinsync demo")}: a Kubernetes inside this process, and a training run on it`);

  await using stage = await createStage(io.signal);
  const events: EngineEvent[] = [];
  let follow: ((event: EngineEvent) => void) | undefined;
  const onEvent = (event: EngineEvent): void => {
    events.push(event);
    printEvent(event);
    follow?.(event);
  };
  const findings = await play({ stage, events, onEvent, print, paint });
  if (options.json) {
    io.stdout.write(`${JSON.stringify({ event: "demo", time: new Date().toISOString(), ok: true, ...findings })}\n`);
  }
  if (!options.keep) return EXIT.done;

  print("");
  print(`It stays until Ctrl-C. Edit ${join(stage.folder, CONFIG_FILE)}, and in another terminal:`);
  print(`  export KUBECONFIG=${stage.playground.kubeconfigPath}`);
  print(`  kubectl get pods; kubectl logs -f --prefix -l jobset.sigs.k8s.io/jobset-name=${WORKLOAD}`);
  print(`  kinsync tree jobset/${WORKLOAD}`);
  print("");
  follow = (event) => {
    const line = formatEvent(event, { paint, prefixOf: NO_PREFIX });
    if (line !== undefined) print(line);
  };
  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    io.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return EXIT.done;
}

interface Play {
  readonly stage: Stage;
  readonly events: readonly EngineEvent[];
  readonly onEvent: (event: EngineEvent) => void;
  readonly print: (line: string) => void;
  readonly paint: Paint;
}

async function play({ stage, events, onEvent, print, paint }: Play): Promise<Findings> {
  const { signpost } = stage;
  const step = (number: number, title: string): void => print(`\n${paint("bold", `${number}. ${title}`)}`);

  step(1, `jobset/${WORKLOAD}: one head, four workers, each with a process that reads ${CONFIG_FILE} again and again`);
  await stage.save(BEFORE);
  await signpost.until("all five members to run", () => (runningPods(stage).length === MEMBERS ? true : undefined));
  for (const job of stage.jobs()) print(`   Job ${job.name}, made at ${job.created.slice(11, 19)}`);
  print(`   containers are folders with real processes${stage.confined ? ", each with a root of its own" : ""}`);

  step(2, `kinsync up jobset/${WORKLOAD} --sync config:config`);
  await stage.startSync(onEvent);
  const ready = await signpost.until("the first sync", () => events.find((event) => event.event === "ready"));
  if (ready.synced !== MEMBERS)
    throw failed(`${ready.synced} of ${MEMBERS} members were up to date after the first sync`);
  const pods = runningPods(stage);
  await checkBytes(stage, pods, BEFORE);
  print(`   ${MEMBERS} of ${MEMBERS} members have ${BEFORE.trim()}`);

  step(3, `a save: ${BEFORE.trim()} becomes ${AFTER.trim()}`);
  const saved = await saveAndTime(stage, events, pods);
  await checkBytes(stage, pods, AFTER);
  await checkProcesses(stage, pods, AFTER);
  const newestOwner = newestOwnerReach(stage.jobs(), pods);
  const last = Math.max(...saved.values());
  printSave({ pods, saved, newestOwner, print, paint });

  step(4, "a container dies, and its files with it");
  const victim = pods.findLast(({ role }) => role === "worker");
  if (victim === undefined) throw failed("there is no worker");
  const caughtUp = await killAndTime(stage, events, victim);
  await checkBytes(stage, pods, AFTER);
  await checkProcesses(stage, [victim], AFTER);
  print(`   ${victim.name}: killed, restarted with an empty folder, caught up ${duration(caughtUp)} after its death`);

  print("");
  print(
    `${paint(["green", "bold"], "All checks passed")}, checked byte by byte from outside of the containers: ` +
      `${MEMBERS} of ${MEMBERS} after ${duration(last)}, and kinsync restarted or re-created nothing.`,
  );
  return { members: MEMBERS, last, newestOwner, caughtUp };
}

function runningPods(stage: Stage): readonly DemoPod[] {
  const running = new Set(
    stage.playground.kubelet
      .containers()
      .flatMap(({ pod, container, pid }) => (container === "main" && pid !== undefined ? pod : [])),
  );
  return stage.pods().filter(({ name }) => running.has(name));
}

/** Saves the file and waits until every container acknowledges it. Returns the milliseconds since the save, by pod. */
async function saveAndTime(
  stage: Stage,
  events: readonly EngineEvent[],
  pods: readonly DemoPod[],
): Promise<ReadonlyMap<string, number>> {
  const seen = events.length;
  const times = new Map<string, number>();
  const began = performance.now();
  await stage.save(AFTER);
  return stage.signpost.until("all five members to have the save", () => {
    const now = performance.now();
    for (const event of events.slice(seen)) {
      if (event.event === "synced" && !times.has(event.pod)) times.set(event.pod, now - began);
    }
    return pods.every(({ name }) => times.has(name)) ? times : undefined;
  });
}

async function killAndTime(stage: Stage, events: readonly EngineEvent[], { name, uid }: DemoPod): Promise<number> {
  const before = stage.containerIdOf(name);
  const seen = events.length;
  const began = performance.now();
  stage.playground.kubelet.killContainer(NAMESPACE, name, "main");
  await stage.signpost.until("the container to restart", () => {
    const now = stage.containerIdOf(name);
    return now !== undefined && now !== before ? now : undefined;
  });
  const isCaughtUp = (event: EngineEvent): event is SyncedEvent =>
    event.event === "synced" && event.uid === uid && event.files > 0;
  await stage.signpost.until("the new container to be caught up", () => events.slice(seen).find(isCaughtUp));
  return performance.now() - began;
}

async function checkBytes(stage: Stage, pods: readonly DemoPod[], expected: string): Promise<void> {
  for (const { name } of pods) {
    const found = await stage.configIn(name);
    if (found !== expected) throw failed(`${name} holds ${JSON.stringify(found)} in ${CONFIG_FILE}`);
  }
}

/** Each process prints what it reads, ten times a second. */
async function checkProcesses(stage: Stage, pods: readonly DemoPod[], expected: string): Promise<void> {
  const line = `read ${expected.trim()}`;
  for (const { name } of pods) {
    const said = { log: "" };
    let reading = false;
    await stage.signpost.until(`the process in ${name} to print "${line}"`, () => {
      if (!reading) {
        reading = true;
        void stage.logOf(name).then(
          (log) => {
            said.log = log;
            reading = false;
          },
          () => {
            reading = false;
          },
        );
      }
      return said.log.trimEnd().endsWith(line) ? true : undefined;
    });
  }
}

interface SaveStory {
  readonly pods: readonly DemoPod[];
  readonly saved: ReadonlyMap<string, number>;
  readonly newestOwner: NewestOwnerReach;
  readonly print: (line: string) => void;
  readonly paint: Paint;
}

function printSave({ pods, saved, newestOwner, print, paint }: SaveStory): void {
  const { newest, reached, missed } = newestOwner;
  const head = ["MEMBER", "ROLE", "RECEIVED AFTER", "WITH THE RULE OF THE NEWEST OWNER"].map((each) =>
    paint("dim", each),
  );
  const rows = pods.map(({ name, role }) => [
    name,
    role,
    paint("green", duration(saved.get(name) ?? 0)),
    reached.includes(name) ? "updated" : paint("red", `keeps ${BEFORE.trim()}`),
  ]);
  for (const line of formatColumns([head, ...rows])) print(`   ${line}`);
  const names = newest.map(({ name, created }) => `Job ${name}, made at ${created.slice(11, 19)}`).join(" or ");
  print(`   The newest owner is ${names}. A tool that takes the newest owner for the whole`);
  print(
    `   workload reaches ${reached.length} of ${pods.length}${missed.length === 0 ? "." : `, and does not report ${missed.join(", ")}.`}`,
  );
}

function failed(what: string): KinsyncError {
  return new KinsyncError("KINSYNC_INTERNAL", `The demo failed: ${what}`);
}
