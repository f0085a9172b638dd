import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createPlayground, podManifest, readIn, untilRunning } from "../support/playground.ts";
import type { Playground } from "../support/playground.ts";
import { createWorkplace } from "../support/run.ts";
import type { Workplace } from "../support/run.ts";

const FIXTURES = fileURLToPath(new URL("fixtures", import.meta.url));
const CORE = fileURLToPath(new URL("../../../core", import.meta.url));

const CRD = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "fleets.acme.dev" },
  spec: {
    group: "acme.dev",
    scope: "Namespaced",
    names: { plural: "fleets", singular: "fleet", kind: "Fleet", listKind: "FleetList", shortNames: ["fl"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

/** A Fleet with two ships of its present crew, one of a former crew, and a stranger with the same labels. */
async function launchFleet(playground: Playground): Promise<void> {
  playground.apply([
    CRD,
    {
      apiVersion: "acme.dev/v1",
      kind: "Fleet",
      metadata: { name: "north", namespace: "default" },
      spec: { crew: "b" },
    },
  ]);
  const fleet = playground.store.get("fleets.acme.dev", "default", "north");
  if (fleet === undefined) throw new Error("the Fleet was not made");
  const owner = { apiVersion: "acme.dev/v1", kind: "Fleet", name: "north", uid: fleet.metadata.uid };
  const labels = (crew: string, part: string) => ({ "acme.dev/crew": crew, "acme.dev/part": part });
  playground.apply([
    podManifest({ name: "north-flagship", labels: labels("b", "flagship"), owner }),
    podManifest({ name: "north-frigate", labels: labels("b", "frigate"), owner }),
    podManifest({ name: "north-relieved", labels: labels("a", "frigate"), owner }),
    podManifest({ name: "north-pirate", labels: labels("b", "frigate") }),
  ]);
  await untilRunning(playground, "north-flagship", "north-frigate", "north-relieved", "north-pirate");
}

/** Puts the two packages beside the config as an install would: copies, in `node_modules`, with core as their peer. */
async function install(place: Workplace): Promise<void> {
  const modules = join(place.path, "node_modules");
  await cp(FIXTURES, modules, { recursive: true });
  await mkdir(join(modules, "@kinsync"));
  await symlink(CORE, join(modules, "@kinsync/core"), "junction");
}

const YAML = `
kinds:
  - [kinsync-kind-fleet, { roleLabel: acme.dev/part }]
transports:
  - kinsync-transport-oneshot
workloads:
  - workload: fl/north
    sync:
      - { from: charts, to: charts, transport: oneshot }
      - { from: orders.txt, to: orders.txt, transport: oneshot, roles: [flagship] }
`;

const TYPESCRIPT = `
import type { KinsyncConfig } from "@kinsync/core/contract";
import fleet from "kinsync-kind-fleet";
import oneshot from "kinsync-transport-oneshot";

export default {
  kinds: [fleet()],
  transports: [oneshot({ shell: "sh" })],
  workloads: [
    {
      workload: "fleets.acme.dev/north",
      sync: [
        { from: "charts", to: "charts", transport: "oneshot" },
        { from: "orders.txt", to: "orders.txt", transport: "oneshot", roles: ["flagship"] },
      ],
    },
  ],
} satisfies KinsyncConfig;
`;

test.each([
  ["by name in YAML", "kinsync.config.yaml", YAML],
  ["as objects in TypeScript", "kinsync.config.ts", TYPESCRIPT],
])("a kind and a transport of others, %s, keep the right containers in step", async (_form, file, config) => {
  await using playground = await createPlayground();
  await launchFleet(playground);
  await using place = await createWorkplace({
    [file]: config,
    "charts/north.txt": "first\n",
    "charts/deep/reef.txt": "rocks\n",
    "orders.txt": "sail\n",
  });
  await install(place);
  const env = { KUBECONFIG: playground.kubeconfigPath };

  const first = await place.runBin(["sync"], { env });
  expect(first, first.stdout).toMatchObject({ code: 0, stderr: "" });
  for (const ship of ["north-flagship", "north-frigate"]) {
    expect(await readIn(playground, ship, "charts/north.txt")).toBe("first\n");
    expect(await readIn(playground, ship, "charts/deep/reef.txt")).toBe("rocks\n");
  }
  expect(await readIn(playground, "north-flagship", "orders.txt")).toBe("sail\n");
  expect(await readIn(playground, "north-frigate", "orders.txt")).toBeUndefined();
  for (const other of ["north-relieved", "north-pirate"]) {
    expect(await readIn(playground, other, "charts/north.txt")).toBeUndefined();
  }

  // Live: a save, while `up` runs.
  const child = place.spawn(["up", "-o", "json"], { env });
  const events = eventsOf(child.stdout);
  await events.until((event) => event["event"] === "ready");
  await place.write("charts/north.txt", "second\n");
  for (const ship of ["north-flagship", "north-frigate"]) {
    await events.until((event) => event["event"] === "synced" && event["pod"] === ship && event["snapshot"] === 2);
    expect(await readIn(playground, ship, "charts/north.txt")).toBe("second\n");
  }
  child.kill("SIGINT");
  await new Promise((resolve) => child.once("close", resolve));

  const tree = await place.runBin(["tree", "fleet/north", "-o", "json"], { env });
  expect(tree.stderr).toBe("");
  expect(JSON.parse(tree.stdout)).toMatchObject({
    workload: { kind: "Fleet", rule: "fleet" },
    members: [
      { pod: "north-flagship", state: "current", role: "flagship", code: "same-crew" },
      { pod: "north-frigate", state: "current", role: "frigate" },
      { pod: "north-relieved", state: "superseded", code: "other-crew" },
    ],
  });
});

test("a kind whose CRD the cluster does not have is told so", async () => {
  await using playground = await createPlayground();
  await using place = await createWorkplace({ "kinsync.config.yaml": YAML, "charts/x": "", "orders.txt": "" });
  await install(place);
  const { code, stderr } = await place.runBin(["sync"], { env: { KUBECONFIG: playground.kubeconfigPath } });
  expect(stderr).toMatch(
    /^error KINSYNC_RESOLVE_KIND: the cluster has no Fleet \(fleets\.acme\.dev, v1\): its CRD is not installed\n/,
  );
  expect(code).toBe(2);
});

type Event = Readonly<Record<string, unknown>>;

/** JSON lines as they come. */
function eventsOf(stream: NodeJS.ReadableStream): { until(is: (event: Event) => boolean): Promise<Event> } {
  const events: Event[] = [];
  const waiting = new Set<() => void>();
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    events.push(...lines.map((line) => JSON.parse(line) as Event));
    for (const each of waiting) each();
  });
  return {
    until: (is) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not seen; last: ${JSON.stringify(events.at(-1))}`)), 20_000);
        const look = (): void => {
          const found = events.find(is);
          if (found === undefined) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}
