import { decodeUtf8, encodeUtf8, parseJson } from "./json.ts";

const N = 11000;
const e = [];
for (let i = 0; i < N; i++)
  e.push(`"model.layers.${i}.weight_ih_l0":{"dtype":"F32","shape":[0,64],"data_offsets":[0,0]}`);
const h = new TextEncoder().encode(`{${e.join(",")}}`);
let s = performance.now();
const t = decodeUtf8(h);
const m0 = performance.now() - s;
s = performance.now();
parseJson(t);
const m1 = performance.now() - s;
s = performance.now();
parseJson(h);
console.log(m0.toFixed(0), m1.toFixed(0), (performance.now() - s).toFixed(0));
