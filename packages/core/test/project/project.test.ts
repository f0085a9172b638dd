import { chown } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defineTransport } from "../../src/contract/index.ts";
import { teamKind } from "../support/objects.ts";
import type { EngineEvent } from "../../src/engine/events.ts";
import type { KinsyncConfig } from "../../src/contract/config.ts";
import type { ProjectStep } from "../../src/project/index.ts";
import { failure } from "../config/support/folder.ts";
import { createFixture } from "./support/fixture.ts";

const sync = [{ from: "src", to: "/app/src" }];
const TRAIN: KinsyncConfig = { workloads: [{ workload: "team/train", sync }] };

test("an inline config is opened, and its folder is synced", async () => {
  await using fixture = await createFixture();
  const project = await fixture.open({ inline: TRAIN });
  const events: EngineEvent[] = [];
  const { outcome, summaries } = await project.sync({ onEvent: (event) => events.push(event) });
  expect(outcome).toMatchObject({ isDone: true, exitCode: 0 });
  expect(summaries).toMatchObject([{ workload: "team/train", targets: 1, synced: 1 }]);
  const [key = ""] = fixture.container.roots.keys();
  expect(fixture.container.seen(key)).toEqual({ "main.py": "print(1)\n" });
  expect(events.map(({ event }) => event)).toContain("synced");
});

test("a config file above is found, and its workload has every default filled in", async () => {
  await using fixture = await createFixture({
    "kinsync.config.yaml": "workloads: [{ workload: tm/train, sync: [{ from: src, to: /app }] }]",
    "below/keep": "",
  });
  const project = await fixture.open({ cwd: `${fixture.folder.path}/below` });
  expect(project.workloads).toMatchObject([
    { name: "tm/train", ref: { namespace: "ml", name: "train" }, mappings: [{ to: "/app", transport: "exec" }] },
  ]);
});

test("without a config file and mappings the folders that were searched are named", async () => {
  await using fixture = await createFixture();
  const error = await failure(fixture.open({ flags: { workloads: ["team/train"] } }));
  expect(error).toMatchObject({
    code: "KINSYNC_USAGE",
    message: `There is no config file in ${fixture.folder.path}, and no --sync names what to write where`,
  });
});

test.each([
  ["kinsync.yaml", "kinsync.config.yaml"],
  ["kinsync.ts", "kinsync.config.ts"],
  [".kinsync.toml", "kinsync.config.yaml"],
])("a file %s, which is not a name of a config, is named with the right name %s", async (file, right) => {
  await using fixture = await createFixture({ [file]: "" });
  const error = await failure(fixture.open({ flags: { workloads: ["team/train"] } }));
  expect(error.hint).toBe(
    `${file} does not have the name of a config. Rename it to ${right}, or name it: --config ${file}`,
  );
});

test("a mapping that asks for what its transport cannot do is refused before anything is connected", async () => {
  await using fixture = await createFixture();
  const steps: string[] = [];
  const limited = defineTransport({ name: "exec", open: () => Promise.reject(new Error("never opened")) });
  const opening = fixture.open({
    inline: { workloads: [{ workload: "team/train", sync: [{ from: "src", to: "/app", mirror: true }] }] },
    plugins: [teamKind(), limited],
    onStep: ({ step }) => steps.push(step),
  });
  await expect(opening).rejects.toMatchObject({
    code: "KINSYNC_TRANSPORT_CANNOT",
    message: expect.stringContaining("the transport exec cannot list files that kinsync did not create") as string,
  });
  expect(steps).toEqual(["planned"]);
});

test("steps are reported in order, before the next one begins", async () => {
  await using fixture = await createFixture();
  const steps: string[] = [];
  await fixture
    .open({
      inline: TRAIN,
      plugins: undefined,
      onStep: ({ step }) => steps.push(step),
    })
    .catch(() => steps.push("no transport"));
  expect(steps).toEqual(["planned", "no transport"]);
  steps.length = 0;
  await fixture.open({ inline: TRAIN, onStep: ({ step }) => steps.push(step) });
  expect(steps).toEqual(["planned", "plugins", "connected"]);
});

