import type { ResourceType } from "../contract/resource.ts";
import type { KindPlugin } from "../contract/kind.ts";
import { KinsyncError } from "../errors/error.ts";
import type { KindEntry } from "./host-lazy-kind.ts";
import type { TransportEntry } from "./host-lazy-transport.ts";
import type { LoadedPlugin, LoadedPlugins } from "./load.ts";
import { checkKind, checkTransport } from "./shape.ts";

export interface RegistryOptions {
  /** Plugins that are available without an entry in the config. */
  readonly builtIn: { readonly kinds: readonly KindEntry[]; readonly transports: readonly TransportEntry[] };
  /** Plugins of the config. Default: none. */
  readonly configured?: LoadedPlugins;
}

/** All plugins of a run: at most one kind per root, and unique names. */
export interface PluginRegistry {
  readonly kinds: readonly KindEntry[];
  readonly transports: readonly TransportEntry[];
  /** Notes for the user: which built-in plugins the config replaces. */
  readonly notes: readonly string[];
  /**
   * The same plugins with other rules: those of the config as they are now. Rules that are equal keep their kind, so that it is the same
   * object.
   *
   * @throws as `createRegistry`
   */
  withRules(rules: readonly LoadedPlugin<KindPlugin>[]): PluginRegistry;
}

/**
 * Merges built-in and configured plugins. A configured kind replaces the built-in kind of the same root, and a configured transport
 * replaces the built-in transport of the same name.
 *
 * @throws `KINSYNC_PLUGIN_DUPLICATE`: two plugins of the config have the same root or name, or one has the name of a built-in kind that
 * it does not replace. `KINSYNC_PLUGIN_CONTRACT`, `KINSYNC_PLUGIN_SHAPE`: a built-in plugin does not fit.
 */
export function createRegistry({
  builtIn,
  configured = { kinds: [], transports: [] },
}: RegistryOptions): PluginRegistry {
  const notes: string[] = [];
  // The code of a lazy kind is checked when it is loaded.
  const ownKinds = builtIn.kinds.map((kind) =>
    origin(kind.type === "lazy-kind" ? kind : checkKind(kind, `${nameOf(kind)} (built in)`)),
  );
  const ownTransports = builtIn.transports.map((each) =>
    origin(each.type === "lazy-transport" ? each : checkTransport(each, `${nameOf(each)} (built in)`)),
  );

  refuseTwice(
    configured.kinds,
    (kind) => rootOf(kind.root),
    (root) => `have the root ${root}`,
  );
  refuseTwice(
    configured.transports,
    (transport) => transport.name,
    (name) => `are named ${name}`,
  );

  const keptKinds = ownKinds.filter((own) => {
    const replacement = configured.kinds.find(({ plugin }) => rootOf(plugin.root) === rootOf(own.plugin.root));
    if (replacement !== undefined) notes.push(`${replacement.origin} replaces the built-in kind ${own.plugin.name}`);
    return replacement === undefined;
  });
  const keptTransports = ownTransports.filter((own) => {
    const replacement = configured.transports.find(({ plugin }) => plugin.name === own.plugin.name);
    if (replacement !== undefined)
      notes.push(`${replacement.origin} replaces the built-in transport ${own.plugin.name}`);
    return replacement === undefined;
  });

  const kinds: readonly LoadedPlugin<KindEntry>[] = [...configured.kinds, ...keptKinds];
  const transports: readonly LoadedPlugin<TransportEntry>[] = [...configured.transports, ...keptTransports];
  refuseTwice(
    kinds,
    (kind) => kind.name,
    (name) => `are named ${name}`,
  );
  return {
    kinds: kinds.map(({ plugin }) => plugin),
    transports: transports.map(({ plugin }) => plugin),
    notes,
    withRules: (rules) => {
      const former = configured.kinds.filter((each) => each.rules !== undefined);
      const now = rules.map((each) => former.find((one) => isSameRules(one, each)) ?? each);
      const code = configured.kinds.filter((each) => each.rules === undefined);
      return createRegistry({ builtIn, configured: { ...configured, kinds: [...code, ...now] } });
    },
  };
}

function isSameRules(one: LoadedPlugin<KindPlugin>, other: LoadedPlugin<KindPlugin>): boolean {
  return one.origin === other.origin && one.rules === other.rules;
}

function origin<Plugin extends { readonly name: string }>(plugin: Plugin): LoadedPlugin<Plugin> {
  return { plugin, origin: `${plugin.name} (built in)` };
}

function nameOf(plugin: { readonly name?: unknown }): string {
  return typeof plugin.name === "string" ? plugin.name : "a plugin";
}

/** The root without its version: a kind serves its root in all versions. */
function rootOf(root: ResourceType): string {
  return root.group === "" ? root.plural : `${root.plural}.${root.group}`;
}

function refuseTwice<Plugin>(
  plugins: readonly LoadedPlugin<Plugin>[],
  keyOf: (plugin: Plugin) => string,
  describe: (key: string) => string,
): void {
  const seen = new Map<string, string>();
  for (const { plugin, origin } of plugins) {
    const key = keyOf(plugin);
    const before = seen.get(key);
    if (before !== undefined) {
      throw new KinsyncError("KINSYNC_PLUGIN_DUPLICATE", `${before} and ${origin} both ${describe(key)}`, {
        details: { key, plugins: [before, origin] },
      });
    }
    seen.set(key, origin);
  }
}
