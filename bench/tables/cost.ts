/** What a step costs as the work grows: hidden size, steps in a call, streams in a group; and where weights leave each cache. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expectedOf, grouped, rowsOf, running, STEPS, stepping } from "../contestants.ts";
import { compare, sluice } from "../harness.ts";
import { type Context, disturbanceText, type Row, short, type Table, tableText } from "../report.ts";
import { modelOf, products, SIZES, square } from "../shapes.ts";

const LENGTHS = [1, 10, 100, 1000];
const MEMBERS = [1, 10, 100, 1000];
const DOCUMENT = new URL("../../docs/cost.md", import.meta.url);
const CACHES = "/sys/devices/system/cpu/cpu0/cache";

interface Cache {
  readonly name: string;
  readonly bytes: number;
}

/** The data caches of the first core, smallest first, as Linux tells; none elsewhere. */
function cachesOf(): Cache[] {
  if (!existsSync(CACHES)) return [];
  const fact = (index: string, name: string) => readFileSync(`${CACHES}/${index}/${name}`, "utf8").trim();
  return readdirSync(CACHES)
    .filter((index) => /^index\d+$/.test(index) && fact(index, "type") !== "Instruction")
    .map((index) => ({ name: `L${fact(index, "level")}`, bytes: Number.parseInt(fact(index, "size"), 10) * 1024 }))
    .sort((a, b) => a.bytes - b.bytes);
}

async function measure({ quick, effort }: Context): Promise<Table[]> {
  const caches = cachesOf();
  const [steps, lengths, members]: Row[][] = [[], [], []];
  for (const size of quick ? SIZES.slice(0, 3) : [...SIZES, 2048]) {
    const shape = square("gru", size);
    const model = modelOf(shape);
    const session = sluice.createSessionSync(model);
    const expected = expectedOf(model, rowsOf(model, STEPS));
    const timings = await compare(
      [
        ...LENGTHS.map((t) =>
          t === 1
            ? stepping(`${size}, a step`, model, session, expected)
            : running(`${size}, ${t} steps`, model, session, expected, t),
        ),
        ...MEMBERS.slice(1).map((n) => grouped(`${size}, ${n} members`, model, session, n)),
      ],
      effort,
    );
    const [step] = timings;
    const { weights } = session.info.bytes;
    session.dispose();
    const medians = timings.map(({ median }) => median);
    steps.push({
      H: size,
      "µs per step": step,
      "GMAC/s": products(shape) / step.median / 1e3,
      "kB of weights": weights / 1e3,
      "GB/s of weights": weights / step.median / 1e3,
      "weights fit in": caches.find(({ bytes }) => weights <= bytes)?.name ?? "memory",
    });
    lengths.push({ H: size, ...Object.fromEntries(LENGTHS.map((t, i) => [`T = ${t}`, medians[i]])) });
    const ofMembers = [medians[0], ...medians.slice(LENGTHS.length)];
    members.push({ H: size, ...Object.fromEntries(MEMBERS.map((n, i) => [`n = ${n}`, ofMembers[i]])) });
  }
  return [
    { title: "A step of one stream of a GRU layer, in = out = H", rows: steps },
    {
      title:
        "H from which the weights of one layer leave a cache: 24·H² bytes of a GRU, 32·H² of an LSTM, in = out = H",
      rows: caches.map(({ name, bytes }) => ({
        cache: `${name}, ${short(bytes / 1024)} KiB`,
        GRU: Math.floor(Math.sqrt(bytes / 24)) + 1,
        LSTM: Math.floor(Math.sqrt(bytes / 32)) + 1,
      })),
    },
    { title: "µs per step, T steps in one call of `stream.run`", rows: lengths },
    { title: "µs per step of each member, n streams in one call of `group.step`", rows: members },
  ];
}

/** Puts the tables where docs/cost.md has them. */
export function writeCost(tables: readonly Table[], circumstances: string): void {
  const [begin, end] = ["<!-- measured -->\n", "<!-- /measured -->"];
  const text = readFileSync(DOCUMENT, "utf8");
  const parts = [text.split(begin)[0], text.split(end)[1]];
  if (parts[1] === undefined) throw new Error(`docs/cost.md: expected ${begin.trim()} … ${end}`);
  const caption = `\`npm run bench -- cost --write\`. ${circumstances.replace("\n", ". ")}. Medians; in the first table with minimum and maximum. ${disturbanceText(tables)}`;
  const body = tables.map(({ title, rows }) => `\n**${title}**\n\n${tableText(rows)}`).join("");
  writeFileSync(DOCUMENT, `${parts[0]}${begin}\n${caption}\n${body}\n${end}${parts[1]}`);
}

export const cost = { name: "cost", measure };