test("a broken package.json with a config stops no run that names everything: it is a note", async () => {
  await using fixture = await createFixture({ "package.json": '<<<<<<< HEAD\n{ "kinsync": { "workloads": [] } }' });
  const notes: string[] = [];
  const onStep = (step: ProjectStep): void => {
    if (step.step === "config") notes.push(...step.notes);
  };
  const flags = { workloads: ["team/train"] };
  const all = await fixture.open({ flags: { ...flags, sync: ["src:/app"] }, onStep });
  expect(all.workloads.map(({ name }) => name)).toEqual(["team/train"]);
  expect(all.notes[0]).toMatch(/^package\.json:1:1 is not valid JSON.* it is not used, since the command line names/);
  expect(notes).toEqual(all.notes);
  await fixture.open({ flags, access: "read" });
  for (const options of [{ flags }, { flags, access: "read", config: "package.json" }] as const) {
    expect((await failure(fixture.open(options))).code).toBe("KINSYNC_CONFIG_PARSE");
  }
});

test.skipIf(process.getuid?.() !== 0)("a config of another user stops no run that names everything", async () => {
  await using fixture = await createFixture({ "kinsync.config.mjs": "globalThis.ranTheirs = true;" });
  await chown(join(fixture.folder.path, "kinsync.config.mjs"), 4321, -1);
  const flags = { workloads: ["team/train"] };
  const project = await fixture.open({ flags: { ...flags, sync: ["src:/app"] } });
  expect(project.notes[0]).toMatch(/^kinsync\.config\.mjs belongs to another user .* it is not used/);
  await fixture.open({ flags, access: "read" });
  expect((await failure(fixture.open({ flags }))).code).toBe("KINSYNC_CONFIG_FOREIGN");
  expect("ranTheirs" in globalThis).toBe(false);
});

test("a context that nobody allowed is refused before the cluster gets a request", async () => {
  await using fixture = await createFixture();
  const error = await failure(fixture.open({ inline: TRAIN, context: undefined }));
  expect(error.code).toBe("KINSYNC_CLUSTER_CONTEXT_REFUSED");
  expect(fixture.cluster.requests).toEqual([]);
  await fixture.open({ inline: { ...TRAIN, contexts: ["fake"] }, context: undefined });
  await fixture.open({ inline: TRAIN, context: undefined, access: "read" });
});

test("the same name in two namespaces is two workloads", async () => {
  await using fixture = await createFixture();
  const workloads = [
    { workload: "team/train", namespace: "ml", sync },
    { workload: "team/train", namespace: "other", sync },
  ];
  const both = await fixture.open({ inline: { workloads } });
  expect(both.workloads.map(({ ref }) => ref.namespace)).toEqual(["ml", "other"]);
  const one = await fixture.open({ inline: { workloads }, flags: { workloads: ["tm/train"], namespace: "other" } });
  expect(one.workloads.map(({ ref }) => ref.namespace)).toEqual(["other"]);
});

test("two names for one workload are refused", async () => {
  await using fixture = await createFixture();
  const workloads = [
    { workload: "team/train", sync },
    { workload: "teams.example.com/train", namespace: "ml", sync },
  ];
  expect(await failure(fixture.open({ inline: { workloads } }))).toMatchObject({
    code: "KINSYNC_CONFIG_CONFLICT",
    message: "team/train and teams.example.com/train are one workload of namespace ml",
  });
});

test("flags narrow the mappings of the config", async () => {
  await using fixture = await createFixture({ "head.yaml": "", "worker.yaml": "" });
  const mappings = [
    { from: "src", to: "/app/src" },
    { from: "head.yaml", to: "/etc/app/config.yaml", roles: ["head"] },
    { from: "worker.yaml", to: "/etc/app/config.yaml", roles: ["worker"] },
  ];
  const inline = { workloads: [{ workload: "team/train", sync: mappings }] };
  const project = await fixture.open({ inline, flags: { roles: ["head"], container: "side", initial: "full" } });
  expect(project.workloads[0]?.mappings).toMatchObject([
    { id: "team/train sync[0]", roles: ["head"], container: "side", initial: "full" },
    { id: "team/train sync[1]", roles: ["head"], container: "side", initial: "full" },
  ]);
  expect(project.workloads[0]?.mappings).toHaveLength(2);
  const none = { workloads: [{ workload: "team/train", sync: mappings.slice(1) }] };
  const error = await failure(fixture.open({ inline: none, flags: { roles: ["driver"] } }));
  expect(error.message).toBe("No mapping of team/train is for the role driver");
});

test("mappings of the command line take the place of the config's", async () => {
  await using fixture = await createFixture({ "lib/a.py": "" });
  const inline = { workloads: [{ workload: "team/train", containers: { name: "side" }, sync }] };
  const flags = { workloads: ["tm/train"], sync: ["lib:/app/lib"] };
  const project = await fixture.open({ inline, flags });
  expect(project.workloads).toMatchObject([{ name: "tm/train", mappings: [{ to: "/app/lib", container: "side" }] }]);
  expect(project.workloads[0]?.mappings).toHaveLength(1);
});

