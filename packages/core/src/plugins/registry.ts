import type { KindPlugin } from "../contract/kind.ts";
import type { ResourceType } from "../contract/resource.ts";
import type { TransportPlugin } from "../contract/transport.ts";
import { KinsyncError } from "../errors/error.ts";
import type { LoadedPlugin, LoadedPlugins } from "./load.ts";
import { checkKind, checkTransport } from "./shape.ts";

export interface RegistryOptions {
  /** What is there without being named. */
  readonly builtIn: { readonly kinds: readonly KindPlugin[]; readonly transports: readonly TransportPlugin[] };
  /** What the config brought. Default: nothing. */
  readonly configured?: LoadedPlugins;
}

/** All plugins of a run; at most one kind for each root, and no name twice. */
export interface PluginRegistry {
  readonly kinds: readonly KindPlugin[];
  readonly transports: readonly TransportPlugin[];
  /** What a user should know: which built-in plugin was replaced by which other. */
  readonly notes: readonly string[];
}

/**
 * Puts built-in and configured plugins together. A configured kind replaces the built-in one for the same root, a configured
 * transport the built-in one of the same name. Throws `KINSYNC_PLUGIN_DUPLICATE` where two of the config want the same, or one
 * has the name of a built-in one that it does not replace; and what the checks of contract and shape throw.
 */
export function createRegistry({
  builtIn,
  configured = { kinds: [], transports: [] },
}: RegistryOptions): PluginRegistry {
  const notes: string[] = [];
  const ownKinds = builtIn.kinds.map((kind) => origin(checkKind(kind, `${nameOf(kind)} (built in)`)));
  const ownTransports = builtIn.transports.map((each) => origin(checkTransport(each, `${nameOf(each)} (built in)`)));

  refuseTwice(
    configured.kinds,
    (kind) => rootOf(kind.root),
    (root) => `claim the root kind ${root}`,
  );
  refuseTwice(
    configured.transports,
    (transport) => transport.name,
    (name) => `are named ${name}`,
  );

  const keptKinds = ownKinds.filter((own) => {
    const by = configured.kinds.find(({ plugin }) => rootOf(plugin.root) === rootOf(own.plugin.root));
    if (by !== undefined) notes.push(`${by.origin} replaces the built-in kind ${own.plugin.name}`);
    return by === undefined;
  });
  const keptTransports = ownTransports.filter((own) => {
    const by = configured.transports.find(({ plugin }) => plugin.name === own.plugin.name);
    if (by !== undefined) notes.push(`${by.origin} replaces the built-in transport ${own.plugin.name}`);
    return by === undefined;
  });

  const kinds = [...configured.kinds, ...keptKinds];
  const transports = [...configured.transports, ...keptTransports];
  refuseTwice(
    kinds,
    (kind) => kind.name,
    (name) => `are named ${name}`,
  );
  return {
    kinds: kinds.map(({ plugin }) => plugin),
    transports: transports.map(({ plugin }) => plugin),
    notes,
  };
}

function origin<Plugin extends { readonly name: string }>(plugin: Plugin): LoadedPlugin<Plugin> {
  return { plugin, origin: `${plugin.name} (built in)` };
}

function nameOf(plugin: { readonly name?: unknown }): string {
  return typeof plugin.name === "string" ? plugin.name : "a plugin";
}

/** The version does not count: one root kind is one root kind in all its versions. */
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
