export { CONTRACT, FEATURES, isCompatible } from "./version.ts";
export { KinsyncError, isKinsyncError } from "../errors/error.ts";
export type { KinsyncErrorOptions, Retry } from "../errors/error.ts";
export type { ErrorCode } from "../errors/codes.ts";
export { errorOfResponse, errorOfStatus } from "./status.ts";
export type { PolicyRule, StatusDetails, StatusOptions } from "./status.ts";
export { ELIGIBLE_STATES, isMemberState, MEMBER_STATES } from "./state.ts";
export type { MemberState } from "./state.ts";
export { defineKind, delegatedVerdict, isPodActive, verdictOfInactivePod } from "./kind.ts";
export type {
  ChildRule,
  Judgement,
  KindDefinition,
  KindPlugin,
  KindView,
  OwnedPod,
  Reason,
  Reference,
  RootType,
  Verdict,
  Watch,
  WatchPlan,
} from "./kind.ts";
export { defineTransport } from "./transport.ts";
export type {
  Archive,
  Batch,
  BatchEntry,
  Inventory,
  InventoryEntry,
  Marker,
  OpenContext,
  Receipt,
  RootSpec,
  Session,
  SessionEnd,
  SessionFacts,
  Stage,
  TransportDefinition,
  TransportPlugin,
} from "./transport.ts";
export { targetKey } from "./target.ts";
export type { Target } from "./target.ts";
export type { RunAction, RunResult } from "./action.ts";
export type { AccessQuestion, ClusterConnection, ClusterRequest, ClusterResponse, ClusterSocket } from "./cluster.ts";
export type {
  Container,
  ContainerStatus,
  KubeObject,
  ObjectMeta,
  OwnerReference,
  Pod,
  ResourceType,
  VolumeMount,
  Wire,
} from "./resource.ts";
export { formatLabelSelector } from "./label-selector.ts";
export type { LabelSelector } from "./label-selector.ts";
export { defineConfig } from "./config.ts";
export type { InitialSync, KinsyncConfig, MappingConfig, PluginReference, WorkloadConfig } from "./config.ts";
