import { expect, test } from "vitest";
import { Reflector } from "../../src/kube/reflector.ts";
import { answerJson, startApiServer } from "../cluster/support/api-server.ts";
import { makeFolder } from "../cluster/support/kubeconfig-file.ts";
import { JOBS, NAMESPACE, PODS } from "../support/objects.ts";
import { FAST, until } from "./support/reflector.ts";

test("what a list shows is listed over the same connection, before a watch takes that for good", async () => {
  await using server = await startApiServer({
    answer: (request, response) => {
      if (request.url?.includes("watch=true") === true) response.writeHead(200).flushHeaders();
      else answerJson(response, 200, { metadata: { resourceVersion: "1" }, items: [] });
    },
  });
  await using folder = await makeFolder();
  await using cluster = await folder.connect({ server: server.url });
  await using jobs = new Reflector(cluster, { resource: JOBS, namespace: NAMESPACE }, FAST);
  await until(jobs, () => jobs.isComplete);
  // As a pass over the members does: in the next turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  await using pods = new Reflector(cluster, { resource: PODS, namespace: NAMESPACE }, FAST);
  await until(pods, () => pods.isComplete);
  expect(server.connections()).toBe(1);
  await expect.poll(() => server.requests.filter(({ url }) => url?.includes("watch=true")).length).toBe(2);
  expect(server.connections()).toBe(2);
});
