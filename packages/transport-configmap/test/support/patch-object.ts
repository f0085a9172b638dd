import { request } from "node:https";

/** Sends a PATCH to the playground. @returns the HTTP status */
export function patchObject(url: string, token: string, body: string, type: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { authorization: `Bearer ${token}`, "content-type": type };
  const call = request(url, { method: "PATCH", headers, rejectUnauthorized: false }, (response) => {
    response.resume();
    response.on("end", () => resolve(response.statusCode ?? 0));
  });
  call.on("error", reject);
  call.end(body);
  return promise;
}
