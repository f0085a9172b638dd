import { fileURLToPath } from "node:url";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { checkConfig, checkSources, resolveConfig } from "@kinsync/core/config";
import type { MappingConfig, WorkloadConfig } from "@kinsync/core/config";
import { createFolder, failure, thrown } from "./support/folder.ts";

const FOLDER = resolve("/work-of/ada");
const ORIGIN = {
  folder: FOLDER,
  placeOf: () => "kinsync.config.yaml",
  describe: (path: readonly (string | number)[]) => path.join("."),
};

function resolveOne(sync: readonly MappingConfig[], rest: Partial<WorkloadConfig> = {}) {
  const [plan] = resolveConfig({ workloads: [{ workload: "jobset/train", sync, ...rest }] }, ORIGIN);
  if (plan === undefined) throw new Error("no plan");
  return plan;
}

test("every default is filled in", () => {
  const plan = resolveOne([{ from: "src", to: "/app/src" }]);
  expect(plan).toEqual({
    workload: "jobset/train",
    namespace: undefined,
    run: [],
    mode: "auto",
    forward: [],
    mappings: [
      {
        id: "jobset/train sync[0]",
        from: join(FOLDER, "src"),
        fromText: "src",
        to: "/app/src",
        toIsFolder: false,
        ignore: [],
        ignoreDefaults: true,
        ignoreFiles: [],
        roles: undefined,
        indexes: undefined,
        labels: undefined,
        container: undefined,
        image: undefined,
        states: ["current", "kept"],
        inPlace: false,
        mirror: false,
        modes: "portable",
        transport: "exec",
        initial: "verify",
      },
    ],
  });
});

test("a transport with options gives both", () => {
  const [mapping] = resolveOne([{ from: "src", to: "/app", transport: ["relay", { port: 1 }] }]).mappings;
  expect(mapping).toMatchObject({ transport: "relay", transportOptions: { port: 1 } });
});

test("a key that a program leaves undefined has its default", () => {
  const mapping = { from: "src", to: "/app", mirror: undefined, states: undefined } as unknown as MappingConfig;
  expect(resolveOne([mapping]).mappings).toEqual(resolveOne([{ from: "src", to: "/app" }]).mappings);
});

test("a mapping's container wins over the workload's", () => {
  const plan = resolveOne(
    [
      { from: "a", to: "/a" },
      { from: "b", to: "/b", container: "side" },
    ],
    { containers: { image: "busybox" } },
  );
  expect(plan.mappings.map(({ container, image }) => ({ container, image }))).toEqual([
    { container: undefined, image: "busybox" },
    { container: "side", image: undefined },
  ]);
});

test.each([
  ["/app//src/", "/app/src", true],
  ["/app/./src", "/app/src", false],
  ["app/src", "app/src", false],
  ["./app", "app", false],
  [".", ".", false],
  ["/etc/app", "/etc/app", false],
  ["/app/.", "/app", true],
])("the container path %s becomes normal", (text, to, toIsFolder) => {
  const [mapping] = resolveOne([{ from: "src", to: text }]).mappings;
  expect(mapping).toMatchObject({ to, toIsFolder });
});

