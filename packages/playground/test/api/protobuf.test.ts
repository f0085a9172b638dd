import { expect, test } from "vitest";

import { ProtobufError, decodeProtobuf } from "../../src/api/protobuf.ts";

// Bytes as kubectl 1.34 sends them.

function decoded(base64: string): Promise<unknown> {
  return decodeProtobuf(Buffer.from(base64, "base64"));
}

test("`kubectl create deployment web --image=nginx --replicas=0 --port=80` is decoded to its JSON", async () => {
  const sent =
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErgBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEoYBCAASDAoKCgNhcHASA3dlYhpsChwKABIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEkwSLgoFbmdpbngSBW5naW54KgAyCgoAEAAYUCIAKgBCAGoAcgCAAQCIAQCQAQCiAQAaADIAQgBKAFIAWABgAGgAggEAigEAmgEAwgEAIgIKACgAOAAaDAgAEAAYACAAKAA4ABoAIgA=";
  expect(await decoded(sent)).toEqual({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "web" } },
      strategy: {},
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "nginx", image: "nginx", ports: [{ containerPort: 80 }], resources: {} }] },
      },
    },
  });
});

test("`kubectl auth can-i get pods/exec` is decoded to its JSON", async () => {
  const sent =
    "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSQAoQCgASABoAIgAqADIAOABCABIiCiAKB2RlZmF1bHQSA2dldBoAIgAqBHBvZHMyADoEZXhlYxoICAASABoAIAAaACIA";
  expect(await decoded(sent)).toMatchObject({
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { namespace: "default", verb: "get", resource: "pods" } },
  });
});

test("the bytes of a Secret become base64", async () => {
  expect(await decoded("azhzAAoMCgJ2MRIGU2VjcmV0Eh0KEQoBcxIAGgAiACoAMgA4AEIAEgYKAWESAWIaABoAIgA=")).toMatchObject({
    kind: "Secret",
    metadata: { name: "s" },
    data: { a: "Yg==" },
  });
});

/** A message of one object: lengths below 128 only. */
function envelope(apiVersion: string, kind: string, object: readonly number[]): Buffer {
  const typeMeta = [10, apiVersion.length, ...Buffer.from(apiVersion), 18, kind.length, ...Buffer.from(kind)];
  return Buffer.from([...Buffer.from("k8s\0"), 10, typeMeta.length, ...typeMeta, 18, object.length, ...object]);
}

test("fields that Kubernetes 1.34 does not define are dropped, as the API server does", async () => {
  // Field 99 holds "x"; spec (2) is empty.
  expect(await decodeProtobuf(envelope("v1", "Namespace", [154, 6, 1, 120, 18, 0]))).toEqual({
    apiVersion: "v1",
    kind: "Namespace",
    spec: {},
  });
});

/** Field `number` that holds a message or a string. */
function field(number: number, content: readonly number[] | string): number[] {
  return [8 * number + 2, content.length, ...(typeof content === "string" ? Buffer.from(content) : content)];
}

test("a port's name, a time and embedded JSON become the values of the JSON", async () => {
  const metadata = field(1, field(8, [8, 1]));
  const port = field(2, [8, 1, ...field(3, "web")]);
  const container = field(2, field(10, field(1, field(2, port))));
  expect(await decodeProtobuf(envelope("v1", "Pod", [...metadata, ...field(2, container)]))).toMatchObject({
    metadata: { creationTimestamp: "1970-01-01T00:00:01Z" },
    spec: { containers: [{ livenessProbe: { httpGet: { port: "web" } } }] },
  });
  const revision = field(2, field(1, '{"a":1}'));
  expect(await decodeProtobuf(envelope("apps/v1", "ControllerRevision", revision))).toMatchObject({ data: { a: 1 } });
  expect(await decodeProtobuf(envelope("v1", "Event", field(10, [8, 1, 16, 232, 7])))).toMatchObject({
    eventTime: "1970-01-01T00:00:01.000001Z",
  });
});

test("a kind without a message is refused by name", async () => {
  await expect(decodeProtobuf(envelope("example.org/v1", "Train", []))).rejects.toThrow(/"Train" of "example.org\/v1"/);
});

test.each(["", "k8s", "{}", "k8s\0\n\u0003\u0012\u0009", "k8s\0\u000d"])("%j is refused", async (text) => {
  await expect(decodeProtobuf(Buffer.from(text))).rejects.toThrow(ProtobufError);
});
