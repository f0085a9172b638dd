import type { TransportConformanceOptions } from "@kinsync/core/testing";

type Declare = TransportConformanceOptions["test"];

/** Reports the requirements that have a reason as skipped, with that reason. */
export function except(reasons: Readonly<Record<string, string>>, declare: Declare): Declare {
  return (name, run) => {
    declare(name, async (context) => {
      const reason = reasons[name];
      if (reason === undefined) await run(context);
      else context.skip(reason);
    });
  };
}