test.each(["/../app", "../app", "/app/..", "/app/.kinsync", "/app/.kinsync/x", "\\app", "/a\u0007b"])(
  "the container path %j is refused",
  (to) => {
    const error = thrown(() => resolveOne([{ from: "src", to }]));
    expect(error.code).toBe("KINSYNC_TARGET_PATH");
    expect(error.message).toMatch(/^workloads\.0\.sync\.0\.to is "/);
  },
);

test.each(["/", "//", "/.", "/usr/", "/home/ada", "/proc/1"])(
  "the container path %j is refused as a system folder",
  (to) => {
    const error = thrown(() => resolveOne([{ from: "src", to }]));
    expect(error.code).toBe("KINSYNC_CONFIG_SYSTEM_FOLDER");
    expect(error.message).toMatch(/^workloads\.0\.sync\.0\.to is "/);
  },
);

test("a single file may go into a system folder", () => {
  const from = fileURLToPath(import.meta.url);
  expect(resolveOne([{ from, to: "/etc/" }]).mappings[0]).toMatchObject({ to: "/etc" });
  expect(resolveOne([{ from, to: "/usr/local/bin/tool" }]).mappings[0]).toMatchObject({ to: "/usr/local/bin/tool" });
  expect(thrown(() => resolveOne([{ from, to: "/etc" }])).code).toBe("KINSYNC_CONFIG_SYSTEM_FOLDER");
});

test("two mappings on one path of the same containers are refused", () => {
  const error = thrown(() =>
    resolveOne([
      { from: "a", to: "/app" },
      { from: "b", to: "/app/" },
    ]),
  );
  expect(error.code).toBe("KINSYNC_CONFIG_CONFLICT");
  expect(error.message).toBe("workloads.0.sync.1.to is /app, as in sync[0], and both may meet in one container");
});

test.each<[string, Partial<MappingConfig>, Partial<MappingConfig>]>([
  ["roles", { roles: ["head"] }, { roles: ["worker"] }],
  ["indexes", { indexes: ["0"] }, { indexes: ["1", "2"] }],
  ["labels", { labels: { side: "active" } }, { labels: { zone: "a", side: ["preview", "retired"] } }],
  ["containers", { container: "main" }, { container: "side" }],
  ["states", { states: ["current"] }, { states: ["kept"] }],
])("%s that do not overlap keep two mappings apart", (_what, one, other) => {
  const plan = resolveOne([
    { from: "a", to: "/app", ...one },
    { from: "b", to: "/app", ...other },
  ]);
  expect(plan.mappings).toHaveLength(2);
});

test("roles that overlap in part do not keep them apart", () => {
  const error = thrown(() =>
    resolveOne([
      { from: "a", to: "/app", roles: ["head", "worker"] },
      { from: "b", to: "/app", roles: ["worker"] },
    ]),
  );
  expect(error.code).toBe("KINSYNC_CONFIG_CONFLICT");
});

test("labels with different keys do not keep them apart: a member can have both", () => {
  const error = thrown(() =>
    resolveOne([
      { from: "a", to: "/app", labels: { side: "active" } },
      { from: "b", to: "/app", labels: { zone: "a" } },
    ]),
  );
  expect(error.code).toBe("KINSYNC_CONFIG_CONFLICT");
});

test("labels accept one value or several", () => {
  const plan = resolveOne([{ from: "a", to: "/app", labels: { side: "active", zone: ["a", "b"] } }]);
  expect(plan.mappings[0]?.labels).toEqual({ side: ["active"], zone: ["a", "b"] });
});

test("nested mappings are no conflict", () => {
  const plan = resolveOne([
    { from: "a", to: "/app" },
    { from: "b", to: "/app/conf" },
  ]);
  expect(plan.mappings).toHaveLength(2);
});

test("a file that goes into a folder meets a mapping of that very path", async () => {
  await using folder = await createFolder({ "config.yaml": "", "other.yaml": "" });
  const workload = {
    workload: "pod/x",
    sync: [
      { from: "config.yaml", to: "/etc/app/" },
      { from: "other.yaml", to: "/etc/app/config.yaml" },
    ],
  };
  const error = thrown(() => resolveConfig({ workloads: [workload] }, { ...ORIGIN, folder: folder.path }));
  expect(error.code).toBe("KINSYNC_CONFIG_CONFLICT");
});

test("a workload that is there twice is refused", () => {
  const workload = { workload: "pod/x", sync: [{ from: "a", to: "/a" }] };
  expect(thrown(() => resolveConfig({ workloads: [workload, workload] }, ORIGIN)).code).toBe("KINSYNC_CONFIG_CONFLICT");
  const elsewhere = { ...workload, namespace: "other" };
  expect(resolveConfig({ workloads: [workload, elsewhere] }, ORIGIN)).toHaveLength(2);
});

test("a message about a value of a file names the place in it", async () => {
  await using folder = await createFolder({
    "kinsync.config.yaml": "workloads:\n  - workload: pod/x\n    sync:\n      - { from: a, to: / }\n",
  });
  const loaded = await folder.load();
  if (loaded === undefined) throw new Error("no config");
  const { config, origin } = await checkConfig(loaded);
  const error = thrown(() => resolveConfig(config, origin));
  expect(error.message).toBe('kinsync.config.yaml:4:24: workloads[0].sync[0].to is "/", the root of the container');
});

test("a local path that is not there is told with the nearest name", async () => {
  await using folder = await createFolder({ "src/main.py": "" });
  const [plan] = resolveConfig(
    { workloads: [{ workload: "pod/x", sync: [{ from: "scr", to: "/app" }] }] },
    { ...ORIGIN, folder: folder.path },
  );
  const error = await failure(checkSources(plan?.mappings ?? []));
  expect(error.code).toBe("KINSYNC_SOURCE_MISSING");
  expect(error.message).toBe(`pod/x sync[0]: there is no scr (looked for ${join(folder.path, "scr")})`);
  expect(error.hint).toBe("Did you mean src?");
});

test.each(["~/x", "~", "~ada/x", "$HOME/x", "/app/${NAME}", "$X"])("the container path %s is refused", (to) => {
  const workloads = [{ workload: "pod/x", sync: [{ from: "a", to }] }];
  expect(thrown(() => resolveConfig({ workloads }, ORIGIN)).code).toBe("KINSYNC_TARGET_PATH");
});

test.each(["/app/a~", "/app/~x", "/app/$", "/app/a$b"])("the container path %s is a path", (to) => {
  const workloads = [{ workload: "pod/x", sync: [{ from: "a", to }] }];
  expect(resolveConfig({ workloads }, ORIGIN)[0]?.mappings[0]?.to).toBe(to);
});
