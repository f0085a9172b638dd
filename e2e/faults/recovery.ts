import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { Relay } from "./relay.ts";
import type { RelayOptions } from "./relay.ts";
import type { Kinsync } from "../harness/kinsync-process.ts";
import { container, IDLE, podSpec, SEED, statefulSet } from "../harness/manifests.ts";
import { containerOf } from "../harness/objects.ts";
import type { Pod } from "../harness/objects.ts";
import type { Picture } from "../harness/file-listing.ts";
import type { Stage } from "../harness/fixture.ts";

/** Bytes of the file that is under way when something breaks. */
export const BIG = 40 * 1024 * 1024;

/** What breaks while kinsync has nothing to do, or in the middle of a long transfer. */
export type Moment = "idle" | "transfer";

/** Two pods in step. */
export interface InStep {
  readonly kinsync: Kinsync;
  readonly pods: readonly Pod[];
  /** What kinsync has no business with, by pod. */
  readonly others: readonly Picture[];
}

/**
 * Two pods of sts/db, in step, and beside the mapped folder one that is nobody's business.
 * @param up starts kinsync, with a kubeconfig of its own or in another way; called when the local files are there
 */
export async function inStep(stage: Stage, up: string | (() => Promise<Kinsync>) = stage.kubeconfig): Promise<InStep> {
  const script = `${SEED}; mkdir /app/other; echo mine >/app/other/f.txt; ${IDLE}`;
  await stage.create(statefulSet("db", 2, podSpec(container(stage.world.image, script))));
  const pods = await stage.running(2);
  await stage.project.writeAll({ "src/f.txt": "one\n", "src/gone.txt": "x\n" });
  const kinsync = typeof up === "string" ? stage.up("sts/db", { kubeconfig: up }) : await up();
  await kinsync.ready();
  await stage.same(pods);
  await stage.save(kinsync, "f.txt", "two\n", pods);
  return { kinsync, pods, others: await othersOf(stage, pods) };
}

/** A relay that is gone at the end of the situation. */
export async function openRelay(stage: Stage, options: Partial<RelayOptions> = {}): Promise<Relay> {
  const { kubeconfig, namespace, project } = stage;
  const relay = await Relay.open({ kubeconfig, namespace, folder: project.folder, ...options });
  stage.atEnd(() => relay[Symbol.asyncDispose]());
  return relay;
}

/** Two pods in step, by way of a relay. */
export async function inStepByRelay(stage: Stage): Promise<InStep & { readonly relay: Relay }> {
  const relay = await openRelay(stage);
  return { ...(await inStep(stage, relay.kubeconfig)), relay };
}

/** Saves a large file and waits until half of it went to one of the pods, and is held there; what is to break breaks in the middle. */
export async function inTransfer(stage: Stage, relay: Relay): Promise<void> {
  const struck = relay.strikeAt("silence", { after: BIG / 2 });
  await saveBig(stage);
  await struck;
}

export async function saveBig(stage: Stage, bytes = BIG): Promise<void> {
  // Elsewhere, and then moved: while it is written it is seen at some size, and that one would be on its way.
  await stage.project.write("big.bin", randomBytes(bytes));
  await stage.project.move("big.bin", "src/big.bin");
}

/** What a user does while something is down. */
export async function change(stage: Stage): Promise<void> {
  await stage.project.writeAll({ "src/f.txt": "meanwhile\n", "src/new/g.txt": "g\n" });
  await stage.project.remove("src/gone.txt");
}

/** Resolves when kinsync knows what `change` did. */
export async function changeSeen(kinsync: Kinsync, since = 0): Promise<void> {
  const fits = ({ event, paths }: Kinsync["events"][number]): boolean =>
    event === "snapshot" && paths?.includes("new/g.txt") === true;
  await kinsync.until("the change is seen", fits, { since });
}

export interface Recovery {
  /** Of kinsync's events, from before the fault. */
  readonly since: number;
  /** Milliseconds from now on, within which all pods have to show the local files. */
  readonly within: number;
  /** One of these has to be told, with a sentence. Empty: nothing need be told. */
  readonly codes: readonly string[];
}

/**
 * What has to hold after every fault: all pods show exactly the local files within the bound, nothing else was written, nothing of
 * a transfer that broke off is left, the pods are the same ones and their containers too, kinsync lives and told what happened, and
 * the next save goes through.
 */
export async function recovered(stage: Stage, { kinsync, pods, others }: InStep, recovery: Recovery): Promise<void> {
  await sameWithin(stage, pods, recovery.within);
  const told = kinsync.events.slice(recovery.since);
  if (recovery.codes.length > 0) {
    const sentences = told.filter(({ code = "" }) => recovery.codes.includes(code)).map(({ reason }) => reason);
    expect(
      sentences.length,
      `kinsync tells of one of ${recovery.codes.join(", ")}\n${kinsync.report()}`,
    ).toBeGreaterThan(0);
    for (const sentence of sentences) expect(sentence).toMatch(/\w+ \w+/);
  }
  await stage.save(kinsync, "f.txt", `later ${kinsync.mark()}\n`, pods);
  await sameWithin(stage, pods, 30_000);
  expect(await othersOf(stage, pods)).toEqual(others);
  for (const pod of pods) expect(await leftIn(stage, pod)).toEqual([]);
  const after = await stage.running(pods.length);
  expect(after.map(identityOf)).toEqual(pods.map(identityOf));
}

/** As `Stage.same`, within a bound. */
export async function sameWithin(stage: Stage, pods: readonly Pod[], within: number): Promise<void> {
  const local = await stage.project.picture("src");
  const end = performance.now() + within;
  for (const pod of pods) {
    const left = Math.max(1, end - performance.now());
    await expect
      .poll(() => stage.look(pod), {
        timeout: left,
        interval: 250,
        message: `${pod.metadata.name}, ${within / 1000} s`,
      })
      .toEqual(local);
  }
}

/** Waits for a time that is itself what is tried: an outage of so many milliseconds. */
export async function lasts(milliseconds: number): Promise<void> {
  await delay(milliseconds);
}

/** All of /app but what is mapped. */
async function othersOf(stage: Stage, pods: readonly Pod[]): Promise<readonly Picture[]> {
  return Promise.all(
    pods.map(async (pod) => {
      const all = Object.entries((await stage.look(pod, "/app")) ?? {});
      return Object.fromEntries(all.filter(([path]) => path !== "src" && !path.startsWith("src/")));
    }),
  );
}

/** What kinsync's own folder holds beside its two files for each mapping. */
async function leftIn(stage: Stage, pod: Pod): Promise<readonly string[]> {
  const paths = Object.keys((await stage.look(pod, "/app/.kinsync")) ?? {});
  return paths.filter((path) => !/^[^/]+(?:\/(?:marker|manifest))?$/.test(path));
}

function identityOf(pod: Pod): object {
  const main = containerOf(pod, "main");
  return { uid: pod.metadata.uid, container: main?.containerID, restarts: main?.restartCount };
}
