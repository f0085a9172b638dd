export { CONTRACT, FEATURES, isCompatible } from "./version.ts";
export { KinsyncError, isKinsyncError } from "../errors/error.ts";
export type { KinsyncErrorOptions, Retry } from "../errors/error.ts";
export type { ErrorCode } from "../errors/codes.ts";
export { cleanText } from "../text/clean.ts";
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
export type { Place, PlaceContext } from "./place.ts";
export type { OpenContext, TransportDefinition, TransportPermission, TransportPlugin } from "./transport.ts";
export { capabilitiesOf } from "./capabilities.ts";
export type { TransportCapabilities } from "./capabilities.ts";
export type { Archive, Batch, BatchEntry, CompressedPiece, LinkRate, PieceEncoding, RootSpec } from "./batch.ts";
export { folded } from "./folded.ts";
export { readArchive } from "./read-archive.ts";
export type { ArchivePart } from "./read-archive.ts";
export { TarCursor } from "./tar-cursor.ts";
export type { Inventory, InventoryEntry, Marker, Origin } from "./inventory.ts";
export type { PulledFile, PullEntry, PullOptions, PullRequest } from "./pull.ts";
export type {
  AgentCandidate,
  AgentChoice,
  Receipt,
  ReceiptNote,
  Session,
  SessionEnd,
  SessionFacts,
  Stage,
} from "./session.ts";
export { targetKey } from "./target.ts";
export type { Target } from "./target.ts";
export type {
  FailureRule,
  HooksConfig,
  RebuildAction,
  RestartAction,
  RunAction,
  RunMembers,
  RunResult,
} from "./action.ts";
export { FAILURE_RULES, RUN_MEMBERS } from "./action.ts";
export type { ClientNodeConfig } from "./client-node.ts";
export type {
  AccessQuestion,
  AppliedObject,
  ApplyRequest,
  ClusterConnection,
  ClusterRequest,
  ClusterResponse,
  ClusterSocket,
  ClusterWriter,
} from "./cluster.ts";
export type {
  Container,
  ContainerStatus,
  EnvVar,
  KeyToPath,
  KubeObject,
  ObjectMeta,
  OwnerReference,
  Pod,
  ResourceType,
  Volume,
  VolumeMount,
  Wire,
} from "./resource.ts";
export type {
  Expression,
  KindRules,
  PodRule,
  RuleChild,
  RulePlace,
  RuleReason,
  RuleReference,
  RuleResource,
  RuleRoot,
  RuleWatch,
  Template,
} from "./rules.ts";
export { formatLabelSelector, narrowedTo } from "./label-selector.ts";
export type { LabelSelector } from "./label-selector.ts";
export { defineConfig, GANG_FAILURES, INITIAL_SYNCS, MODE_RULES, RELEASE_MODES, UPDATE_MODES } from "./config.ts";
export type {
  IgnoreFile,
  InitialSync,
  KinsyncConfig,
  MappingConfig,
  ModeRule,
  GangFailure,
  Quorum,
  ReleaseMode,
  UpdateConfig,
  UpdateMode,
  UpdateRule,
  PluginReference,
  RulesEntry,
  ProfileConfig,
  ProfileWorkload,
  TransportReference,
  WorkloadConfig,
} from "./config.ts";
