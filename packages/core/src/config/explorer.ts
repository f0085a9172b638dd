import type { CosmiconfigResult, Options } from "cosmiconfig";
import * as internals from "cosmiconfig/dist/Explorer.js";
import { CONFIG_FILES } from "./places.ts";

interface ExplorerOptions extends Options {
  readonly moduleName: string;
  /** A file of the working directory that changes these options; `null`: none. */
  readonly metaConfigFilePath: null;
}

interface SearchedFolder {
  readonly path: string;
  /** `~/.config/kinsync`. */
  readonly isGlobalConfig: boolean;
}

/** The search of cosmiconfig itself, which the package does not type. */
interface Explorer {
  /** The first config from a folder up to `stopDir`. */
  search(from: string): Promise<CosmiconfigResult>;
  load(path: string): Promise<CosmiconfigResult>;
  getSearchPlacesForDir(folder: SearchedFolder, globalPlaces: readonly string[]): readonly string[];
}

// Not `cosmiconfig()`, which runs files of the working directory: docs/decisions/0010-config-search.md.
const { Explorer } = internals as unknown as { readonly Explorer: new (options: ExplorerOptions) => Explorer };

/** Reads one config; `undefined` where the file holds none. Runs before the content is used for anything. */
export type ReadConfig<Config> = (path: string, text: string) => Promise<Config | undefined>;

/** Without the user's global folder (`~/.config/kinsync`): its files would be read and run. */
class ProjectExplorer extends Explorer {
  override getSearchPlacesForDir(folder: SearchedFolder, globalPlaces: readonly string[]): readonly string[] {
    return folder.isGlobalConfig ? [] : super.getSearchPlacesForDir(folder, globalPlaces);
  }
}

/** The search and the loading of cosmiconfig: order of names, walk up, packages without the key, encodings. */
export class ConfigExplorer<Config extends object> {
  readonly #read: ReadConfig<Config>;

  constructor(read: ReadConfig<Config>) {
    this.#read = read;
  }

  /** The first config from one folder up to another, which is above it or the same. */
  async search(from: string, to: string): Promise<Config | undefined> {
    return this.#configOf(await this.#explorer(to).search(from));
  }

  /** The config of one file. */
  async load(path: string): Promise<Config | undefined> {
    return this.#configOf(await this.#explorer().load(path));
  }

  #explorer(stopDir?: string): Explorer {
    return new ProjectExplorer({
      moduleName: "kinsync",
      metaConfigFilePath: null,
      searchPlaces: [...CONFIG_FILES],
      searchStrategy: stopDir === undefined ? "none" : "global",
      ...(stopDir === undefined ? {} : { stopDir }),
      ignoreEmptySearchPlaces: false,
      cache: false,
      mergeImportArrays: false,
      mergeSearchPlaces: false,
      transform: (result) => result,
      loaders: {
        // cosmiconfig follows `$import` in what a loader returns, so that it gets a box and never the config's own keys. From a
        // file named `package` it takes the key of the module name.
        default: async (path, text) => ({ kinsync: await this.#read(path, text) }),
      },
    });
  }

  async #configOf(result: { readonly filepath: string; readonly config: unknown; readonly isEmpty?: boolean } | null) {
    if (result === null) return undefined;
    // cosmiconfig calls no loader for an empty file.
    if (result.isEmpty === true) return await this.#read(result.filepath, "");
    const box = result.config as Config | { readonly kinsync: Config | undefined };
    return "kinsync" in box ? box.kinsync : box;
  }
}
