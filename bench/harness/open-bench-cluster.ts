import type { BenchCluster, BenchClusterOptions } from "./bench-cluster.ts";
import { openPlaygroundCluster } from "./playground-cluster.ts";
import { openRealCluster } from "./real-cluster.ts";

export async function openBenchCluster(options: BenchClusterOptions): Promise<BenchCluster> {
  return options.kubeconfig === undefined
    ? openPlaygroundCluster(options)
    : openRealCluster(options, options.kubeconfig);
}
