/**
 * An AWS Lambda handler behind a function URL or an HTTP API (payload 2.0). The bundle holds the model's bytes (build.js):
 * a bundler would leave a file beside it behind.
 */

import { answer } from "./answer.js";
import { create } from "./out/model.js";
import wasm from "./out/model.wasm";

const stream = create(wasm);

export async function handler({ rawPath, rawQueryString, body, isBase64Encoded, requestContext }) {
  const request = new Request(`https://lambda${rawPath}?${rawQueryString}`, {
    method: requestContext.http.method,
    body: body && isBase64Encoded ? Buffer.from(body, "base64") : body,
  });
  const response = await answer(request, (use) => {
    stream.reset();
    return use(stream);
  });
  return { statusCode: response.status, headers: { "content-type": "text/plain" }, body: await response.text() };
}
