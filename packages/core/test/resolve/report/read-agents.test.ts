import { expect, test } from "vitest";
import type { Session } from "../../../src/contract/session.ts";
import { defineTransport } from "../../../src/contract/transport.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { readAgents } from "../../../src/resolve/report/read-agents.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { stubSession, target } from "../../plugins/support/stub-session.ts";

const choice = { reason: "preferred", candidates: [{ agent: "sh", verdict: "chosen", reason: "preferred" }] } as const;

test("each target has its agent or the reason why it has none, and no session stays open", async () => {
  let open = 0;
  const transport = defineTransport({
    name: "radio",
    async open({ pod }, { signal }): Promise<Session> {
      if (pod === "refused") throw new KinsyncError("KINSYNC_TARGET_NO_AGENT", "no program");
      if (pod === "mute")
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      open += 1;
      return stubSession({
        facts: { agent: "sh", incarnation: "1", choice },
        [Symbol.asyncDispose]: async () => void (open -= 1),
      });
    },
  });
  const targets = ["a", "refused", "mute", "b", "c", "d", "e", "f"].map((pod) => ({ ...target, pod }));
  const signal = AbortSignal.timeout(10_000);
  const answers = await readAgents({ cluster: new FakeCluster([]), transport, targets, signal, limitMs: 50 });
  expect(answers.map((each) => each.target)).toEqual(targets);
  expect(answers[0]).toEqual({ target: targets[0], agent: "sh", choice });
  expect(answers.map(({ agent, error }) => agent ?? error?.code)).toEqual([
    "sh",
    "KINSYNC_TARGET_NO_AGENT",
    "KINSYNC_TARGET_TIMEOUT",
    "sh",
    "sh",
    "sh",
    "sh",
    "sh",
  ]);
  expect(open).toBe(0);
});
