import { expect } from "vitest";
import { kubeconfigOf, writeKubeconfig } from "../harness/access.ts";
import { openRelay } from "../faults/recovery.ts";
import type { Kinsync } from "../harness/kinsync-process.ts";
import { emptyPod } from "../harness/mapped-pod.ts";
import type { Pod } from "../harness/objects.ts";
import type { Picture } from "../harness/file-listing.ts";
import { situation } from "../harness/situation.ts";
import type { Stage } from "../harness/fixture.ts";
import { untilNothingIsLeft } from "../harness/container-processes.ts";
import { ForwardingProxy, readWay } from "../harness/proxies.ts";
import type { ForwardingOptions } from "../harness/proxies.ts";

/** Milliseconds from the first signal to the end. kinsync takes a second at most; the machine may be loaded. */
const BOUND = 5_000;

const MIB = 1 << 20;
const FOLDERS = 150;

interface Phase {
  /** `Ctrl-C …` */
  readonly name: string;
  /** Changes the local files, starts `up`, and resolves in the phase. The pod holds what `src` was before. */
  readonly reach: (stage: Stage, x: Pod) => Promise<Reached>;
}

interface Reached {
  readonly kinsync: Kinsync;
  /** Lets go, once the signal is sent, of what was held to make the phase last. */
  readonly goOn?: () => void;
}

const PHASES: readonly Phase[] = [
  { name: "while the API server does not answer", reach: (stage) => upAgainst(stage, () => "hold") },
  {
    name: "while the pods are being listed",
    reach: (stage) => upAgainst(stage, (path) => (/\/pods\?/.test(path) ? "hold" : "pass")),
  },
  {
    name: "while the way into the container is being opened",
    reach: (stage) => upAgainst(stage, (path) => (path.includes("/exec?") ? "hold" : "pass")),
  },
  {
    name: "while it waits to try again",
    reach: async (stage) => {
      const kinsync = await startAgainst(stage, { fate: (path) => (path.includes("/exec?") ? "refuse" : "pass") });
      await kinsync.until("it tries again later", ({ event }) => event === "retry");
      return { kinsync };
    },
  },
  {
    name: "while a first sync of 60 MiB is on its way",
    reach: async (stage) => {
      await stage.project.write("src/large.bin", Buffer.alloc(60 * MIB, "the new one"));
      const relay = await openRelay(stage);
      const half = relay.strikeAt("silence", { after: 30 * MIB });
      const kinsync = stage.up("pod/x", { kubeconfig: relay.kubeconfig });
      await half;
      return { kinsync, goOn: () => relay.resume() };
    },
  },
  {
    name: "in the middle of a commit",
    reach: async (stage, x) => {
      const kinsync = stage.up("pod/x");
      await kinsync.ready();
      const before = await stage.look(x);
      for (let at = 0; at < FOLDERS; at += 1) await stage.project.write(`src/many/${at}/f.txt`, `new ${at}\n`);
      await stage.until("the first of them are there", () => differs(stage, x, before), { every: 5 });
      return { kinsync };
    },
  },
  {
    name: "while all is in step",
    reach: async (stage) => {
      const kinsync = stage.up("pod/x");
      await kinsync.ready();
      return { kinsync };
    },
  },
];

async function differs(stage: Stage, x: Pod, before: Picture | undefined): Promise<boolean> {
  const now = (await stage.look(x)) ?? {};
  return Object.entries(now).some(([path, entry]) => before?.[path] !== entry);
}

/** `up` by way of a proxy. */
async function startAgainst(stage: Stage, options: ForwardingOptions): Promise<Kinsync> {
  const proxy = await openProxy(stage, options);
  return stage.up("pod/x", { kubeconfig: await kubeconfigFor(stage, proxy) });
}

/** `up` against a proxy that leaves some requests without an answer, and has got the first of those. */
async function upAgainst(stage: Stage, fate: (path: string) => "pass" | "hold"): Promise<Reached> {
  const proxy = await openProxy(stage, { fate });
  const kinsync = stage.up("pod/x", { kubeconfig: await kubeconfigFor(stage, proxy) });
  await stage.until("a request waits", () => proxy.held.length > 0, { every: 20 });
  return { kinsync };
}

async function openProxy(stage: Stage, options: ForwardingOptions): Promise<ForwardingProxy> {
  const proxy = await ForwardingProxy.open(await readWay(stage.kubeconfig), options);
  stage.atEnd(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

function kubeconfigFor({ namespace, project }: Stage, proxy: ForwardingProxy): Promise<string> {
  const text = kubeconfigOf({ cluster: { server: `http://${proxy.host}` }, user: {}, namespace });
  return writeKubeconfig(project.path("through"), text);
}

/** A pod that holds what `src` holds. */
async function held(stage: Stage): Promise<Pod> {
  const { project } = stage;
  await project.writeAll({ "src/f.txt": "old\n", "src/large.bin": "the old one\n" });
  for (let at = 0; at < FOLDERS; at += 1) await project.write(`src/many/${at}/f.txt`, `old ${at}\n`);
  const x = await emptyPod(stage);
  expect((await stage.sync("pod/x")).end.code).toBe(0);
  await stage.same([x]);
  return x;
}

/** Sends the signals, and checks how it ends and what it leaves. */
async function end(stage: Stage, x: Pod, reached: Reached, before: Picture, signals: readonly NodeJS.Signals[]) {
  const { kinsync, goOn } = reached;
  const began = performance.now();
  for (const signal of signals) kinsync.signal(signal);
  goOn?.();
  const { code } = await kinsync.ended;
  expect(code).toBe(130);
  expect(performance.now() - began).toBeLessThan(BOUND);
  await untilNothingIsLeft(stage, "x");
  const after = await stage.project.picture("src");
  const now = (await stage.look(x)) ?? {};
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
  { title: "SIGTERM", signals: ["SIGTERM"], of: /60 MiB|commit|in step/ },
];

for (const { title, signals, of = /./ } of SIGNALS) {
  for (const { name, reach } of PHASES.filter((phase) => of.test(phase.name))) {
    situation(
      `${title} ${name}: ends with 130, each file is old or new, nothing is left, and the next run goes on`,
      {},
      async (stage) => {
        const x = await held(stage);
        const before = await stage.project.picture("src");
        await stage.project.write("src/f.txt", "new\n");
        await end(stage, x, await reach(stage, x), before, signals);
        expect((await stage.sync("pod/x")).end.code).toBe(0);
        await stage.same([x]);
      },
    );
  }
}
