import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Component } from "./cluster.ts";
import { PAUSE_IMAGE } from "../images/image-names.ts";
import { kubeconfigOf, nodeLayoutOf } from "./state.ts";
import type { ClusterState, Layout, NodeState } from "./state.ts";

/** How a component is started and monitored. */
export interface ComponentPlan {
  /** A component of the cluster, or the name of a controller of another project. */
  readonly component: string;
  /** Name of the program's file, which identifies its process. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** See `isHealthy`. */
  readonly health: string;
}

/** The components of the first node in the order of their start; containerd and kubelet run on every node. */
export const COMPONENTS: readonly Component[] = [
  "containerd",
  "etcd",
  "apiserver",
  "controller-manager",
  "scheduler",
  "kubelet",
  "jobset",
];

/** Large enough that the log is not rotated and can be read from its beginning. */
const AUDIT_LOG_MB = "1000";

export function planOf(component: Component, state: ClusterState, layout: Layout, node: NodeState): ComponentPlan {
  const { pki, etc } = layout;
  const { folder, containerdSocket } = nodeLayoutOf(layout, node.name);
  const kubernetes = (program: string, flags: Flags) => ({
    component,
    program,
    argv: [join(state.programs.kubernetes, program), ...words(flags)],
  });
  const first = state.nodes[0]?.address ?? node.address;
  switch (component) {
    case "containerd":
      return {
        component,
        program: "containerd",
        argv: ["containerd", "--config", join(folder, "containerd.toml")],
        health: containerdSocket,
      };
    case "etcd": {
      const clients = "http://127.0.0.1:2379";
      const flags = {
        "data-dir": layout.etcd,
        "unsafe-no-fsync": true,
        "log-level": "warn",
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": "http://127.0.0.1:2380",
        "listen-metrics-urls": `http://${first}:2381`,
      };
      return { ...kubernetes("etcd", flags), health: `http://${first}:2381/health` };
    }
    case "apiserver":
      return { ...kubernetes("kube-apiserver", apiServerFlags(layout, first)), health: `https://${first}:6443/readyz` };
    case "controller-manager": {
      const flags = {
        kubeconfig: kubeconfigOf(layout, "controller-manager"),
        "leader-elect": false,
        "use-service-account-credentials": true,
        "service-account-private-key-file": join(pki, "sa.key"),
        "root-ca-file": join(pki, "ca.crt"),
        "flex-volume-plugin-dir": join(etc, "volume-plugins"),
        // With the defaults, its start alone exhausts the request rate for some seconds.
        "kube-api-qps": "500",
        "kube-api-burst": "1000",
      };
      return { ...kubernetes("kube-controller-manager", flags), health: `https://${first}:10257/healthz` };
    }
    case "scheduler": {
      const flags = { kubeconfig: kubeconfigOf(layout, "scheduler"), "leader-elect": false };
      return { ...kubernetes("kube-scheduler", flags), health: `https://${first}:10259/healthz` };
    }
    case "kubelet": {
      const flags = {
        config: join(folder, "kubelet.json"),
        kubeconfig: join(folder, "kubelet.kubeconfig"),
        "root-dir": join(folder, "kubelet"),
        "cert-dir": join(folder, "kubelet", "pki"),
        "node-ip": node.address,
        "hostname-override": node.name,
      };
      return { ...kubernetes("kubelet", flags), health: `http://${node.address}:10248/healthz` };
    }
    case "jobset": {
      const flags = {
        config: join(etc, "jobset.json"),
        "metrics-bind-address": "127.0.0.1:8445",
        "health-probe-bind-address": `${first}:8081`,
      };
      return {
        component,
        program: "jobset",
        argv: [join(state.programs.jobset, "jobset"), ...words(flags)],
        env: { KUBECONFIG: kubeconfigOf(layout, "jobset") },
        health: `http://${first}:8081/readyz`,
      };
    }
  }
}

type Flags = Readonly<Record<string, string | boolean>>;

function words(flags: Flags): readonly string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

