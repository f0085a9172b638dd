import { expect, test } from "vitest";
import { startApiServer } from "../support/api-server.ts";
import { errorOf, get, makeFolder } from "../support/kubeconfig-file.ts";

test("a server that takes a connection is reported once, however many connections follow", async () => {
  await using server = await startApiServer();
  await using folder = await makeFolder();
  let reports = 0;
  await using connection = await folder.connect({ server: server.url }, { onConnect: () => (reports += 1) });
  expect(reports).toBe(0);
  await Promise.all([get(connection), get(connection), get(connection)]);
  expect([server.connections(), reports]).toEqual([3, 1]);
});

test("a server that refuses the connection is not reported", async () => {
  const server = await startApiServer();
  await server[Symbol.asyncDispose]();
  await using folder = await makeFolder();
  let reports = 0;
  await using connection = await folder.connect({ server: server.url }, { onConnect: () => (reports += 1) });
  await errorOf(get(connection));
  expect(reports).toBe(0);
});
