import { defineKind, type KindPlugin, type MemberState } from "../../../src/contract/kind.ts";
import { TEAMS } from "../../support/objects.ts";

/** A kind that reads the verdict from the pod's labels. */
export const labelKind: KindPlugin = defineKind({
  name: "team",
  root: TEAMS,
  watches: () => ({ watches: [], pods: { owner: "any" } }),
  judge: () => ({
    pod: ({ pod: { metadata } }) => {
      const { state = "current", role, index, side } = metadata.labels ?? {};
      return {
        state: state as MemberState,
        ...(role === undefined ? {} : { role }),
        ...(index === undefined ? {} : { index }),
        ...(side === undefined ? {} : { labels: { side } }),
        reason: { code: state, message: `labelled ${state}` },
      };
    },
  }),
});
