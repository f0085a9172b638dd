import type { ClusterConnection, ClusterWriter } from "../contract/cluster.ts";
import type { KinsyncConfig } from "../contract/config.ts";
import type { WriterFor } from "../engine/options.ts";

/** Which transports may change objects of the cluster: `writesApi` of the config as it is now. */
export interface ApiConsents {
  writesApi: KinsyncConfig["writesApi"];
}

/** Gives the transports that the config names the means to write, limited to what they declare. */
export function writerFor(cluster: ClusterConnection, consents: ApiConsents): WriterFor {
  return ({ name, capabilities }, namespace): ClusterWriter | undefined => {
    if (consents.writesApi?.includes(name) !== true) return undefined;
    const { writesApi: rules } = capabilities;
    return {
      // Imported with the first write: most runs have none.
      async apply(request) {
        const { clusterWriter } = await import("../cluster/writer.ts");
        return await clusterWriter(cluster, { rules, namespace }).apply(request);
      },
    };
  };
}
