import { createRequire, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

/** `kinsync` and `@kinsync/core/contract`, but no relative path and no package of others. */
const OWN_NAME = /^(?:kinsync|@kinsync\/[^/]+)(?:\/|$)/;

/** True for a package of kinsync, or a path in it, as an import names it. */
export function isOwnPackage(specifier: string): boolean {
  return OWN_NAME.test(specifier);
}

/**
 * While this is not disposed of, a package of kinsync that a project imports and does not have is resolved from the running program. A
 * project in Python or Go needs no package.json for its config then, and a kinsync of the project itself takes precedence.
 * @param program file URL of a module of the running program. Default: this package, which has `@kinsync/core` only
 */
export function provideOwnPackages(program: string | undefined): Disposable {
  const origins = program === undefined ? [import.meta.url] : [program, import.meta.url];
  // `require.resolve` calls the hook again.
  let isResolving = false;
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (isResolving || !isOwnPackage(specifier)) return nextResolve(specifier, context);
      try {
        return nextResolve(specifier, context);
      } catch (error) {
        if (!isMissing(error)) throw error;
        isResolving = true;
        try {
          const url = resolveFrom(origins, specifier, context.conditions);
          if (url === undefined) throw error;
          return { url, shortCircuit: true };
        } finally {
          isResolving = false;
        }
      }
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}

/** `nextResolve` would ignore another parent where `require` is called. */
function resolveFrom(origins: readonly string[], specifier: string, conditions: readonly string[]): string | undefined {
  // @types/node has no `conditions` yet; Node supports it since version 22.
  const options = { conditions: new Set(conditions) } as NodeJS.RequireResolveOptions;
  for (const origin of origins) {
    try {
      return pathToFileURL(createRequire(origin).resolve(specifier, options)).href;
    } catch {
      // The next one may have it; else the error names the importing file.
    }
  }
  return undefined;
}

/** The package is not installed; one without the file that it exports is. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "MODULE_NOT_FOUND" || error.message.startsWith("Cannot find package ");
}
