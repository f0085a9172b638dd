import assert from "node:assert/strict";
import type { KindCase } from "./kind-case.ts";
import type { JudgedObjects } from "./kind-view.ts";

/** Fails if members, notes or roles differ from what the case expects. */
export function checkExpected(one: KindCase, judged: JudgedObjects): void {
  const expectations = new Map(
    one.members.map((member) => {
      const pod = one.objects.find(
        ({ kind, metadata }) =>
          kind === "Pod" && metadata.name === member.pod && (member.uid === undefined || metadata.uid === member.uid),
      );
      return [pod?.metadata.uid ?? member.pod, member] as const;
    }),
  );
  const describe = (name: string, uid: string): string => `${name} (${uid})`;
  const found: Record<string, unknown> = {};
  for (const { pod, by, verdict } of judged.members) {
    const { uid, name } = pod.metadata;
    found[describe(name, uid)] = {
      state: verdict.state,
      role: verdict.role,
      index: verdict.index,
      labels: verdict.labels ?? {},
      reason: verdict.reason.code,
      by,
    };
    const text = expectations.get(uid)?.message;
    if (text !== undefined) {
      assert.ok(
        verdict.reason.message.includes(text),
        `${name}: "${verdict.reason.message}" does not contain "${text}"`,
      );
    }
  }
  const expected: Record<string, unknown> = {};
  for (const [uid, { pod, state, role, index, labels = {}, reason, by = "owner" }] of expectations) {
    expected[describe(pod, uid)] = { state, role, index, labels, reason, by };
  }
  assert.deepEqual(found, expected);
  const messages = judged.notes.map(({ message }) => message).join("; ");
  assert.deepEqual(
    judged.notes.map(({ code }) => code),
    one.notes ?? [],
    `notes: ${messages === "" ? "none" : messages}`,
  );
  if (one.roles !== undefined) assert.deepEqual(judged.roles, one.roles, "roles that the spec names");
}
