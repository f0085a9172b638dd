import type { KubeObject, OwnerReference, Pod, ResourceType } from "../../contract/resource.ts";
import { isPods } from "../../kube/resource-path.ts";

/** The part of a store that the walk needs. */
export interface OwnerIndex {
  get(uid: string): KubeObject | undefined;
  /** Every object that names the UID in an owner reference, whatever the value of `controller`. */
  byOwner(uid: string): ReadonlySet<KubeObject>;
}

/** The objects of one resource, and which of their owner references count. */
export interface Layer {
  readonly resource: ResourceType;
  readonly owner: "controller" | "any";
  readonly store: OwnerIndex;
}

/** An object that owns something, or may. */
interface Node {
  readonly object: KubeObject;
  readonly depth: number;
  /** The owners of any object that this one owns, nearest first. */
  readonly chain: readonly KubeObject[];
}

/** The objects of a root, by one walk down from its UID. */
export interface Ownership {
  readonly root: KubeObject;
  /** Every object between root and pods that the root owns, also pods that own something. Sorted by UID. */
  readonly owned: readonly KubeObject[];
  /** Every pod that the root owns. Sorted by UID. */
  readonly pods: readonly KubeObject[];
  /**
   * Owners of an object, nearest first, without the root; `undefined` where the root does not own it. Correct for any pod that
   * owns nothing itself, also one that changed since the walk: a pod's event does not cost a walk.
   */
  chainOf(object: KubeObject | Pod, owner: Layer["owner"]): readonly KubeObject[] | undefined;
  /** An owned object and its own owners up to the root: the owners of an object below it. `undefined` where it is not owned. */
  chainFrom(uid: string): readonly KubeObject[] | undefined;
}

const NO_OWNERS: readonly KubeObject[] = Object.freeze([]);

/**
 * Walks down from the root along owner references, by UID, through every layer, pods too. An object that can be reached in
 * several ways gets the shortest chain, then the one through the smallest UID, so that the order of arrival cannot matter.
 */
export function walkDown(root: KubeObject, layers: readonly Layer[]): Ownership {
  const nodes = new Map<string, Node>();
  // Pods that own nothing are found, and no chain leads through them.
  const found = new Set([root.metadata.uid]);
  nodes.set(root.metadata.uid, { object: root, depth: 0, chain: NO_OWNERS });
  const owned: KubeObject[] = [];
  const pods: KubeObject[] = [];
  let frontier: Node[] = [nodes.get(root.metadata.uid) as Node];
  while (frontier.length > 0) {
    const next: Node[] = [];
    for (const parent of frontier) {
      for (const layer of layers) {
        const isPodLayer = isPods(layer.resource);
        for (const object of layer.store.byOwner(parent.object.metadata.uid)) {
          const { uid } = object.metadata;
          if (found.has(uid) || !isOwnedBy(object, parent.object, layer.owner)) continue;
          found.add(uid);
          if (isPodLayer) pods.push(object);
          if (isPodLayer && !ownsAnything(uid, layers)) continue;
          const chain = Object.freeze([object, ...parent.chain]);
          const node: Node = { object, depth: parent.depth + 1, chain };
          nodes.set(uid, node);
          next.push(node);
          owned.push(object);
        }
      }
    }
    frontier = next.sort(byUid);
  }
  owned.sort(compareUids);
  pods.sort(compareUids);
  return {
    root,
    owned: Object.freeze(owned),
    pods: Object.freeze(pods),
    chainOf(object, owner) {
      let best: Node | undefined;
      for (const reference of object.metadata.ownerReferences ?? []) {
        const node = nodes.get(reference.uid);
        if (node === undefined || !isLink(reference, object, node.object, owner)) continue;
        if (node.object.metadata.uid === object.metadata.uid) continue;
        if (
          best === undefined ||
          node.depth < best.depth ||
          (node.depth === best.depth && node.object.metadata.uid < best.object.metadata.uid)
        ) {
          best = node;
        }
      }
      return best?.chain;
    },
    chainFrom: (uid) => nodes.get(uid)?.chain,
  };
}

/** Whether any object names this UID as an owner. */
export function ownsAnything(uid: string, layers: readonly Layer[]): boolean {
  return layers.some(({ store }) => store.byOwner(uid).size > 0);
}

function isOwnedBy(object: KubeObject, owner: KubeObject, mode: Layer["owner"]): boolean {
  return (object.metadata.ownerReferences ?? []).some((reference) => isLink(reference, object, owner, mode));
}

/**
 * Whether a reference leads from an object to this owner. An owner lives in the object's namespace or is cluster-scoped; a
 * reference across namespaces has no effect, also for the garbage collector (Kubernetes, "Owners and Dependents").
 */
function isLink(reference: OwnerReference, object: KubeObject | Pod, owner: KubeObject, mode: Layer["owner"]): boolean {
  if (reference.uid !== owner.metadata.uid) return false;
  if (mode === "controller" && reference.controller !== true) return false;
  return owner.metadata.namespace === undefined || owner.metadata.namespace === object.metadata.namespace;
}

function byUid(a: Node, b: Node): number {
  return compareUids(a.object, b.object);
}

/** Order of UIDs by code unit. */
export function compareUids(a: KubeObject, b: KubeObject): number {
  return a.metadata.uid < b.metadata.uid ? -1 : a.metadata.uid > b.metadata.uid ? 1 : 0;
}
