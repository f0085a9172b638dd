/** A controller of another project: built from its Go module, and run as a process beside the control plane. */
export interface Controller {
  /** Name of its program and of its situations: `situations/controllers/NAME.test.ts` or the folder `NAME`. Letters, digits and dashes. */
  readonly name: string;
  /** The project, as its users know it. */
  readonly title: string;
  /** The kinds of kinsync whose histories its situations record. */
  readonly kinds: readonly string[];
  /** Path of the Go module, whose zip has the sources and the manifests. */
  readonly module: string;
  readonly version: string;
  /** Hash of the module's zip, as in a go.sum; those of the modules that it requires are in its own go.sum. */
  readonly sum: string;
  /** Folder of the main package in the module. */
  readonly main: string;
  /** The CRDs that it serves or requires, each with its file in the module. */
  readonly crds: Readonly<Record<string, string>>;
  /** More CRDs, whose files are in modules that its own one requires. Default: none. */
  readonly requiredCrds?: Readonly<Record<string, RequiredFile>>;
  /** Images of one program of the module, which is their entry point. Default: none. */
  readonly images?: readonly ProgramImage[];
  /** Words of its command line. */
  arguments(place: Place): readonly string[];
  env?(place: Place): Readonly<Record<string, string>>;
  /** Port on which it answers `healthPath` by HTTP. */
  readonly healthPort: number;
  /** Default: `/healthz`. */
  readonly healthPath?: string;
  /** True if its own folder is its /tmp, where the program reads files. Default: false. */
  readonly hasOwnTmp?: boolean;
  /** Files in its folder, by name. Default: none. */
  files?(place: Place): Readonly<Record<string, string>>;
  /** Objects that it needs before it starts. Default: none. */
  objects?(place: Place): readonly object[];
}

export interface ProgramImage {
  /** Reference with a host and a tag: `localhost/queue:1`. */
  readonly reference: string;
  /** Name of the program. */
  readonly name: string;
  /** Folder of the main package in the module. */
  readonly main: string;
}

export interface RequiredFile {
  /** Path of the Go module. */
  readonly module: string;
  /** Path in the module. */
  readonly path: string;
}

/** Where a controller runs. */
export interface Place {
  /** Address of the first node, which the machine reaches, too. */
  readonly address: string;
  /** An administrator's kubeconfig, valid inside the node. */
  readonly kubeconfig: string;
  /** The authority that signed the certificate of webhooks, in base64. */
  readonly caBundle: string;
  /** Its own folder, which is also its folder of temporary files: there are `files`, and the certificate of webhooks. */
  readonly folder: string;
}
