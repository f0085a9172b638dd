import type { HooksConfig, RebuildAction, RestartAction, RunAction } from "../contract/action.ts";
import type {
  ForwardConfig,
  KinsyncConfig,
  MappingConfig,
  ProfileConfig,
  UpdateConfig,
  WorkloadConfig,
} from "../contract/config.ts";

type Descriptions<Type> = Readonly<Record<keyof Type, string>>;

/** What the keys of a config mean, as editors show it. A key without a description does not compile. */
export const CONFIG_KEYS: Descriptions<KinsyncConfig> = {
  $schema: "JSON schema of this file, for editors.",
  context: "Context of the kubeconfig. Naming it here allows writing to it. Default: the current context.",
  namespace: "Namespace of workloads that name none. Default: that of the context.",
  kinds: "Kinds besides the built-in ones. One for the root of a built-in kind replaces it.",
  transports: "Transports besides exec.",
  cluster: "Returns a KubeConfig of @kubernetes/client-node that logs in; in a TypeScript or JavaScript config only.",
  contexts: "Contexts that kinsync may write to, besides the local ones.",
  writesApi: "Transports that may change objects of the cluster, by name: configmap, secret. Default: none.",
  workloads: "The workloads to keep up to date.",
  profiles: "Settings by name that replace those of the config: kinsync up --profile NAME.",
};

export const PROFILE_WORKLOADS: Pick<Descriptions<ProfileConfig>, "workloads"> = {
  workloads: "Changes workloads of the config with the same name, and adds others.",
};

export const WORKLOAD_KEYS: Descriptions<WorkloadConfig> = {
  workload: "As kubectl names it: jobset/train, deploy/web, pod/x.",
  namespace: "Namespace of the workload. Default: that of the config, else that of the context.",
  containers:
    "Container by name or by a part of its image. Default: the pod's default-container annotation, else the first that is not a sidecar.",
  sync: "What to sync and where to.",
  run: "Commands after a sync that touched certain paths.",
  rebuild:
    "Paths that are not sent, since only a new image brings them, and the command on this machine that builds it.",
  hooks: "Commands on this machine around each release.",
  restart: "Restarts or signals the process in the containers after a sync, never the container.",
  mode: "Sync each save (auto), or collect changes until `kinsync trigger` (manual). The files of the start are synced in both.",
  forward: "Ports that `up` opens on this machine. Each new connection goes to the member that is current then.",
  update:
    "Each member gets a snapshot as soon as it can (independent), or all get it at one moment, when all have staged it (gang).",
};

export const FORWARD_KEYS: Descriptions<ForwardConfig> = {
  port: "Port in the pod.",
  localPort: "Port on this machine. Default: the same as `port`.",
  address: "Address of this machine. Default: 127.0.0.1, which other machines do not reach.",
  role: "Only a member of this role. Default: any.",
  index: "Only the member with this index. Default: the lowest.",
};

export const UPDATE_KEYS: Descriptions<UpdateConfig> = {
  mode: "independent or gang.",
  quorum: "Members of a gang that must have staged a snapshot: all, a number, or a share such as 80%.",
  timeout: "Time until the quorum decides, or the snapshot is given up: 30s, 500ms, 2m. Default: no limit.",
  onFailure:
    "When a prepared member does not commit: the others keep the snapshot (hold), or all go back to the one before (rollback).",
};

export const CONTAINERS_KEYS: Descriptions<NonNullable<WorkloadConfig["containers"]>> = {
  name: "Name of the container.",
  image: "A part of the container's image.",
};

export const MAPPING_KEYS: Descriptions<MappingConfig> = {
  from: "Local file or folder, relative to the config file.",
  to: "Path in the container; a relative one starts at the container's working directory. With a slash at its end, a single file goes into that folder.",
  ignore: "Paths to leave out, in gitignore syntax, relative to `from`.",
  ignoreDefaults: "Leave out .git, node_modules, virtual environments, temporary files of editors and the like.",
  ignoreFiles:
    "Files whose rules apply too: .gitignore, .dockerignore, NAME.dockerignore; also those above `from`, up to the root of the repository.",
  roles: "Only members of these roles. Default: all.",
  indexes: "Only members with these indexes. Default: all.",
  labels: "Only members whose verdict has all these labels. Default: all.",
  container: "Container, for this mapping alone.",
  states: "Which members get the files.",
  inPlace: "Write in place where a rename is impossible, such as a mount of a single file.",
  mirror: "Delete also what kinsync did not create, below a mapped folder, after a question.",
  modes:
    "Permission bits: portable keeps those of the container but for the executable bits, exact takes the local ones.",
  transport: "Name of the transport, or [name, options].",
  initial:
    "First sync: compare checksums (verify), assume that the container is up to date (trust), or send everything (full).",
};

export const RUN_KEYS: Descriptions<RunAction> = {
  when: "Paths whose change runs the command, in gitignore syntax, relative to `from` of the mapping.",
  command: "The argv, or a string for `sh -c`. It runs in the container's working directory.",
  roles: "Only in members of these roles. Default: all.",
  timeout: "Milliseconds after which the command is killed.",
  once: "Only until it has succeeded once in the life of a container. Needs sh in the container.",
  on: "In each member (all), in any one (one), or in index 0 of each role (leader).",
  order: "Roles one after the other; other roles follow. Default: all at once.",
  workdir: "Folder to run in. Default: the container's working directory.",
  env: "Variables besides those of the container.",
  onFailure:
    "After a failure: continue with the commands after it, or hold, so that the target is failed until the command succeeds or is dismissed.",
  showOutput: "Show the output also when the command succeeds.",
};

export const RESTART_KEYS: Descriptions<RestartAction> = {
  when: "Paths whose change restarts the process, in gitignore syntax, relative to `from`. Default: every change.",
  roles: "Only in members of these roles. Default: all.",
  order: "Roles that start, or get the signal, one after the other; other roles follow. Default: all at once.",
  signal: "Send this signal (HUP, TERM, USR1) in place of a restart by `kinsync wrapper`.",
  process: "With signal: name of the process that gets it. Default: process 1.",
  pidFile: "With signal: file in the container with the ID of the process. Default: process 1.",
  grace: "Milliseconds from TERM to KILL. Default: 10000.",
  settle: "A process that ends within these milliseconds after its start has failed. Default: 2000.",
  onFailure:
    "After a failure: continue, or hold, so that the target is failed until a restart succeeds or it is dismissed.",
};

export const REBUILD_KEYS: Descriptions<RebuildAction> = {
  when: "Paths whose change needs a new image, in gitignore syntax, relative to `from`. They are not sent.",
  command: "The argv, or a string for the shell of this machine. It runs in the folder of the config.",
  timeout: "Milliseconds after which the command is killed. Default: 1800000.",
};

export const HOOKS_KEYS: Descriptions<HooksConfig> = {
  before: "Before local changes are released; a failure keeps them from it. The argv, or a string for the shell.",
  after: "When the containers hold the snapshot and their commands have ended. The argv, or a string for the shell.",
  timeout: "Milliseconds after which a command is killed. Default: 60000.",
};
