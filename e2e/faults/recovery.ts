import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import type { FileListing } from "../harness/file-listing.ts";
import type { Fixture } from "../harness/fixture.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, IDLE, podSpec, SEED, statefulSet } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { containerOf } from "../harness/pods.ts";
import { Relay } from "./relay.ts";
import type { RelayOptions } from "./relay.ts";

/** Size of the file that is in transfer during a fault. */
export const LARGE_FILE_BYTES = 40 * 1024 * 1024;

/** When a fault happens: while kinsync is idle, or during a long transfer. */
export type Moment = "idle" | "transfer";

/** Two synced pods. */
export interface SyncedPods {
  readonly kinsync: KinsyncProcess;
  readonly pods: readonly Pod[];
  /** By pod, the files outside the mapping, which kinsync must not change. */
  readonly unmapped: readonly FileListing[];
}

/**
 * Creates the two pods of sts/db, with an unmapped folder beside the mapped one, and syncs them.
 * @param up kinsync's kubeconfig, or a function that starts kinsync; called when the local files exist
 */
export async function syncTwoPods(
  fixture: Fixture,
  up: string | (() => Promise<KinsyncProcess>) = fixture.kubeconfig,
): Promise<SyncedPods> {
  const script = `${SEED}; mkdir /app/other; echo mine >/app/other/f.txt; ${IDLE}`;
  await fixture.create(statefulSet("db", 2, podSpec(container(fixture.cluster.image, script))));
  const pods = await fixture.running(2);
  await fixture.project.writeAll({ "src/f.txt": "one\n", "src/gone.txt": "x\n" });
  const kinsync = typeof up === "string" ? fixture.up("sts/db", { kubeconfig: up }) : await up();
  await kinsync.ready();
  await fixture.untilSame(pods);
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  return { kinsync, pods, unmapped: await unmappedFiles(fixture, pods) };
}

/** A relay that is closed at the end of the situation. */
export async function openRelay(fixture: Fixture, options: Partial<RelayOptions> = {}): Promise<Relay> {
  const { kubeconfig, namespace, project } = fixture;
  const relay = await Relay.open({ kubeconfig, namespace, folder: project.folder, ...options });
  fixture.defer(() => relay[Symbol.asyncDispose]());
  return relay;
}

/** Like `syncTwoPods`, through a relay. */
export async function syncTwoPodsThroughRelay(fixture: Fixture): Promise<SyncedPods & { readonly relay: Relay }> {
  const relay = await openRelay(fixture);
  return { ...(await syncTwoPods(fixture, relay.kubeconfig)), relay };
}

/** Saves a large file, waits until half of it was sent to one of the pods, and holds that transfer. */
export async function holdTransferHalfway(fixture: Fixture, relay: Relay): Promise<void> {
  const held = relay.disruptAt("silence", { afterBytes: LARGE_FILE_BYTES / 2 });
  await saveLargeFile(fixture);
  await held;
}

export async function saveLargeFile(fixture: Fixture, bytes = LARGE_FILE_BYTES): Promise<void> {
  // Written elsewhere and then moved: kinsync would start the transfer of a partly written file.
  await fixture.project.write("large.bin", randomBytes(bytes));
  await fixture.project.move("large.bin", "src/large.bin");
}

/** The changes that a user makes during a fault. */
export async function changeLocalFiles(fixture: Fixture): Promise<void> {
  await fixture.project.writeAll({ "src/f.txt": "meanwhile\n", "src/new/g.txt": "g\n" });
  await fixture.project.remove("src/gone.txt");
}

/** Waits until kinsync has noticed all changes of `changeLocalFiles`. */
export async function untilChangesNoticed(kinsync: KinsyncProcess, since = 0): Promise<void> {
  await kinsync.untilChanged("new/g.txt", since);
}

export interface RecoveryExpectation {
  /** Mark of kinsync's events before the fault. */
  readonly since: number;
  /** Time from now on until all pods have the local files. */
  readonly limitMs: number;
  /** kinsync has to report one of these codes with a sentence. Empty: no report is required. */
  readonly codes: readonly string[];
}

/**
 * Checks what has to hold after every fault: all pods have exactly the local files within the limit; no other file was changed; no
 * part of an interrupted transfer is left; pods and containers are the same; kinsync runs, reported the fault, and syncs the next save.
 */
export async function expectRecovery(
  fixture: Fixture,
  { kinsync, pods, unmapped }: SyncedPods,
  { since, limitMs, codes }: RecoveryExpectation,
): Promise<void> {
  await fixture.untilSame(pods, { timeout: limitMs });
  if (codes.length > 0) expectReport(kinsync, since, codes);
  await fixture.save(kinsync, "f.txt", `later ${kinsync.mark()}\n`, pods);
  await fixture.untilSame(pods, { timeout: 30_000 });
  expect(await unmappedFiles(fixture, pods)).toEqual(unmapped);
  for (const pod of pods) expect(await remainsOfTransfers(fixture, pod)).toEqual([]);
  const after = await fixture.running(pods.length);
  expect(after.map(identityOf)).toEqual(pods.map(identityOf));
}

function expectReport(kinsync: KinsyncProcess, since: number, codes: readonly string[]): void {
  const sentences = kinsync.events
    .slice(since)
    .filter(({ code = "" }) => codes.includes(code))
    .map(({ reason }) => reason);
  expect(sentences.length, `kinsync reports one of ${codes.join(", ")}\n${kinsync.report()}`).toBeGreaterThan(0);
  for (const sentence of sentences) expect(sentence).toMatch(/\w+ \w+/);
}

/** Lists /app without the mapped folder. */
async function unmappedFiles(fixture: Fixture, pods: readonly Pod[]): Promise<readonly FileListing[]> {
  return Promise.all(
    pods.map(async (pod) => {
      const all = Object.entries((await fixture.list(pod, "/app")) ?? {});
      return Object.fromEntries(all.filter(([path]) => path !== "src" && !path.startsWith("src/")));
    }),
  );
}

/** Lists kinsync's state folder without the two files of each mapping. */
async function remainsOfTransfers(fixture: Fixture, pod: Pod): Promise<readonly string[]> {
  const paths = Object.keys((await fixture.list(pod, "/app/.kinsync")) ?? {});
  return paths.filter((path) => !/^[^/]+(?:\/(?:marker|manifest))?$/.test(path));
}

function identityOf(pod: Pod): object {
  const main = containerOf(pod, "main");
  return { uid: pod.metadata.uid, container: main?.containerID, restarts: main?.restartCount };
}
