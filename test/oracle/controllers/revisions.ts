import type { KubeObject } from "@kinsync/core/contract";
import type { Fact } from "../cluster/facts.ts";
import { controllerReference, type Labels, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { CONTROLLER_REVISIONS } from "../cluster/types.ts";
import type { Template } from "./replica-set.ts";

/** Label of a ControllerRevision: the hash of its template. */
const HASH = "controller-revision-hash";

type Numbered = KubeObject & { readonly revision?: number };

type Templated = Typed<{ readonly selector: { readonly matchLabels: Labels }; readonly template: Template }>;

/**
 * The ControllerRevision of the present template, with the highest number: a new one, or an older one that is numbered again (k8s
 * `pkg/controller/history`, `getStatefulSetRevisions`, `constructHistory`). One of this name that another owner has left is used as it is.
 * @param facts what the write of the highest number makes known
 */
export function* syncRevisions(
  store: Store,
  root: KubeObject,
  nameOf: (hash: string) => string,
  facts: readonly Fact[] = [],
): Generator<void, KubeObject> {
  const { spec }: Templated = root;
  const image = spec?.template?.image ?? "";
  const owned: Numbered[] = store.ownedBy(root.metadata.uid, CONTROLLER_REVISIONS);
  const found = owned.find(({ metadata }) => metadata.annotations?.["image"] === image);
  const others = owned.filter((each) => each !== found).map(({ revision = 0 }) => revision);
  const next = Math.max(0, ...others) + 1;
  if (found !== undefined) {
    if ((found.revision ?? 0) >= next) return found;
    const numbered = store.update(found, { more: { revision: next } }, facts);
    yield;
    return numbered;
  }
  const left = store.find(CONTROLLER_REVISIONS, nameOf(image));
  if (left !== undefined) return left;
  const created = store.create(
    {
      ...CONTROLLER_REVISIONS,
      metadata: {
        name: nameOf(image),
        labels: { ...spec?.selector?.matchLabels, [HASH]: image },
        annotations: { image },
        ownerReferences: [controllerReference(root)],
      },
      more: { revision: next },
    },
    facts,
  );
  yield;
  return created;
}
