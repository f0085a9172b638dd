import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { clusterWriter } from "../../src/cluster/writer.ts";
import type { ApplyRequest } from "../../src/contract/cluster.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { answerJson, startApiServer } from "./support/api-server.ts";
import { errorOf, makeFolder } from "./support/kubeconfig-file.ts";

const RULES = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["patch"] }];
const PATH = "/api/v1/namespaces/ml/configmaps/settings";
const OBJECT = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", uid: "u-1" }, data: { a: "1" } };

function applyOf(more: Partial<ApplyRequest> = {}): ApplyRequest {
  return { path: PATH, object: OBJECT, fieldManager: "tool", signal: AbortSignal.timeout(10_000), ...more };
}

test("an apply is one PATCH with its field manager, and is never forced", async () => {
  let body = "";
  await using server = await startApiServer({
    answer: (request, response) => {
      void text(request).then((sent) => {
        body = sent;
        answerJson(response, 200, OBJECT);
      });
    },
  });
  await using folder = await makeFolder();
  await using connection = await folder.connect({ server: server.url });
  const response = await clusterWriter(connection, { rules: RULES, namespace: "ml" }).apply(applyOf());
  expect([response.status, await response.json()]).toEqual([200, OBJECT]);
  const [request] = server.requests;
  expect(request?.method).toBe("PATCH");
  expect(request?.url).toBe(`${PATH}?fieldManager=tool&fieldValidation=Strict`);
  expect(request?.headers["content-type"]).toBe("application/apply-patch+yaml");
  expect(JSON.parse(body)).toEqual(OBJECT);
});

describe("nothing is sent", () => {
  test.each<[situation: string, more: Partial<ApplyRequest>, why: string]>([
    ["for a resource that is not declared", { path: "/api/v1/namespaces/ml/secrets/x" }, "does not declare to patch"],
    [
      "for the same name in another group",
      { path: "/apis/apps/v1/namespaces/ml/configmaps/x" },
      "does not declare to patch",
    ],
    ["in another namespace", { path: "/api/v1/namespaces/other/configmaps/x" }, "only objects in the namespace ml"],
    ["for an object without a namespace", { path: "/api/v1/nodes/x" }, "not the path of an object in a namespace"],
    ["for a subresource", { path: `${PATH}/status` }, "not the path of an object in a namespace"],
    ["for a collection", { path: "/api/v1/namespaces/ml/configmaps" }, "not the path of an object in a namespace"],
    [
      "without a UID, which would create an object",
      { object: { ...OBJECT, metadata: { name: "settings", uid: "" } } },
      "no `metadata.uid`",
    ],
  ])("%s", async (_situation, more, why) => {
    await using server = await startApiServer();
    await using folder = await makeFolder();
    await using connection = await folder.connect({ server: server.url });
    const writer = clusterWriter(connection, { rules: RULES, namespace: "ml" });
    const error = await errorOf(writer.apply(applyOf(more)));
    expect(error).toMatchObject({ code: "KINSYNC_PLUGIN_FAILED", operation: "apply" });
    expect(error.message).toContain(why);
    expect(server.requests).toEqual([]);
  });
});

test("a connection of another make cannot write", async () => {
  const cluster = new FakeCluster([]);
  const error = await errorOf(clusterWriter(cluster, { rules: RULES, namespace: "ml" }).apply(applyOf()));
  expect(error.code).toBe("KINSYNC_INTERNAL");
});
