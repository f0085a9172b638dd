/** cosmiconfig's search itself, without the function around it: see docs/decisions/0010-config-search.md. */
declare module "cosmiconfig/dist/Explorer.js" {
  import type { CosmiconfigResult, Options } from "cosmiconfig";

  export interface ExplorerOptions extends Options {
    readonly moduleName: string;
    /** A file of the user that changes these options; `null`: none. */
    readonly metaConfigFilePath: null;
  }

  export class Explorer {
    constructor(options: ExplorerOptions);
    /** The first config from a folder up to `stopDir`. */
    search(from: string): Promise<CosmiconfigResult>;
    load(path: string): Promise<CosmiconfigResult>;
    protected getSearchPlacesForDir(
      folder: { readonly path: string; readonly isGlobalConfig: boolean },
      globalPlaces: readonly string[],
    ): string[];
  }
}
