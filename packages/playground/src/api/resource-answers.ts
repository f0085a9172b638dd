import type { IncomingMessage, ServerResponse } from "node:http";

import { StatusError, badRequest } from "../status-error.ts";
import type { Status } from "../status-error.ts";
import { apiVersionOf } from "../store/resources.ts";
import type { ApiContext } from "./context.ts";
import { listObjects } from "./list.ts";
import { serveLogs } from "./logs.ts";
import { decodeBody, includeOf, inVersion, shapeOf, shaped } from "./negotiation.ts";
import type { Shape } from "./negotiation.ts";
import type { ResourceRequest } from "./request.ts";
import { readBody, sendJson } from "./respond.ts";
import { readScale } from "./scale.ts";
import { serveWatch } from "./watch.ts";
import type { OpenWatch } from "./watch.ts";
import { deleteCollection, deleteObject } from "./delete.ts";
import { createObject, currentOf, patchObject, replaceObject } from "./write.ts";
import type { WriteAnswer } from "./write.ts";

const OBJECT_SHAPES: readonly Shape[] = ["table", "metadata"];
const NOT_FOUND = new StatusError(404, "NotFound", "the server could not find the requested resource");

/** A request for objects, and its response. */
export interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly request: ResourceRequest;
  /** Called for each watch that opens; the result is disposed when the watch ends. */
  readonly register: (watch: OpenWatch) => Disposable;
}

/** Handles a request for objects: reads, watches, writes, and the subresources of pods. Throws a `StatusError` before the first byte. */
export async function answerResource(context: ApiContext, exchange: Exchange): Promise<void> {
  const { message, request, response } = exchange;
  const { verb, subresource, resource, version, query } = request;
  if (resource.name === "pods" && (subresource === "exec" || subresource === "log" || subresource === "eviction")) {
    await answerPod(context, exchange);
    return;
  }
  if (subresource !== undefined && !["status", "scale"].includes(subresource)) {
    throw NOT_FOUND;
  }
  if (subresource !== undefined && !["get", "update", "patch"].includes(verb)) {
    throw new StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  }
  const shape = shapeOf(message.headers.accept, OBJECT_SHAPES);
  if (verb === "watch") {
    serveWatch(context, request, shape, response, exchange.register);
    return;
  }
  if (verb === "list") {
    sendJson(response, 200, listObjects(context, request, shape));
    return;
  }
  if (verb === "get") {
    const object = currentOf(context, request);
    const body =
      subresource === "scale" ? readScale(request, object) : shaped(shape, resource, version, object, includeOf(query));
    sendJson(response, 200, body);
    return;
  }
  const contentType = (message.headers["content-type"] ?? "application/json").split(";")[0]!.trim();
  const body = await decodeBody(await readBody(message), contentType);
  if (verb === "deletecollection") {
    const gone = deleteCollection(context, request, body);
    sendJson(response, 200, {
      kind: `${resource.kind}List`,
      apiVersion: apiVersionOf(resource, version),
      metadata: { resourceVersion: String(context.store.revision) },
      items: gone.map((object) => inVersion(resource, version, object)),
    });
    return;
  }
  const answer = write(context, request, body, contentType);
  sendJson(
    response,
    answer.code,
    answer.object === undefined ? answer.body : shaped(shape, resource, version, answer.object, includeOf(query)),
    answer.warning === undefined ? {} : { Warning: `299 - ${JSON.stringify(answer.warning)}` },
  );
}

function write(context: ApiContext, request: ResourceRequest, body: unknown, contentType: string): WriteAnswer {
  switch (request.verb) {
    case "create":
      if (request.name !== undefined) {
        throw new StatusError(
          405,
          "MethodNotAllowed",
          "the server does not allow this method on the requested resource",
        );
      }
      return createObject(context, request, body);
    case "update":
      return replaceObject(context, request, body);
    case "patch":
      if (request.name === undefined) {
        throw badRequest("a patch must name an object");
      }
      return patchObject(context, request, body, contentType);
    default:
      return deleteObject(context, request, body);
  }
}

async function answerPod(context: ApiContext, { message, request, response }: Exchange): Promise<void> {
  switch (request.subresource) {
    case "log":
      await serveLogs(context, request, response);
      return;
    case "eviction": {
      const body = await decodeBody(await readBody(message), message.headers["content-type"]);
      const { deleteOptions } = (body ?? {}) as { deleteOptions?: unknown };
      deleteObject(context, request, deleteOptions);
      const done: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
      sendJson(response, 201, done);
      return;
    }
    default:
      throw badRequest("Upgrade request required");
  }
}
