/** `npm run build`, then `npx tsx examples/denoise/page/serve.ts` (--port 8000): the denoiser's page. */

import { servePage } from "../../page.ts";

await servePage(new URL(".", import.meta.url));
