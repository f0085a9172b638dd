// The public API of the playground.

export { createPlayground } from "./playground.ts";
export type { Playground, PlaygroundOptions } from "./playground.ts";
export type { ControllerOptions, Controllers } from "./controllers/index.ts";
export type { ExecDirection, Faults, RequestPattern, SessionPattern } from "./faults.ts";
export { StatusError } from "./status-error.ts";
export type { Status, StatusCause, StatusDetails } from "./status-error.ts";
export type { ContainerInfo, Kubelet, KubeletOptions } from "./kubelet/kubelet.ts";
export type { ImageTemplate } from "./runtime/image.ts";
export type { GarbageCollector } from "./store/garbage-collector.ts";
export type { StoreChange } from "./store/change-feed.ts";
export type { DeleteOptions, PlaygroundStore, WriteOptions } from "./store/playground-store.ts";
export { createTestContainer } from "./test-container.ts";
export type { TestContainer, TestContainerOptions } from "./test-container.ts";
export type { UntilOptions } from "./until.ts";
export type { NewObject, ObjectStore, Propagation, ResourceName, StoredObject, StoreEvent } from "./world.ts";
