import { readFileSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Components } from "../components.ts";
import type { ComponentPlan } from "../control-plane.ts";
import { kubeconfigOf, nodeLayoutOf } from "../state.ts";
import type { Layout, NodeState } from "../state.ts";
import { crdFile, crdsOf, imageFile } from "./build.ts";
import type { Controller, Place } from "./controller.ts";

/** Where controller-runtime looks for the certificate of webhooks, below the folder of temporary files. */
const CERTIFICATES = "k8s-webhook-server/serving-certs";

/** Runs a program, the first argument, with TMPDIR as its /tmp: in a mount namespace of its own. */
const WITH_OWN_TMP = [
  'cp "$KUBECONFIG" "$TMPDIR/kubeconfig"',
  'exec 3<"$0"',
  'mount --bind "$TMPDIR" /tmp',
  'KUBECONFIG=/tmp/kubeconfig TMPDIR=/tmp exec /proc/self/fd/3 "$@"',
].join(" && ");

/** What the process of a controller needs of its cluster. */
export interface ControllerHost {
  readonly components: Components;
  readonly layout: Layout;
  /** The first node. */
  readonly node: NodeState;
  /** kubectl with an administrator's rights, on the machine. */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  /** Runs a command in the first node. */
  readonly inNode: (argv: readonly string[]) => Promise<unknown>;
}

/** A controller of another project on a cluster. */
export class ControllerProcess {
  readonly #controller: Controller;
  readonly #host: ControllerHost;

  constructor(controller: Controller, host: ControllerHost) {
    this.#controller = controller;
    this.#host = host;
  }

  /**
   * Creates the CRDs and starts the program, unless it runs.
   * @param folder of `buildController`
   */
  async start(folder: string, signal?: AbortSignal): Promise<void> {
    const { components, node, kubectl } = this.#host;
    const crds = crdsOf(this.#controller);
    const files = crds.flatMap((crd) => ["--filename", join(folder, crdFile(crd))]);
    // Some CRDs are larger than the annotation of a client-side apply may be.
    await kubectl(["apply", "--server-side", "--force-conflicts", ...files]);
    await kubectl(["wait", "--for=condition=Established", "--timeout=60s", ...crds.map((crd) => `crd/${crd}`)]);
    await this.#writeFiles();
    await this.#importImages(folder);
    const objects = this.#controller.objects?.(this.#place) ?? [];
    for (const object of objects) {
      await kubectl(["apply", "--server-side", "--force-conflicts", "--filename", "-"], JSON.stringify(object));
    }
    await components.start(this.#plan(folder), node, signal);
  }

  /** Deletes the CRDs with all their objects, gives the controller a minute to finalize these, and kills it. */
  async stop(): Promise<void> {
    const { components, node, kubectl } = this.#host;
    const crds = crdsOf(this.#controller);
    await kubectl(["delete", "crd", ...crds, "--ignore-not-found", "--wait=false"]);
    // It may wait for pods that ignore SIGTERM; what is left of it then concerns no other controller, and goes with the cluster.
    await kubectl(["wait", "--for=delete", "--timeout=60s", ...crds.map((crd) => `crd/${crd}`)]).catch(() => {});
    await components.kill(this.#plan(""), node);
    for (const object of this.#controller.objects?.(this.#place) ?? []) {
      await kubectl(["delete", "--ignore-not-found", "--wait=false", "--filename", "-"], JSON.stringify(object));
    }
  }

  get #place(): Place {
    const { layout, node } = this.#host;
    const folder = join(layout.etc, this.#controller.name);
    const caBundle = readFileSync(join(layout.pki, "ca.crt")).toString("base64");
    return { address: node.address, kubeconfig: kubeconfigOf(layout, "controller"), caBundle, folder };
  }

  async #importImages(folder: string): Promise<void> {
    const { layout, node, inNode } = this.#host;
    const { containerdSocket } = nodeLayoutOf(layout, node.name);
    const ctr = ["ctr", "--address", containerdSocket, "--namespace", "k8s.io", "images", "import"];
    for (const image of this.#controller.images ?? []) await inNode([...ctr, join(folder, imageFile(image))]);
  }

  async #writeFiles(): Promise<void> {
    const { pki } = this.#host.layout;
    const certificates = join(this.#place.folder, CERTIFICATES);
    await mkdir(certificates, { recursive: true, mode: 0o700 });
    await copyFile(join(pki, "apiserver.crt"), join(certificates, "tls.crt"));
    await copyFile(join(pki, "apiserver.key"), join(certificates, "tls.key"));
    for (const [name, content] of Object.entries(this.#controller.files?.(this.#place) ?? {})) {
      await writeFile(join(this.#place.folder, name), content);
    }
  }

  /** @param folder of `buildController`; irrelevant for a process that runs */
  #plan(folder: string): ComponentPlan {
    const { name, healthPort, healthPath = "/healthz", hasOwnTmp = false } = this.#controller;
    const place = this.#place;
    const prefix = hasOwnTmp ? ["unshare", "--mount", "sh", "-c", WITH_OWN_TMP] : [];
    return {
      component: name,
      program: name,
      argv: [...prefix, join(folder, name), ...this.#controller.arguments(place)],
      env: { KUBECONFIG: place.kubeconfig, TMPDIR: place.folder, ...this.#controller.env?.(place) },
      health: `http://${place.address}:${healthPort}${healthPath}`,
    };
  }
}
