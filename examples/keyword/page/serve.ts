/** `npm run build`, then `npx tsx examples/keyword/page/serve.ts` (--port 8000): the keyword spotter's page. */

import { servePage } from "../../page.ts";

await servePage(new URL(".", import.meta.url));
