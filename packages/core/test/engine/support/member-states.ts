import type { MemberState } from "../../../src/contract/kind.ts";

/** `current` often, since only eligible members are served. */
export const MEMBER_STATES_FOR_TEST: readonly MemberState[] = [
  "current",
  "current",
  "current",
  "kept",
  "superseded",
  "helper",
  "unsettled",
];
