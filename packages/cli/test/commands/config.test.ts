import { expect, test } from "vitest";
import { parse } from "yaml";
import { createWorkplace } from "../support/run.ts";

const CONFIG = `
workloads:
  - workload: deploy/web
    containers: { name: app }
    sync:
      - from: src
        to: /app/src/
        ignore: ["*.log"]
    run:
      - when: ["*.py"]
        command: [kill, -HUP, "1"]
`;

test("config check accepts a good config without a cluster, and names what is wrong in another", async () => {
  await using place = await createWorkplace({ "src/a.txt": "1", "kinsync.config.yaml": CONFIG });
  const good = await place.run(["config", "check"]);
  expect(good).toEqual({ code: 0, stdout: "kinsync.config.yaml is valid: 1 workload, 1 sync rule\n", stderr: "" });
  const json = await place.run(["config", "check", "-o", "json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, workloads: [{ workload: "deploy/web" }] });
  await place.write("kinsync.config.yaml", CONFIG.replace("ignore:", "ignored:"));
  const wrong = await place.run(["config", "check"]);
  expect(wrong.stderr).toMatch(/^error KINSYNC_CONFIG_INVALID: kinsync\.config\.yaml:8:9: .*"ignored" is not known/);
  expect(wrong.code).toBe(2);
});

test.each<[situation: string, from: string, to: string, code: string]>([
  ["a local path that does not exist", "from: src", "from: scr", "KINSYNC_SOURCE_MISSING"],
  ["a transport that is not loaded", "ignore:", "transport: carrier\n        ignore:", "KINSYNC_PLUGIN_NOT_FOUND"],
  ["a folder of the system", "to: /app/src/", "to: /usr", "KINSYNC_CONFIG_SYSTEM_FOLDER"],
])("config check refuses %s", async (_situation, from, to, code) => {
  await using place = await createWorkplace({ "src/a.txt": "1", "kinsync.config.yaml": CONFIG.replace(from, to) });
  const ran = await place.run(["config", "check"]);
  expect(ran.stderr).toContain(`error ${code}: `);
  expect(ran.code).toBe(2);
});

test("config print has every default, and the place of each value", async () => {
  await using place = await createWorkplace({ "src/a.txt": "1", "kinsync.config.yaml": CONFIG });
  const { code, stdout, stderr } = await place.run(["config", "print"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(parse(stdout)).toEqual({
    workloads: [
      {
        workload: "deploy/web",
        sync: [
          {
            from: `${place.path}/src`,
            to: "/app/src/",
            container: "app",
            ignore: ["*.log"],
            ignoreDefaults: true,
            ignoreFiles: [],
            states: ["current", "kept"],
            inPlace: false,
            mirror: false,
            modes: "portable",
            transport: "exec",
            initial: "verify",
          },
        ],
        run: [
          {
            when: ["*.py"],
            command: ["kill", "-HUP", "1"],
            timeout: 60_000,
            once: false,
            on: "all",
            onFailure: "continue",
            showOutput: false,
          },
        ],
      },
    ],
  });
  expect(stdout).toMatch(/workload: deploy\/web # kinsync\.config\.yaml:3:15\n/);
  expect(stdout).toMatch(/container: app # kinsync\.config\.yaml:4:25\n/);
  expect(stdout).toMatch(/mirror: false # default\n/);
  expect(stdout).toMatch(/timeout: 60000 # default\n/);
  const json = JSON.parse((await place.run(["config", "print", "-o", "json"])).stdout) as {
    sources: Readonly<Record<string, string>>;
  };
  expect(json.sources["workloads[0].sync[0].to"]).toBe("kinsync.config.yaml:7:13");
  expect(json.sources["workloads[0].sync[0].initial"]).toBe("default");
});

test("without a config the message names the folders that were looked at", async () => {
  await using place = await createWorkplace();
  const { code, stderr } = await place.run(["config", "check"]);
  expect(stderr).toContain(`There is no config file in ${place.path}`);
  expect(code).toBe(2);
});
