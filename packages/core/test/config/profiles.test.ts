import { expect, test } from "vitest";
import { checkConfig, loadConfig, resolveConfig } from "@kinsync/core/config";
import { createFolder, failure, thrown } from "./support/folder.ts";

const CONFIG = `context: dev
namespace: web
workloads:
  - workload: deploy/web
    sync: [{ from: src, to: /app }]
  - workload: jobset/train
    namespace: ml
    sync: [{ from: src, to: /train }]
profiles:
  ci:
    context: \${CI_CONTEXT}
    namespace: ci
    workloads:
      - workload: deploy/web
        sync:
          - { from: dist, to: /srv }
      - workload: deploy/extra
        sync: [{ from: src, to: /extra }]
  staging:
    contexts: [staging]
    workloads:
      - { workload: jobset/train, namespace: staging }
`;

test("without a profile, the config stands as it is", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": CONFIG });
  const config = await folder.check();
  expect(config).toMatchObject({ context: "dev", namespace: "web" });
  expect(config.workloads.map(({ workload, namespace }) => [workload, namespace])).toEqual([
    ["deploy/web", "web"],
    ["jobset/train", "ml"],
  ]);
  expect(config).not.toHaveProperty("profiles");
});

test("a profile replaces keys of the config and of workloads, and adds workloads", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": CONFIG });
  const config = await folder.check({ profiles: ["ci"], env: { CI_CONTEXT: "kind-ci" } });
  expect(config.context).toBe("kind-ci");
  expect(config.workloads.map(({ workload, namespace, sync }) => [workload, namespace, sync[0]?.to])).toEqual([
    ["deploy/web", "ci", "/srv"],
    ["jobset/train", "ml", "/train"],
    ["deploy/extra", "ci", "/extra"],
  ]);
});

test("of two profiles the later one wins", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": CONFIG });
  const config = await folder.check({ profiles: ["ci", "staging"], env: { CI_CONTEXT: "kind-ci" } });
  expect(config).toMatchObject({ context: "kind-ci", contexts: ["staging"] });
  expect(config.workloads[1]).toMatchObject({ workload: "jobset/train", namespace: "staging" });
});

test("only a chosen profile needs its variables", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": CONFIG });
  expect((await failure(folder.check({ profiles: ["ci"] }))).message).toBe(
    "kinsync.config.yaml:11:14: profiles.ci.context needs the variable CI_CONTEXT, which is not set",
  );
  await expect(folder.check({ profiles: ["staging"] })).resolves.toMatchObject({ context: "dev" });
});

test("an unknown profile is refused with the nearest one", async () => {
  await using folder = await createFolder({ "kinsync.config.yaml": CONFIG });
  expect(await failure(folder.check({ profiles: ["stagin"] }))).toMatchObject({
    code: "KINSYNC_USAGE",
    message: 'kinsync.config.yaml has no profile "stagin"; it has the profiles ci, staging',
    hint: "Did you mean staging?",
  });
});

test("a profile that is not chosen is checked, too", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml":
      "workloads: []\nprofiles:\n  ci:\n    contxt: a\n    workloads: [{ workload: pod/x, snc: [] }]\n",
  });
  expect((await failure(folder.check())).message.split("\n")).toEqual([
    'kinsync.config.yaml:4:5: profiles.ci: the key "contxt" is not known',
    'kinsync.config.yaml:5:36: profiles.ci.workloads[0]: the key "snc" is not known',
  ]);
});

test("an entry that changes no workload needs its own `sync`", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": "workloads: []\nprofiles:\n  ci:\n    workloads: [{ workload: pod/x }]\n",
  });
  expect((await failure(folder.check({ profiles: ["ci"] }))).message).toBe(
    "kinsync.config.yaml:4:17: profiles.ci.workloads[0].sync is missing, and `workloads` has no pod/x that this entry could change",
  );
});

test("errors about values of a profile name their position in the profile", async () => {
  const text = CONFIG.replace("to: /srv", "to: /usr");
  await using folder = await createFolder({ "kinsync.config.yaml": text });
  const loaded = await loadConfig({ cwd: folder.path, signal: AbortSignal.timeout(10_000) });
  if (loaded === undefined) throw new Error("no config was found");
  const { config, origin } = await checkConfig(loaded, { profiles: ["ci"], env: { CI_CONTEXT: "x" } });
  expect(thrown(() => resolveConfig(config, origin)).message).toMatch(
    /^kinsync\.config\.yaml:16:31: profiles\.ci\.workloads\[0\]\.sync\[0\]\.to /,
  );
});
