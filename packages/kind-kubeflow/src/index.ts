import type { KindPlugin } from "@kinsync/core/contract";
import { mpijob } from "./mpijob.ts";
import { jaxjob, paddlejob, pytorchjob, tfjob, xgboostjob } from "./replica-jobs.ts";
import { trainjob } from "./trainjob.ts";

/** All kinds, for `kinds` of a config that names the package. */
export default function all(): readonly KindPlugin[] {
  return [trainjob(), mpijob(), pytorchjob(), tfjob(), xgboostjob(), paddlejob(), jaxjob()];
}

export { jaxjob, mpijob, paddlejob, pytorchjob, tfjob, trainjob, xgboostjob };
