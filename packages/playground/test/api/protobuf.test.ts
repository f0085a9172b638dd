import { expect, test } from "vitest";

import { ProtobufError, decodeProtobuf } from "../../src/api/protobuf.ts";

// Bytes as kubectl 1.34 sends them.

function decoded(base64: string): unknown {
  return decodeProtobuf(Buffer.from(base64, "base64"));
}

test("`kubectl create deployment web --image=nginx --replicas=0 --port=80` is understood", () => {
  const sent =
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErgBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEoYBCAASDAoKCgNhcHASA3dlYhpsChwKABIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEkwSLgoFbmdpbngSBW5naW54KgAyCgoAEAAYUCIAKgBCAGoAcgCAAQCIAQCQAQCiAQAaADIAQgBKAFIAWABgAGgAggEAigEAmgEAwgEAIgIKACgAOAAaDAgAEAAYACAAKAA4ABoAIgA=";
  expect(decoded(sent)).toEqual({
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

test("`kubectl auth can-i get pods/exec` is understood", () => {
  const sent =
    "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSQAoQCgASABoAIgAqADIAOABCABIiCiAKB2RlZmF1bHQSA2dldBoAIgAqBHBvZHMyADoEZXhlYxoICAASABoAIAAaACIA";
  expect(decoded(sent)).toMatchObject({
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { namespace: "default", verb: "get", resource: "pods" } },
  });
});

test("bytes of a secret become base64", () => {
  expect(decoded("azhzAAoMCgJ2MRIGU2VjcmV0Eh0KEQoBcxIAGgAiACoAMgA4AEIAEgYKAWESAWIaABoAIgA=")).toMatchObject({
    kind: "Secret",
    metadata: { name: "s" },
    data: { a: "Yg==" },
  });
});

test("a message with parts that are not known is refused, not cut down", () => {
  // A Namespace whose field 9 holds a text.
  const message = Buffer.concat([Buffer.from("k8s\0"), Buffer.from([10, 11, 18, 9]), Buffer.from("Namespace")]);
  const object = Buffer.from([18, 3, 74, 1, 120]);
  expect(() => decodeProtobuf(Buffer.concat([message, object]))).toThrow(/field 9 of Namespace is not known/);
});

test.each(["", "k8s", "{}", "k8s\0\n\u0003\u0012\u0009", "k8s\0\u000d"])("%j is no message", (text) => {
  expect(() => decodeProtobuf(Buffer.from(text))).toThrow(ProtobufError);
});
