export { kindConformance } from "./kind-conformance.ts";
export type { KindConformanceOptions } from "./kind-conformance.ts";
export type { ExpectedMember, KindCase } from "./kind-case.ts";
export { judgeObjects } from "./kind-view.ts";
export type { JudgedObjects, JudgedPod, KindViewOptions } from "./kind-view.ts";
