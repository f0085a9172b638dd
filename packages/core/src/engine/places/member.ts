/** A target as the places see it. Two workloads may have the same container: these are two members. */
export interface PlaceMember {
  /** `pod/NAME, container NAME`, for people. */
  readonly name: string;
  /** Pod, UID and container: decides which of several targets leads. */
  readonly order: readonly string[];
  /** Identity of the container. */
  readonly container: string;
  readonly node: string | undefined;
  /** What the target should hold, or through whom, differs. */
  onChange(): void;
  /** Another target changed these paths of files that this one shares. */
  onShared(mapping: string, paths: readonly string[]): void;
  /** What the marker of a root that it writes should owe differs. */
  onOwed(): void;
}
