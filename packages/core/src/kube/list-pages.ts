import type { ClusterConnection } from "../contract/cluster.ts";
import { errorOfResponse } from "../contract/status.ts";
import { KinsyncError } from "../errors/error.ts";
import { deadline, untilAborted } from "../time/deadline.ts";
import { METADATA_LIST } from "./media-types.ts";
import { operationText, selectorsOf, type ReflectorSpec, type ReflectorTiming } from "./reflector-spec.ts";
import { resourcePath } from "./resource-path.ts";

/** Attempts by pages; after them the list is requested in one page. */
const PAGED_ATTEMPTS = 3;

/** A whole list at one resource version. */
export interface ListedObjects {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
}

interface ListBody {
  readonly items?: readonly unknown[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/** Lists by pages. A list that expires between two pages (410) starts again, at last in one page with everything. */
export async function listPages(
  cluster: ClusterConnection,
  spec: ReflectorSpec,
  timing: ReflectorTiming,
  stop: AbortSignal,
): Promise<ListedObjects> {
  const operation = operationText(spec, "list");
  let items: unknown[] = [];
  let token: string | undefined;
  let limit: number | undefined = timing.pageSize;
  let attempts = 1;
  for (;;) {
    using limited = deadline(stop, timing.page, operation);
    const { signal } = limited;
    const response = await untilAborted(
      cluster.request({
        path: resourcePath(spec.resource, spec.namespace),
        query: { ...selectorsOf(spec), limit, continue: token },
        ...(spec.metadataOnly === true ? { accept: METADATA_LIST } : {}),
        signal,
      }),
      signal,
    );
    if (response.status === 410 && token !== undefined && attempts <= PAGED_ATTEMPTS) {
      if (attempts === PAGED_ATTEMPTS) limit = undefined;
      attempts += 1;
      items = [];
      token = undefined;
      continue;
    }
    if (response.status !== 200) throw await untilAborted(errorOfResponse(response, operation), signal);
    const body = (await untilAborted(response.json(), signal)) as ListBody | null;
    if (typeof body !== "object" || body === null || typeof body.metadata?.resourceVersion !== "string") {
      throw new KinsyncError("KINSYNC_CLUSTER_ANSWER", `Cannot ${operation}: the answer is not a list`);
    }
    for (const item of body.items ?? []) items.push(item);
    token = body.metadata.continue === "" ? undefined : body.metadata.continue;
    if (token === undefined) return { items, resourceVersion: body.metadata.resourceVersion };
  }
}
