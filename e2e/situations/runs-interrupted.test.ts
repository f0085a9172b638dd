import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { openRelay } from "../faults/recovery.ts";
import { untilNothingRemains } from "../harness/container-processes.ts";
import type { FileListing } from "../harness/file-listing.ts";
import type { Fixture } from "../harness/fixture.ts";
import { ForwardingProxy } from "../harness/forwarding-proxy.ts";
import type { ForwardingOptions } from "../harness/forwarding-proxy.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { kubeconfigText, readRoute, writeKubeconfig } from "../harness/kubeconfig.ts";
import { emptyPod } from "../harness/mapped-pod.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

/** From the first signal to the end. kinsync takes one second at most, but the machine may be loaded. */
const END_LIMIT_MS = 5_000;

/** Of the output, in the message of a failure. */
const SHOWN_CHARACTERS = 4_000;

const MIB = 1 << 20;
const FOLDERS = 150;

interface Phase {
  /** `Ctrl-C …` */
  readonly name: string;
  /** Changes the local files, starts `up`, and resolves in the phase. The pod has the former files of `src`. */
  readonly reach: (fixture: Fixture, x: Pod) => Promise<Reached>;
}

interface Reached {
  readonly kinsync: KinsyncProcess;
  /** Called after the signal: ends what makes the phase last. */
  readonly endPhase?: () => void;
}

const PHASES: readonly Phase[] = [
  { name: "while the API server does not answer", reach: (fixture) => upAgainst(fixture, () => "hold") },
  {
    name: "while pods are listed",
    reach: (fixture) => upAgainst(fixture, (path) => (/\/pods\?/.test(path) ? "hold" : "pass")),
  },
  {
    name: "while a session opens",
    reach: (fixture) => upAgainst(fixture, (path) => (path.includes("/exec?") ? "hold" : "pass")),
  },
  {
    name: "while it waits to retry",
    reach: async (fixture) => {
      const kinsync = await startAgainst(fixture, {
        handling: (path) => (path.includes("/exec?") ? "refuse" : "pass"),
      });
      await kinsync.until("the batch is retried", ({ event }) => event === "retry");
      return { kinsync };
    },
  },
  {
    name: "during a first sync of 60 MiB",
    reach: async (fixture) => {
      // Compressed, other bytes might never reach half of it: a busy machine looks like a slow link.
      await fixture.project.write("src/large.bin", randomBytes(60 * MIB));
      const relay = await openRelay(fixture);
      const half = relay.disruptAt("silence", { afterBytes: 30 * MIB });
      const kinsync = fixture.up("pod/x", { kubeconfig: relay.kubeconfig });
      await half;
      return { kinsync, endPhase: () => relay.resume() };
    },
  },
  {
    name: "during a commit",
    reach: async (fixture, x) => {
      const kinsync = fixture.up("pod/x");
      await kinsync.ready();
      const before = await fixture.list(x);
      for (let at = 0; at < FOLDERS; at += 1) await fixture.project.write(`src/many/${at}/f.txt`, `new ${at}\n`);
      await fixture.until("the first files are synced", () => differs(fixture, x, before), { interval: 5 });
      return { kinsync };
    },
  },
  {
    name: "while idle",
    reach: async (fixture) => {
      const kinsync = fixture.up("pod/x");
      await kinsync.ready();
      return { kinsync };
    },
  },
];

async function differs(fixture: Fixture, x: Pod, before: FileListing | undefined): Promise<boolean> {
  const now = (await fixture.list(x)) ?? {};
  return Object.entries(now).some(([path, entry]) => before?.[path] !== entry);
}

/** `up` through a proxy. */
async function startAgainst(fixture: Fixture, options: ForwardingOptions): Promise<KinsyncProcess> {
  const proxy = await openProxy(fixture, options);
  return fixture.up("pod/x", { kubeconfig: await kubeconfigFor(fixture, proxy) });
}

/** `up` through a proxy that holds some requests; resolves when the first one is held. */
async function upAgainst(fixture: Fixture, handling: (path: string) => "pass" | "hold"): Promise<Reached> {
  const proxy = await openProxy(fixture, { handling });
  const kinsync = fixture.up("pod/x", { kubeconfig: await kubeconfigFor(fixture, proxy) });
  await fixture.until("a request is held", () => proxy.held.length > 0, { interval: 20 });
  return { kinsync };
}

async function openProxy(fixture: Fixture, options: ForwardingOptions): Promise<ForwardingProxy> {
  const proxy = await ForwardingProxy.open(await readRoute(fixture.kubeconfig), options);
  fixture.defer(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

function kubeconfigFor({ namespace, project }: Fixture, proxy: ForwardingProxy): Promise<string> {
  const text = kubeconfigText({ cluster: { server: `http://${proxy.host}` }, user: {}, namespace });
  return writeKubeconfig(project.path("through-proxy"), text);
}

/** A pod with the files of `src`. */
async function syncedPod(fixture: Fixture): Promise<Pod> {
  const { project } = fixture;
  await project.writeAll({ "src/f.txt": "old\n", "src/large.bin": "old content\n" });
  for (let at = 0; at < FOLDERS; at += 1) await project.write(`src/many/${at}/f.txt`, `old ${at}\n`);
  const x = await emptyPod(fixture);
  expect((await fixture.sync("pod/x")).end.code).toBe(0);
  await fixture.untilSame([x]);
  return x;
}

/** Sends the signals, and checks kinsync's exit code and what remains in the container. */
async function end(
  fixture: Fixture,
  x: Pod,
  reached: Reached,
  before: FileListing,
  signals: readonly NodeJS.Signals[],
) {
  const { kinsync, endPhase } = reached;
  const began = performance.now();
  for (const signal of signals) kinsync.signal(signal);
  endPhase?.();
  const { code, stdout, stderr } = await kinsync.ended;
  expect(code, `${stdout.slice(-SHOWN_CHARACTERS)}${stderr}`).toBe(130);
  expect(performance.now() - began).toBeLessThan(END_LIMIT_MS);
  await untilNothingRemains(fixture, "x");
  const after = await fixture.project.list("src");
  const now = (await fixture.list(x)) ?? {};
  for (const [path, entry] of Object.entries(now)) expect([before[path], after[path]], path).toContain(entry);
  expect(Object.keys(now)).toEqual(expect.arrayContaining(Object.keys(before)));
}

const SIGNALS: readonly {
  readonly title: string;
  readonly signals: readonly NodeJS.Signals[];
  readonly of?: RegExp;
}[] = [
  { title: "Ctrl-C", signals: ["SIGINT"] },
  { title: "Ctrl-C twice", signals: ["SIGINT", "SIGINT"], of: /60 MiB/ },
  { title: "SIGTERM", signals: ["SIGTERM"], of: /60 MiB|commit|idle/ },
];

for (const { title, signals, of = /./ } of SIGNALS) {
  for (const { name, reach } of PHASES.filter((phase) => of.test(phase.name))) {
    situation(`${title} ${name} exits with 130 and leaves whole files`, {}, async (fixture) => {
      const x = await syncedPod(fixture);
      const before = await fixture.project.list("src");
      await fixture.project.write("src/f.txt", "new\n");
      await end(fixture, x, await reach(fixture, x), before, signals);
      expect((await fixture.sync("pod/x")).end.code).toBe(0);
      await fixture.untilSame([x]);
    });
  }
}
