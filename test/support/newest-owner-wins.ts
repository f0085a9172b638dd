import { defineKind, verdictOfInactivePod, type KindDefinition, type KindPlugin } from "@kinsync/core/contract";

/** A kind with a wrong rule: pods of the youngest owned object are current, whatever the root says. Recorded histories must refute it. */
export function newestOwnerWins(kind: KindPlugin, change: Partial<KindDefinition> = {}): KindPlugin {
  return defineKind({
    ...kind,
    ...change,
    judge: ({ owned }) => {
      const [newest] = owned
        .map(({ metadata }) => metadata)
        .toSorted((a, b) => (b.creationTimestamp ?? "").localeCompare(a.creationTimestamp ?? ""));
      return {
        pod: ({ pod, owners: [owner] }) =>
          verdictOfInactivePod(pod) ?? {
            state: owner?.metadata.uid === newest?.uid ? "current" : "superseded",
            reason: { code: "by-age", message: "the newest owner wins" },
          },
      };
    },
  });
}
