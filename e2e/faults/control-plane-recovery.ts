import type { Fixture } from "../harness/fixture.ts";
import { container, IDLE, podSpec, statefulSet } from "../harness/manifests.ts";
import { isRunning } from "../harness/pods.ts";

const READY_LIMIT_MS = 120_000;

export async function untilApiServerReady(fixture: Fixture): Promise<void> {
  const isReady = async (): Promise<boolean> =>
    (await fixture.kubectl.run(["get", "--raw", "/readyz"], { timeoutMs: 5_000 })) === "ok";
  await fixture.until("kube-apiserver is ready", isReady, { timeout: READY_LIMIT_MS });
}

/**
 * Waits until the controllers, the scheduler and the kubelet follow their watches again. client-go's reflector waits up to a minute
 * before it lists again after several lost connections (backoff.go: at most 30 s, with a jitter of up to the same), which is longer than
 * the next situation waits for its pods.
 */
export async function untilControllersWork(fixture: Fixture): Promise<void> {
  const name = "controllers-work";
  const spec = podSpec(container(fixture.cluster.image, IDLE));
  // The second pod is created when the controller has seen that the first one is ready.
  await fixture.create(statefulSet(name, 2, spec, { podManagementPolicy: "OrderedReady" }));
  const areRunning = async (): Promise<boolean> => {
    const pods = await fixture.kubectl.pods(`app=${name}`);
    return pods.filter((pod) => isRunning(pod)).length === 2;
  };
  await fixture.until("the controllers start new pods", areRunning, { timeout: READY_LIMIT_MS });
}
