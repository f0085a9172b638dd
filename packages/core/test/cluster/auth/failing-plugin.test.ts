import { expect, test } from "vitest";
import { writePlugin } from "../support/credential-plugin.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";
import { serverFor } from "../support/token-server.ts";

test("a failing plugin pauses for all callers: hundred requests start it once", async () => {
  await using folder = await makeFolder();
  const plugin = await writePlugin(folder, 'console.error("log in first"); process.exitCode = 1;');
  await using connection = await folder.connect({ server: "https://127.0.0.1:1", user: { exec: plugin.exec } });
  const errors = [];
  for (let round = 0; round < 4; round += 1) {
    errors.push(...(await Promise.all(Array.from({ length: 25 }, () => errorOf(get(connection))))));
  }
  expect(await plugin.runs()).toHaveLength(1);
  expect(new Set(errors.map(({ message }) => message)).size).toBe(1);
  expect(errors.every(({ code }) => code === "KINSYNC_CLUSTER_CREDENTIALS")).toBe(true);
  // The callers wait for the end of the pause, and do not ask before.
  expect(errors.every(({ details }) => Number(details["retryAfter"]) > 0)).toBe(true);
});

test("after the pause the plugin runs again, and its credential is used", async () => {
  await using server = await serverFor("Bearer t2");
  await using folder = await makeFolder();
  const plugin = await writePlugin(folder, "if (run === 1) process.exitCode = 1; else give({ token: `t${run}` });");
  await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
  const { details } = await errorOf(get(connection));
  await new Promise((resolve) => {
    setTimeout(resolve, Number(details["retryAfter"]) + 50);
  });
  expect((await get(connection)).status).toBe(200);
  expect(await plugin.runs()).toHaveLength(2);
});

test("credentials that the server refuses again and again do not start the plugin at each request", async () => {
  await using server = await serverFor("nobody");
  await using folder = await makeFolder();
  const plugin = await writePlugin(folder, "give({ token: `t${run}` });");
  await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
  for (let i = 0; i < 20; i += 1) expect((await get(connection)).status).toBe(401);
  expect((await plugin.runs()).length).toBeLessThanOrEqual(2);
});
