// Public entry point @kinsync/core/project: config, flags, plugins and a cluster to workloads that are ready for the engine.
export { openProject } from "./project.ts";
export type { Project, ProjectCleanOptions, ProjectPlanOptions, ProjectRunOptions } from "./project.ts";
export type { ProjectWorkload } from "./workloads.ts";
export type { ReloadReport } from "./reload.ts";
export { isLocalContext } from "./consent.ts";
export { loadKinds } from "./load-kinds.ts";
export type { LoadedKinds } from "./load-kinds.ts";
export { lazyKind } from "../plugins/host-lazy-kind.ts";
export { lazyTransport } from "../plugins/host-lazy-transport.ts";
export type { LazyTransport, TransportEntry } from "../plugins/host-lazy-transport.ts";
export type { KindEntry, LazyKind } from "../plugins/host-lazy-kind.ts";
export { listKinds } from "./list-kinds.ts";
export type { ListedKind, ListedRead } from "./list-kinds.ts";
export { inspectConfig } from "./inspect-config.ts";
export type { InspectedConfig } from "./inspect-config.ts";
export type { OpenProjectOptions, Plugin, ProjectFlags, ProjectStep } from "./options.ts";
export type { WorkloadPlan } from "../config/resolve.ts";
export type { CleanedRoot, CleanResult, LeftBehind } from "../engine/clean/clean-types.ts";
export type { NeededPermission } from "./permissions.ts";
export { permissionsForStreams } from "./stream-permissions.ts";
export type { StreamUse } from "./stream-permissions.ts";
export type { DeletesRequest, RunOutcome, RunResult } from "../engine/options.ts";
export type {
  LeftOut,
  OpenTarget,
  PlannedEntry,
  PlannedOther,
  PlannedRoot,
  PlannedSource,
  PlannedTarget,
  PlannedWorkload,
  PlanProblem,
} from "../engine/dry-run/plan-types.ts";
