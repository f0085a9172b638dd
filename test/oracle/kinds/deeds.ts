import type { KubeObject } from "@kinsync/core/contract";
import { deleteObject } from "../cluster/garbage-collector.ts";
import type { Typed } from "../cluster/objects.ts";
import type { Draft, Store } from "../cluster/store.ts";
import { PODS } from "../cluster/types.ts";
import { ROOT, type Deed } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";

/** What users do to the workload that is judged. */
export class RootDeeds<Root extends Typed<object> = Typed<object>> {
  readonly #store: Store;
  readonly #make: (choice: number) => Draft;
  #draft: Draft;

  constructor(store: Store, make: (choice: number) => Draft) {
    this.#store = store;
    this.#make = make;
    this.#draft = make(0);
    this.#create(0);
  }

  get object(): (KubeObject & Root) | undefined {
    return this.#store.find(this.#draft, ROOT) as (KubeObject & Root) | undefined;
  }

  /** Delete, and create again under the same name. */
  deeds(): Readonly<Record<string, Deed>> {
    return {
      "delete the root": (choice) => {
        const { object } = this;
        const how = pick(["Background", "Foreground", "Orphan"] as const, choice);
        if (object !== undefined) deleteObject(this.#store, object, how);
      },
      "create the root": (choice) => {
        if (this.object === undefined) this.#create(choice);
      },
      "create the root again": (choice) => {
        const { object } = this;
        if (object !== undefined) deleteObject(this.#store, object, choice % 2 === 0 ? "Background" : "Orphan");
        this.#create(choice);
      },
    };
  }

  /** A change of fields of the spec. */
  change(fields: (choice: number, spec: NonNullable<Root["spec"]>) => object): Deed {
    return (choice) => {
      const { object } = this;
      const spec = object?.spec as Root["spec"];
      if (object !== undefined && spec !== undefined)
        this.#store.patch(object.metadata.uid, { spec: fields(choice, spec) });
    };
  }

  #create(choice: number): void {
    this.#draft = this.#make(choice);
    this.#store.create(this.#draft);
  }
}

/** The convention of Kubernetes: the controller has not observed the newest spec. */
export function isBehind({ metadata, status }: KubeObject): boolean {
  return Number(status?.["observedGeneration"] ?? 0) < (metadata.generation ?? 0);
}

/** Takes a pod out of all selectors, or back in. */
export function relabelPod(store: Store, label: string): Deed {
  return (choice) => {
    const pod = pick(store.list(PODS), choice);
    if (pod === undefined) return;
    const isIn = pod.metadata.labels?.[label] === ROOT;
    store.patch(pod.metadata.uid, { labels: { [label]: isIn ? "debug" : ROOT } });
  };
}

/** Creates a pod that nobody controls, as a debug copy that has kept its labels. A controller whose selector fits adopts it. */
export function orphanPod(store: Store, metadata: (choice: number) => Draft["metadata"]): Deed {
  return (choice) => {
    store.create({
      ...PODS,
      metadata: metadata(choice),
      spec: { containers: [{ name: "main", image: "a" }] },
      status: { phase: "Running" },
    });
  };
}
