import type { ServerResponse } from "node:http";

import { badRequest } from "../status-error.ts";
import type { ApiContext } from "./context.ts";
import { containerOf } from "./pod-target.ts";
import { flag } from "./request.ts";
import type { ResourceRequest } from "./request.ts";
import { currentOf } from "./write.ts";

/** Serves `pods/log` as text; with `follow`, the response stays open while the container runs. */
export async function serveLogs(
  context: ApiContext,
  request: ResourceRequest,
  response: ServerResponse,
): Promise<void> {
  const pod = currentOf(context, request);
  const { query } = request;
  const container = containerOf(pod, query.get("container"));
  if (typeof pod.spec?.["nodeName"] !== "string") {
    // As in Kubernetes: a pod without a node has an empty log.
    response.writeHead(200, { "Content-Type": "text/plain" }).end();
    return;
  }
  const tail = query.get("tailLines");
  if (tail !== null && !/^\d+$/.test(tail)) {
    throw badRequest(`tailLines: Invalid value: ${tail}: must be greater than or equal to 0`);
  }
  const log = await context.runtime.logs(
    { namespace: pod.metadata.namespace ?? "default", name: pod.metadata.name },
    container,
    {
      follow: flag(query, "follow"),
      previous: flag(query, "previous"),
      ...(tail === null ? {} : { tailLines: Number(tail) }),
    },
  );
  response.writeHead(200, { "Content-Type": "text/plain" });
  response.flushHeaders();
  response.on("close", () => {
    log.destroy();
  });
  log.on("error", () => {
    response.destroy();
  });
  log.pipe(response);
}
