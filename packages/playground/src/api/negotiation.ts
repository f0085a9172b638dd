import { parse } from "yaml";

import { StatusError, badRequest } from "../status-error.ts";
import type { ResourceType } from "../store/resources.ts";
import { apiVersionOf } from "../store/resources.ts";
import type { StoredObject } from "../world.ts";
import { ProtobufError, decodeProtobuf } from "./protobuf.ts";
import { metadataOnly, tableOf } from "./table.ts";
import type { IncludeObject } from "./table.ts";

/** The shape of objects that the client requests. */
export type Shape = "object" | "metadata" | "table" | "discovery";

function params(type: string): ReadonlyMap<string, string> {
  return new Map(
    type
      .split(";")
      .slice(1)
      .map((part) => {
        const [key = "", value = ""] = part.split("=", 2);
        return [key.trim(), value.trim()] as const;
      }),
  );
}

const SHAPES: Readonly<Record<string, Shape>> = {
  "meta.k8s.io/Table": "table",
  "meta.k8s.io/PartialObjectMetadata": "metadata",
  "meta.k8s.io/PartialObjectMetadataList": "metadata",
  "apidiscovery.k8s.io/APIGroupDiscoveryList": "discovery",
};

/**
 * The first shape in an Accept header that can be served. Only JSON can be: clients that prefer protobuf accept JSON too.
 * Throws 406 if none can.
 */
export function shapeOf(accept: string | undefined, served: readonly Shape[]): Shape {
  const types = (accept ?? "*/*").split(",").map((type) => type.trim());
  for (const type of types) {
    const media = type.split(";")[0]?.trim();
    if (media === "application/json") {
      const parameters = params(type);
      const as = parameters.get("as");
      if (as === undefined) {
        return "object";
      }
      const shape = SHAPES[`${parameters.get("g") ?? ""}/${as}`];
      const version = parameters.get("v");
      if (
        shape !== undefined &&
        served.includes(shape) &&
        (version === "v1" || (shape === "discovery" && version === "v2"))
      ) {
        return shape;
      }
    } else if (media === "*/*" || media === "application/*" || media === "") {
      return "object";
    }
  }
  throw new StatusError(
    406,
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/json;stream=watch",
  );
}

/** Decodes a request's body by its content type. Throws 415 for an unknown format or protobuf message, 400 if the body cannot be parsed. */
export async function decodeBody(body: Buffer, contentType: string | undefined): Promise<unknown> {
  if (body.length === 0) {
    return undefined;
  }
  const type = (contentType ?? "application/json").split(";")[0]!.trim();
  try {
    if (type === "application/yaml" || type.endsWith("+yaml")) {
      return parse(body.toString("utf8")) as unknown;
    }
    if (type === "application/json" || type.endsWith("+json") || type === "application/x-www-form-urlencoded") {
      return JSON.parse(body.toString("utf8")) as unknown;
    }
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (type === "application/vnd.kubernetes.protobuf") {
    try {
      return await decodeProtobuf(body);
    } catch (error) {
      if (!(error instanceof ProtobufError)) {
        throw error;
      }
      throw new StatusError(
        415,
        "UnsupportedMediaType",
        `the playground cannot decode this protobuf: ${error.message}; send application/json instead`,
      );
    }
  }
  throw new StatusError(
    415,
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
  );
}

/** A stored object in the version of the request. */
export function inVersion(resource: ResourceType, version: string, object: StoredObject): StoredObject {
  return version === resource.storageVersion ? object : { ...object, apiVersion: apiVersionOf(resource, version) };
}

/** A single object in the shape that the client requests. */
export function shaped(
  shape: Shape,
  resource: ResourceType,
  version: string,
  object: StoredObject,
  include: IncludeObject,
): unknown {
  switch (shape) {
    case "metadata":
      return metadataOnly(object);
    case "table":
      return tableOf(resource, version, [object], {
        metadata: { resourceVersion: object.metadata.resourceVersion },
        include,
      });
    default:
      return inVersion(resource, version, object);
  }
}

/** `includeObject` of a request for a table. */
export function includeOf(query: URLSearchParams): IncludeObject {
  const include = query.get("includeObject");
  return include === "None" || include === "Object" ? include : "Metadata";
}
