import type { KindPlugin } from "@kinsync/core/contract";
import { cronjob } from "./cronjob.ts";
import { job } from "./job.ts";

/** Both kinds, for `kinds` of a config that names the package. */
export default function both(): readonly KindPlugin[] {
  return [job(), cronjob()];
}

export { cronjob, job };
