import assert from "node:assert/strict";
import { isPodActive, type Reason, type Verdict } from "../../contract/kind.ts";
import { ELIGIBLE_STATES, isMemberState } from "../../contract/state.ts";
import type { JudgedObjects } from "./kind-view.ts";

const VERDICT_FIELDS: readonly string[] = Object.keys({
  state: true,
  role: true,
  index: true,
  labels: true,
  reason: true,
} satisfies Record<keyof Verdict, true>);
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/**
 * Fails if a verdict, a note or the roles have a form that the contract does not allow.
 *
 * @param where begins each message
 */
export function checkWellFormed(judged: JudgedObjects, where = ""): void {
  for (const note of judged.notes) checkReason(`${where}a note`, note);
  checkRoles(judged.roles);
  for (const { pod, verdict } of judged.members) {
    const who = `${where}pod ${pod.metadata.name}`;
    assert.ok(isMemberState(verdict.state), `${who}: "${verdict.state as string}" is not a state`);
    for (const key of Object.keys(verdict)) {
      assert.ok(VERDICT_FIELDS.includes(key), `${who}: a verdict has no field "${key}"`);
    }
    for (const [key, value] of Object.entries<unknown>(verdict.labels ?? {})) {
      const isText = typeof value === "string" && value !== "";
      assert.ok(isText, `${who}: the label "${key}" must be a non-empty string`);
    }
    for (const key of ["role", "index"] as const) {
      const value: unknown = verdict[key];
      const isText = typeof value === "string" && value !== "";
      assert.ok(value === undefined || isText, `${who}: ${key} must be a non-empty string, or absent`);
    }
    const getsFiles = ELIGIBLE_STATES.includes(verdict.state);
    assert.ok(!getsFiles || isPodActive(pod), `${who} is not alive and cannot be ${verdict.state}`);
    checkReason(who, verdict.reason);
  }
}

function checkRoles(roles: readonly string[] | undefined): void {
  if (roles === undefined) return;
  for (const role of roles) assert.ok(typeof role === "string" && role !== "", "a role must be a non-empty string");
  assert.equal(new Set(roles).size, roles.length, `roles names one twice: ${roles.join(", ")}`);
}

function checkReason(who: string, reason: Reason): void {
  assert.match(reason.code, KEBAB, `${who}: reason.code must be in kebab-case`);
  const { message } = reason;
  assert.ok(message.trim() === message && message !== "", `${who}: reason.message is empty or padded`);
  assert.ok(!/[\n\r]/.test(message), `${who}: reason.message is more than one line`);
  assert.ok(!message.endsWith("."), `${who}: reason.message ends in a full stop: "${message}"`);
  assert.ok(!/undefined|\[object |NaN/.test(message), `${who}: reason.message contains a missing value: "${message}"`);
  for (const [key, value] of Object.entries(reason.evidence ?? {})) {
    const isPlain = value === null || ["string", "number", "boolean"].includes(typeof value);
    assert.ok(isPlain, `${who}: evidence "${key}" must be a string, a number, true, false or null`);
  }
}
