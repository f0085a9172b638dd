import type { ServerResponse } from "node:http";

import type { LogReadOptions } from "../runtime/container-log.ts";
import { StatusError, badRequest } from "../status-error.ts";
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
  const log = await context.runtime.logs(
    { namespace: pod.metadata.namespace ?? "default", name: pod.metadata.name },
    container,
    readOptions(query, pod.metadata.name),
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

/** The parameters of `PodLogOptions`, checked as the API server does. */
function readOptions(query: URLSearchParams, pod: string): LogReadOptions & { readonly previous: boolean } {
  const tailLines = numberOf(query, "tailLines", { pod, least: 0 });
  const sinceSeconds = numberOf(query, "sinceSeconds", { pod, least: 1 });
  const limitBytes = numberOf(query, "limitBytes", { pod, least: 1 });
  const sinceTime = query.get("sinceTime");
  if (sinceSeconds !== undefined && sinceTime !== null) {
    throw invalid(pod, "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  let since = sinceSeconds === undefined ? undefined : Date.now() - sinceSeconds * 1000;
  if (sinceTime !== null) {
    const time = Date.parse(sinceTime);
    if (Number.isNaN(time)) throw badRequest(`parsing time ${JSON.stringify(sinceTime)}: cannot parse it as RFC 3339`);
    // The API server passes on whole seconds.
    since = Math.floor(time / 1000) * 1000;
  }
  return {
    follow: flag(query, "follow"),
    previous: flag(query, "previous"),
    timestamps: flag(query, "timestamps"),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(since === undefined ? {} : { since }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

function numberOf(
  query: URLSearchParams,
  name: string,
  { pod, least }: { readonly pod: string; readonly least: number },
): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (!/^-?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  if (Number(value) >= least) return Number(value);
  const rule = least === 0 ? "greater than or equal to 0" : "greater than 0";
  throw invalid(pod, `${name}: Invalid value: ${value}: must be ${rule}`);
}

function invalid(pod: string, why: string): StatusError {
  return new StatusError(422, "Invalid", `PodLogOptions ${JSON.stringify(pod)} is invalid: ${why}`);
}
