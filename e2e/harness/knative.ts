import { createServer } from "node:http";
import { setTimeout } from "node:timers/promises";
import type { KubernetesObject } from "@kubernetes/client-node";
import { ACTIVATOR_PORT } from "../cluster/controllers/knative.ts";
import type { Fixture } from "./fixture.ts";
import { container, SEED } from "./manifests.ts";
import type { KubeObject } from "./objects.ts";

const INGRESSES = "ingresses.networking.internal.knative.dev";
const POLL_MS = 300;

/** Becomes ready as a pod of `gated`, by listening on the port that Knative probes. */
const SERVE = `${SEED}; [ "$GATE" != open ] || touch /tmp/ready
trap 'exit 0' TERM
while [ ! -e /tmp/ready ]; do sleep 0.2; done
httpd -f -p 8080 & wait`;

/** A version of a Service of Knative; the annotations are those of its autoscaling, without their group. */
export function knativeService(
  image: string,
  version: string,
  annotations: Readonly<Record<string, string>> = { "min-scale": "1" },
): KubernetesObject & { readonly spec: object } {
  const gate = { name: "GATE", valueFrom: { configMapKeyRef: { name: "gate", key: "gate" } } };
  const env = [gate, { name: "VERSION", value: version }];
  const scaling = Object.entries(annotations).map(([name, value]) => [`autoscaling.knative.dev/${name}`, value]);
  return {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: {
      template: {
        metadata: { annotations: Object.fromEntries(scaling) },
        spec: { containers: [container(image, SERVE, { env, ports: [{ containerPort: 8080 }] })] },
      },
    },
  };
}

interface Ingress extends KubeObject {
  readonly status?: { readonly observedGeneration?: number };
}

/** Reports every Ingress of Knative as ready, as an ingress controller does, until the situation ends. */
export function playIngress(fixture: Fixture): void {
  const { kubectl, signal } = fixture;
  const end = new AbortController();
  const loadBalancer = { ingress: [{ domainInternal: "ingress.example" }] };
  const conditions = ["Ready", "LoadBalancerReady", "NetworkConfigured"].map((type) => ({ type, status: "True" }));
  const answer = async (): Promise<void> => {
    for (const { metadata, status } of await kubectl.list<Ingress>(INGRESSES)) {
      const observedGeneration = metadata.generation ?? 1;
      if (status?.observedGeneration === observedGeneration) continue;
      const report = {
        conditions,
        observedGeneration,
        publicLoadBalancer: loadBalancer,
        privateLoadBalancer: loadBalancer,
      };
      const patch = ["--subresource", "status", "--type", "merge", "--patch", JSON.stringify({ status: report })];
      await kubectl.run(["patch", `${INGRESSES}/${metadata.name}`, ...patch]);
    }
  };
  const play = async (): Promise<void> => {
    while (!end.signal.aborted && !signal.aborted) {
      // An Ingress may be deleted in between; the next round answers the others.
      await answer().catch(() => undefined);
      await setTimeout(POLL_MS);
    }
  };
  const playing = play();
  fixture.defer(async () => {
    end.abort();
    await playing;
  });
}

/** Answers the probes of the autoscaler as an activator, so that it scales to zero; until the situation ends. */
export async function playActivator(fixture: Fixture): Promise<void> {
  const server = createServer((_, response) => response.end("activator"));
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(ACTIVATOR_PORT, resolve));
  fixture.defer(async () => {
    server.closeAllConnections();
    await server[Symbol.asyncDispose]();
  });
}