function apiServerFlags({ pki, etc, logs }: Layout, address: string): Flags {
  return {
    "etcd-servers": "http://127.0.0.1:2379",
    "secure-port": "6443",
    "bind-address": "0.0.0.0",
    "advertise-address": address,
    "cert-dir": join(etc, "apiserver"),
    "client-ca-file": join(pki, "ca.crt"),
    "tls-cert-file": join(pki, "apiserver.crt"),
    "tls-private-key-file": join(pki, "apiserver.key"),
    "kubelet-client-certificate": join(pki, "admin.crt"),
    "kubelet-client-key": join(pki, "admin.key"),
    "kubelet-preferred-address-types": "InternalIP",
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": join(pki, "sa.key"),
    "service-account-signing-key-file": join(pki, "sa.key"),
    "service-cluster-ip-range": "10.96.0.0/16",
    "authorization-mode": "Node,RBAC",
    "allow-privileged": true,
    "audit-policy-file": join(etc, "audit.json"),
    "audit-log-path": join(logs, "audit.log"),
    "audit-log-maxsize": AUDIT_LOG_MB,
  };
}

/** Writes the files of the control plane except certificates and kubeconfigs. */
export async function configureControlPlane({ etc }: Layout): Promise<void> {
  // Every request except those of the cluster's own components.
  const components = [
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "jobset",
    "controller",
  ];
  const policy = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived"],
    rules: [
      { level: "None", users: components },
      { level: "None", userGroups: ["system:nodes", "system:serviceaccounts:kube-system"] },
      { level: "None", nonResourceURLs: ["/readyz*", "/healthz*", "/livez*"] },
      { level: "Metadata" },
    ],
  };
  await writeFile(join(etc, "audit.json"), JSON.stringify(policy));
}

/** Writes the files of one node's containerd and kubelet. */
export async function configureNode(layout: Layout, node: NodeState): Promise<void> {
  const { folder, containerdSocket, cni } = nodeLayoutOf(layout, node.name);
  await mkdir(cni, { recursive: true });
  const network = {
    cniVersion: "1.0.0",
    name: "pods",
    plugins: [
      {
        type: "bridge",
        bridge: "cni0",
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: "host-local",
          ranges: [[{ subnet: `10.244.${node.number}.0/24` }]],
          routes: [{ dst: "0.0.0.0/0" }],
          dataDir: "/run/cni-ipam",
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  await writeFile(join(cni, "10-pods.conflist"), JSON.stringify(network));
  await writeFile(join(folder, "containerd.toml"), containerdConfiguration(folder, containerdSocket, cni));
  await writeFile(join(folder, "kubelet.json"), JSON.stringify(kubeletConfiguration(layout, node)));
}

function containerdConfiguration(folder: string, socket: string, cni: string): string {
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  // Raising priorities is not permitted here, and AppArmor has no profiles, whatever the machine is.
  return `version = 2
root = "${folder}/containerd"
state = "/run/containerd"
[grpc]
  address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[${cri}]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${cni}"
`;
}

function kubeletConfiguration(layout: Layout, node: NodeState) {
  const { folder, containerdSocket } = nodeLayoutOf(layout, node.name);
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: node.address,
    healthzBindAddress: node.address,
    tlsCertFile: join(layout.pki, `${node.name}.crt`),
    tlsPrivateKeyFile: join(layout.pki, `${node.name}.key`),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: join(layout.pki, "ca.crt") },
    },
    authorization: { mode: "AlwaysAllow" },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: "cgroupfs",
    enforceNodeAllocatable: [],
    failSwapOn: false,
    // The kubelet does not set these values here: it is not permitted to, and the machine must not be changed.
    protectKernelDefaults: true,
    oomScoreAdj: 0,
    maxOpenFiles: 20_000,
    volumePluginDir: join(folder, "volume-plugins"),
    evictionHard: { "memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    resolvConf: "",
    maxPods: 250,
    clusterDomain: "cluster.local",
  };
}
