/** `npm run build`, then `npx tsx examples/amp/serve.ts` (--port 8000): the amplifier's page. */

import { servePage } from "../page.ts";

await servePage(new URL(".", import.meta.url));
