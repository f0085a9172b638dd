import type { ServerResponse } from "node:http";

import { StatusError, expired, invalid } from "../status-error.ts";
import type { StoreChange } from "../store/change-feed.ts";
import { apiVersionOf } from "../store/resources.ts";
import type { ResourceName, StoredObject } from "../world.ts";
import type { ApiContext } from "./context.ts";
import { revisionOf } from "./list.ts";
import { includeOf, shaped } from "./negotiation.ts";
import type { Shape } from "./negotiation.ts";
import { flag } from "./request.ts";
import type { ResourceRequest } from "./request.ts";
import { matcherOf } from "./selectors.ts";
import { tableOf } from "./table.ts";

/** An open watch, as its owner sees it. */
export interface OpenWatch {
  readonly resource: ResourceName;
  /** Ends it: `cut` like a lost connection, `clean` like a timeout, `expired` with an in-band 410. */
  end(how: "cut" | "clean" | "expired"): void;
}

/** A watcher that takes nothing is cut off when this much waits for it. Bytes. */
const BACKLOG_BYTES = 32 * 1024 * 1024;
/** Without `timeoutSeconds`, a watch lives this long. Seconds. */
const LIFETIME_SECONDS = 1800;

type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** A change as a watch with selectors reports it: an object that no longer matches is DELETED. */
function seen(
  change: StoreChange,
  matches: (object: StoredObject) => boolean,
): { type: "ADDED" | "MODIFIED" | "DELETED"; object: StoredObject } | undefined {
  const { object, previous } = change;
  const before = previous !== undefined && matches(previous);
  if (change.type === "DELETED") {
    return before ? { type: "DELETED", object } : undefined;
  }
  if (matches(object)) {
    return { type: before ? "MODIFIED" : "ADDED", object };
  }
  if (!before) {
    return undefined;
  }
  const last = { ...previous, metadata: { ...previous.metadata, resourceVersion: object.metadata.resourceVersion } };
  return { type: "DELETED", object: last };
}

/** Where a watch starts: with the current state, or with the changes after a version. */
interface Start {
  readonly initial: readonly StoredObject[];
  readonly changes: readonly StoreChange[];
  readonly revision: number;
  /** A streamed list: a bookmark marks the end of the initial state. */
  readonly streamed: boolean;
}

const TOO_OLD = "The resourceVersion for the provided watch is too old.";

function startOf({ store, faults }: ApiContext, request: ResourceRequest): Start | StatusError {
  const { resource, namespace, query } = request;
  const requested = query.get("resourceVersion") ?? "";
  const streamed = flag(query, "sendInitialEvents");
  if (streamed && query.get("resourceVersionMatch") !== "NotOlderThan") {
    throw invalid({ group: "meta.k8s.io", plural: "listoptions", kind: "ListOptions" }, "", [
      {
        reason: "FieldValueForbidden",
        message: "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        field: "resourceVersionMatch",
      },
    ]);
  }
  if (streamed || requested === "" || requested === "0") {
    return { initial: store.view(resource.name, namespace), changes: [], revision: store.revision, streamed };
  }
  // A watch from a future version waits for it.
  const revision = revisionOf(requested);
  const changes = store.changesSince(revision);
  if (changes === undefined) {
    const error = expired(`too old resource version: ${revision} (${store.revision})`);
    if (faults.refusesExpiredWatches) {
      throw error;
    }
    return error;
  }
  return { initial: [], changes, revision, streamed: false };
}

/**
 * Serves a watch on an open response until the client disconnects, the timeout passes or `register`'s owner ends it.
 * Throws before the first byte if the request is invalid.
 */
export function serveWatch(
  context: ApiContext,
  request: ResourceRequest,
  shape: Shape,
  response: ServerResponse,
  register: (watch: OpenWatch) => Disposable,
): void {
  const { store } = context;
  const { resource, version, namespace, name, query } = request;
  const matches = matcherOf(query, resource, name);
  const include = includeOf(query);
  const bookmarks = flag(query, "allowWatchBookmarks");
  const seconds = Number(query.get("timeoutSeconds") ?? 0) || LIFETIME_SECONDS;
  const start = startOf(context, request);
  let definitions = true;
  let last = start instanceof StatusError ? 0 : start.revision;
  let open = true;

  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache, private" });
  response.flushHeaders();

  function send(type: WatchEventType, object: unknown): void {
    if (!open) {
      return;
    }
    response.write(`${JSON.stringify({ type, object })}\n`);
    if (response.writableLength > BACKLOG_BYTES) {
      finish("cut");
    }
  }

  function body(object: StoredObject): unknown {
    if (shape !== "table") {
      return shaped(shape, resource, version, object, include);
    }
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(resource, version, [object], { metadata, include, definitions });
    definitions = false;
    return table;
  }

  function bookmark(initialEnd = false): void {
    const metadata = {
      resourceVersion: String(last),
      creationTimestamp: null,
      ...(initialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
    };
    if (shape === "table") {
      send("BOOKMARK", {
        kind: "Table",
        apiVersion: "meta.k8s.io/v1",
        metadata: { resourceVersion: String(last) },
        columnDefinitions: null,
        rows: [{ cells: [], object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata } }],
      });
      return;
    }
    send("BOOKMARK", {
      kind: shape === "metadata" ? "PartialObjectMetadata" : resource.kind,
      apiVersion: shape === "metadata" ? "meta.k8s.io/v1" : apiVersionOf(resource, version),
      metadata,
    });
  }

  function fail(error: StatusError): void {
    send("ERROR", error.toStatus());
    finish("clean");
  }

  function take(change: StoreChange): void {
    last = change.revision;
    if (
      change.resource !== resource.name ||
      (namespace !== undefined && change.object.metadata.namespace !== namespace)
    ) {
      return;
    }
    const event = seen(change, matches);
    if (event !== undefined) {
      send(event.type, body(event.object));
    }
  }

  function finish(how: "cut" | "clean"): void {
    if (!open) {
      return;
    }
    open = false;
    subscription?.[Symbol.dispose]();
    registration?.[Symbol.dispose]();
    clearTimeout(end);
    clearInterval(beat);
    if (how === "cut") {
      response.destroy();
    } else {
      response.end();
    }
  }

  let subscription: Disposable | undefined;
  let registration: Disposable | undefined;
  let beat: NodeJS.Timeout | undefined;
  const end = setTimeout(() => {
    if (bookmarks) {
      bookmark();
    }
    finish("clean");
  }, seconds * 1000);

  if (start instanceof StatusError) {
    fail(start);
    return;
  }
  for (const object of start.initial) {
    if (matches(object)) {
      send("ADDED", body(object));
    }
  }
  if (start.streamed) {
    bookmark(true);
  }
  for (const change of start.changes) {
    take(change);
  }
  response.on("close", () => {
    finish("cut");
  });
  subscription = store.observe((change) => {
    // The listeners may still receive changes from before the watch started.
    if (change.revision > last) {
      take(change);
    }
  });
  if (bookmarks) {
    beat = setInterval(bookmark, context.bookmarkInterval);
  }
  registration = register({
    resource: resource.name,
    end: (how) => {
      if (how === "expired") {
        fail(expired(TOO_OLD));
      } else {
        finish(how);
      }
    },
  });
}
