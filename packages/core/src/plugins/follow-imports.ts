import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { isOwnPackage } from "./load-own-packages.ts";

/** One run of a module and of what it imports. */
export interface Edition {
  /** Of 0, modules that ran before in this process are not run again. */
  readonly edition: number;
  /** Absolute paths of its files are added. */
  readonly files: Set<string>;
}

/** The address to import; hooks that follow what it imports, until this is disposed of. */
export interface FollowedModule extends Disposable {
  readonly url: string;
}

/** Follows the imports of a module, but for those of packages. A later edition gets other addresses, so that Node runs the files anew. */
export function followImports(href: string, { edition, files }: Edition): FollowedModule {
  const suffix = edition === 0 ? "" : `?edition=${edition}`;
  const url = href + suffix;
  const followed = new Set([url]);
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const { parentURL } = context;
      const isFollowed = parentURL !== undefined && followed.has(parentURL) && !isOwnPackage(specifier);
      if (!isFollowed || !resolved.url.startsWith("file:") || resolved.url.includes("/node_modules/")) return resolved;
      files.add(fileURLToPath(resolved.url));
      const next = resolved.url + suffix;
      followed.add(next);
      return { ...resolved, url: next };
    },
  });
  return { url, [Symbol.dispose]: () => hooks.deregister() };
}
