import type { KubernetesObject } from "@kubernetes/client-node";
import { container, podSpec, SEED } from "./manifests.ts";
import type { PodSpec } from "./manifests.ts";

type RayObject = KubernetesObject & { readonly spec: Readonly<Record<string, unknown>> };

/** Answers each request of the operator like a dashboard of Ray with one application and one job, both running. */
const DASHBOARD = `cat >/tmp/dashboard <<'END'
#!/bin/sh
length=0
while read -r line; do
  line=$(printf %s "$line" | tr -d '\\r')
  case $line in
    [Cc]ontent-[Ll]ength:*) length=\${line#*: } ;;
    "") break ;;
  esac
done
[ "$length" = 0 ] || head -c "$length" >/dev/null
body='{"applications":{"app":{"name":"app","status":"RUNNING","deployments":{}}},"status":"RUNNING"}'
printf 'HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n%s' \${#body} "$body"
END
chmod +x /tmp/dashboard
nc -ll -p 8265 -e /tmp/dashboard &`;

/** Waits, with its children, and ends at once after SIGTERM. */
const WAIT = "trap 'exit 0' TERM; sleep 36000 & wait $!";

/** Spec of a head that is ready as `gated` pods are, and has a dashboard. Requires the object of `gateMap`. */
export function rayHead(image: string): PodSpec {
  const gate = { name: "GATE", valueFrom: { configMapKeyRef: { name: "gate", key: "gate" } } };
  const script = `${SEED}\n[ "$GATE" != open ] || touch /tmp/ready\n${DASHBOARD}\n${WAIT}`;
  return podSpec(
    container(image, script, {
      env: [gate],
      readinessProbe: { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 },
    }),
  );
}

/** Spec of a RayCluster with one group of workers, `small`. */
export function rayClusterSpec(
  head: PodSpec,
  worker: PodSpec,
  workers: number,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const group = { groupName: "small", replicas: workers, minReplicas: 0, maxReplicas: 9, rayStartParams: {} };
  return {
    headGroupSpec: { rayStartParams: {}, template: { spec: head } },
    workerGroupSpecs: [{ ...group, template: { spec: worker }, ...more }],
  };
}

/** An object of the operator whose pods keep the commands of their templates. */
export function rayObject(kind: string, name: string, spec: Readonly<Record<string, unknown>>): RayObject {
  const annotations = { "ray.io/overwrite-container-cmd": "true" };
  return { apiVersion: "ray.io/v1", kind, metadata: { name, annotations }, spec };
}