test("hooks and rebuilds of a config run in its folder, also where the command line has the mappings", async () => {
  await using fixture = await createFixture({
    "kinsync.config.json": JSON.stringify({
      workloads: [
        {
          workload: "tm/train",
          sync,
          hooks: { before: "make" },
          rebuild: { when: ["Dockerfile"], command: "make" },
        },
      ],
    }),
    "below/src/a.py": "",
  });
  const flags = { workloads: ["tm/train"], sync: ["src:/app"] };
  const project = await fixture.open({ cwd: join(fixture.folder.path, "below"), flags });
  const [workload] = project.workloads;
  expect(workload?.mappings).toMatchObject([{ from: join(fixture.folder.path, "below/src") }]);
  expect([workload?.hooks?.before?.folder, workload?.rebuild?.folder]).toEqual([
    fixture.folder.path,
    fixture.folder.path,
  ]);
});

test("a container for every mapping must not make two of them meet", async () => {
  await using fixture = await createFixture();
  const mappings = ["main", "side"].map((container) => ({ from: "src", to: "/app", container }));
  const inline = { workloads: [{ workload: "team/train", sync: mappings }] };
  await fixture.open({ inline });
  const error = await failure(fixture.open({ inline, flags: { container: "main" } }));
  expect(error.code).toBe("KINSYNC_CONFIG_CONFLICT");
});

test("a wrong inline config names the path of the value", async () => {
  await using fixture = await createFixture();
  const inline = { workloads: [{ workload: "team/train", snyc: sync }] } as unknown as KinsyncConfig;
  const error = await failure(fixture.open({ inline }));
  expect(error.message).toBe('the inline config: workloads[0]: the key "snyc" is not known');
  expect(error.hint).toBe('Did you mean "sync"?');
});

test("the permissions are those of the kind's watches and of the transports in use", async () => {
  await using fixture = await createFixture();
  const project = await fixture.open({ inline: TRAIN });
  const common = { namespace: "ml", isOptional: false };
  expect(project.permissions).toEqual([
    { ...common, apiGroups: ["example.com"], resources: ["teams"], verbs: ["get", "list", "watch"] },
    { ...common, apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
    { ...common, apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list", "watch"] },
    { ...common, apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
  ]);
  const read = await fixture.open({ inline: TRAIN, access: "read" });
  expect(read.permissions.flatMap(({ resources }) => resources)).toEqual(["teams", "pods", "jobs"]);
});

test("a workload that is only read needs no config", async () => {
  await using fixture = await createFixture();
  const project = await fixture.open({ access: "read", flags: { workloads: ["tm/serve"] } });
  expect(project.workloads).toMatchObject([{ name: "tm/serve", mappings: [], found: { kind: { name: "team" } } }]);
});

test("closing a project leaves a connection open that was handed in", async () => {
  await using fixture = await createFixture();
  const project = await fixture.open({ inline: TRAIN });
  await project.close();
  await using again = await fixture.open({ inline: TRAIN });
  expect((await again.sync()).outcome.exitCode).toBe(0);
});

test("files of rules in kinds/ beside the config are found, and one that the config names too counts once", async () => {
  const rules = (name: string, kind: string): string =>
    `name: ${name}\nroot: { group: example.com, version: v1, kind: ${kind} }\n`;
  await using fixture = await createFixture({
    "kinsync.config.yaml":
      "kinds: [{ rules: kinds/fleet.kind.yaml }]\nworkloads: [{ workload: tm/train, sync: [{ from: src, to: /app }] }]",
    "kinds/team.kind.yaml": rules("team-by-rules", "Team"),
    "kinds/fleet.kind.yaml": rules("fleet", "Fleet"),
    "kinds/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\n",
  });
  const project = await fixture.open();
  expect(project.registry.kinds.map(({ name }) => name)).toEqual(["fleet", "team-by-rules"]);
  expect(project.workloads.map(({ name }) => name)).toEqual(["tm/train"]);
});

test.skipIf(process.getuid?.() !== 0)("a file of rules of another user is refused", async () => {
  await using fixture = await createFixture({
    "kinsync.config.yaml": "workloads: [{ workload: tm/train, sync: [{ from: src, to: /app }] }]",
    "kinds/team.kind.yaml": "name: team\nroot: { group: example.com, version: v1, kind: Team }\n",
  });
  await chown(join(fixture.folder.path, "kinds/team.kind.yaml"), 12_345, 12_345);
  expect(await failure(fixture.open())).toMatchObject({ code: "KINSYNC_CONFIG_FOREIGN" });
});
