import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { base64, clientName, answerJson, pem, startApiServer, type ApiServer } from "../support/api-server.ts";
import { writePlugin } from "../support/credential-plugin.ts";
import { errorOf, get, kubeconfigOf, makeFolder, type TestFolder } from "../support/kubeconfig-file.ts";
import { serverFor } from "../support/token-server.ts";

/** Replaces the kubeconfig as login tools do: by a rename. */
async function replace(folder: TestFolder, server: ApiServer, user: object): Promise<void> {
  const draft = await folder.write("draft", kubeconfigOf({ server: server.url, user }));
  await rename(draft, join(folder.path, "config"));
}

test("a token that a login tool replaces in the kubeconfig is used from the next refusal on", async () => {
  await using server = await serverFor("Bearer new");
  await using folder = await makeFolder();
  await using connection = await folder.connect({ server: server.url, user: { token: "old" } });
  expect((await get(connection)).status).toBe(401);
  await replace(folder, server, { token: "new" });
  expect((await get(connection)).status).toBe(200);
  expect((await get(connection)).status).toBe(200);
  expect(server.requests.map((request) => request.headers.authorization)).toEqual([
    "Bearer old",
    "Bearer old",
    "Bearer new",
    "Bearer new",
  ]);
});

test("a client certificate that is replaced in the kubeconfig is used from the next refusal on", async () => {
  await using server = await startApiServer({
    answer: (request, response) => answerJson(response, clientName(request) === "bob" ? 200 : 401, {}),
  });
  await using folder = await makeFolder();
  const data = (name: string) => ({
    "client-certificate-data": base64(pem(`${name}.crt`)),
    "client-key-data": base64(pem(`${name}.key`)),
  });
  await using connection = await folder.connect({ server: server.url, user: data("alice") });
  expect((await get(connection)).status).toBe(401);
  await replace(folder, server, data("bob"));
  expect((await get(connection)).status).toBe(200);
});

test("a plugin that failed and is replaced in the kubeconfig needs no restart and no pause", async () => {
  await using server = await serverFor("Bearer new");
  await using folder = await makeFolder();
  const plugin = await writePlugin(folder, "process.exitCode = 1;");
  await using connection = await folder.connect({ server: server.url, user: { exec: plugin.exec } });
  expect((await errorOf(get(connection))).code).toBe("KINSYNC_CLUSTER_CREDENTIALS");
  await replace(folder, server, { token: "new" });
  expect((await get(connection)).status).toBe(200);
});

test("a kubeconfig that is half written or gone leaves the login as it is", async () => {
  await using server = await serverFor("Bearer t");
  await using folder = await makeFolder();
  await using connection = await folder.connect({ server: server.url, user: { token: "old" } });
  await folder.write("config", "users: [{");
  expect((await get(connection)).status).toBe(401);
  await replace(folder, server, { token: "t" });
  expect((await get(connection)).status).toBe(200);
});
