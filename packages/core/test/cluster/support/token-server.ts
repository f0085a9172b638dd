import { answerJson, startApiServer, statusBody, type ApiServer } from "./api-server.ts";

/** A server that lets in whoever shows one of these. */
export function serverFor(...authorizations: string[]): Promise<ApiServer> {
  return startApiServer({
    answer(request, response) {
      if (authorizations.includes(request.headers.authorization ?? "")) answerJson(response, 200, { items: [] });
      else answerJson(response, 401, statusBody(401, "Unauthorized", "Unauthorized"));
    },
  });
}
