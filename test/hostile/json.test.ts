/** Malformed JSON, each with its error; and the strict parser against JSON.parse, which accepts a little more. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors.ts";
import { decodeUtf8, encodeUtf8, Field, type JsonValue, parseJson, show } from "../../src/formats/json.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const bytes = (...parts: (string | number)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...utf8(part)] : [part])));

function refusal(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  throw new Error("nothing was refused");
}

type Case = [name: string, source: string | Uint8Array, code: string, message: string];

const CASES: Case[] = [
  // what JSON.parse lets pass
  ["a key twice", '{"a":1,"a":1}', "ERR_DUPLICATE", 'JSON at byte 7: expected every key once; got "\\"a\\":1}"'],
  ["a key twice, once escaped", '{"a":1,"\\u0061":1}', "ERR_DUPLICATE", "at byte 7"],
  ["__proto__ twice", '{"__proto__":1,"__proto__":1}', "ERR_DUPLICATE", "at byte 15"],
  ["a key twice in an inner object", '[{"a":{"b":1,"b":2}}]', "ERR_DUPLICATE", "[0].a at byte 13"],
  ["an overflowing number", "1e400", "ERR_JSON", 'a number in the range of f64; got "1e400"'],
  ["an overflowing negative number", "[-1e309]", "ERR_JSON", "[0] at byte 1: expected a number in the range"],
  ["an overflowing integer", `[${"9".repeat(400)}]`, "ERR_JSON", "a number in the range"],
  ["a lone high surrogate", '"\\ud800"', "ERR_UTF8", "surrogates in pairs"],
  ["a lone low surrogate", '"\\udc00"', "ERR_UTF8", "surrogates in pairs"],
  ["surrogates in the wrong order", '"\\udc00\\ud800"', "ERR_UTF8", "surrogates in pairs"],
  ["a high surrogate before a character", '"\\ud800a\\udc00"', "ERR_UTF8", "surrogates in pairs"],
  ["a lone surrogate in a key", '{"\\udfff":1}', "ERR_UTF8", "at byte 1"],

  // bytes that are not UTF-8
  ["a lone continuation", bytes('"', 0x80, '"'), "ERR_UTF8", "text at byte 1: expected UTF-8; got byte 0x80"],
  ["a lead byte before ASCII", bytes('"', 0xc3, '"'), "ERR_UTF8", "at byte 1"],
  ["a sequence cut by the end", bytes('"', 0xe2, 0x82), "ERR_UTF8", "at byte 1"],
  ["an overlong NUL", bytes('"', 0xc0, 0x80, '"'), "ERR_UTF8", "at byte 1"],
  ["an overlong slash of 2 bytes", bytes('"', 0xc0, 0xaf, '"'), "ERR_UTF8", "at byte 1"],
  ["an overlong slash of 3 bytes", bytes('"', 0xe0, 0x80, 0xaf, '"'), "ERR_UTF8", "at byte 1"],
  ["an overlong slash of 4 bytes", bytes('"', 0xf0, 0x80, 0x80, 0xaf, '"'), "ERR_UTF8", "at byte 1"],
  ["a surrogate", bytes('"', 0xed, 0xa0, 0x80, '"'), "ERR_UTF8", "at byte 1"],
  ["a surrogate pair", bytes('"', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, '"'), "ERR_UTF8", "at byte 1"],
  ["a code point past U+10FFFF", bytes('"', 0xf4, 0x90, 0x80, 0x80, '"'), "ERR_UTF8", "at byte 1"],
  ["a lead byte of 5-byte sequences", bytes('"', 0xf8, 0x88, 0x80, 0x80, 0x80, '"'), "ERR_UTF8", "at byte 1"],
  ["a byte that UTF-8 never has", bytes('"é', 0xff, '"'), "ERR_UTF8", "at byte 3"],

  // the grammar
  ["nothing", "", "ERR_JSON", "JSON at byte 0: expected a value; got the end"],
  ["white space only", " \n", "ERR_JSON", "at byte 2: expected a value"],
  ["a byte order mark", bytes(0xef, 0xbb, 0xbf, "{}"), "ERR_JSON", 'expected a value; got "\\u{feff}{}"'],
  ["UTF-16", bytes("{", 0, "}", 0), "ERR_JSON", "a key in quotes"],
  ["two values", "{}{}", "ERR_JSON", 'at byte 2: expected the end; got "{}"'],
  ["NUL after the value", "{}\0", "ERR_JSON", 'expected the end; got "\\u0000"'],
  ["a no-break space", "[1,\u00a02]", "ERR_JSON", "[1] at byte 3: expected a value"],
  ["a vertical tab", "[\v1]", "ERR_JSON", "expected a value"],
  ["a comment", "[1]//", "ERR_JSON", "expected the end"],
  ["an unclosed object", '{"a":1', "ERR_JSON", 'expected "," or "}"; got the end'],
  ["an unclosed array", "[1", "ERR_JSON", 'expected "," or "]"; got the end'],
  ["a bracket of the other kind", "[1}", "ERR_JSON", 'expected "," or "]"; got "}"'],
  ["a comma before the end of an object", '{"a":1,}', "ERR_JSON", 'expected a key in quotes; got "}"'],
  ["a comma before the end of an array", "[1,]", "ERR_JSON", 'expected a value; got "]"'],
  ["a comma alone", "[,]", "ERR_JSON", "expected a value"],
  ["no comma", "[1 2]", "ERR_JSON", 'at byte 3: expected "," or "]"'],
  ["no colon", '{"a" 1}', "ERR_JSON", 'expected ":"; got "1}"'],
  ["no value", '{"a":}', "ERR_JSON", "a at byte 5: expected a value"],
  ["a key without quotes", "{a:1}", "ERR_JSON", "expected a key in quotes"],
  ["a number as key", "{1:1}", "ERR_JSON", "expected a key in quotes"],
  ["single quotes", "['a']", "ERR_JSON", "expected a value"],
  ["a word", "[True]", "ERR_JSON", "expected a value"],
  ["a longer word", "[nullnull]", "ERR_JSON", "expected a value"],
  ["undefined", "undefined", "ERR_JSON", "expected a value"],
  ["NaN", "[NaN]", "ERR_JSON", "expected a value"],
  ["Infinity", "[-Infinity]", "ERR_JSON", "expected a value"],
  ["a leading zero", "[01]", "ERR_JSON", 'expected a value; got "01]"'],
  ["a plus sign", "[+1]", "ERR_JSON", "expected a value"],
  ["a minus sign alone", "[-]", "ERR_JSON", "expected a value"],
  ["no digit after the point", "[1.]", "ERR_JSON", "expected a value"],
  ["no digit before the point", "[.5]", "ERR_JSON", "expected a value"],
  ["an empty exponent", "[1e]", "ERR_JSON", "expected a value"],
  ["a hexadecimal number", "[0x10]", "ERR_JSON", "expected a value"],
  ["a BigInt", "[1n]", "ERR_JSON", "expected a value"],
  ["digits grouped", "[1_000]", "ERR_JSON", "expected a value"],

  // strings
  ["an unclosed string", '["abc', "ERR_JSON", '[0] at byte 1: expected a closing quote; got "\\"abc"'],
  ["a string that ends in a backslash", '["abc\\', "ERR_JSON", "expected a closing quote"],
  ["an escaped closing quote", '"\\"', "ERR_JSON", "expected a closing quote"],
  ["a raw line feed", '"a\nb"', "ERR_JSON", "no raw control characters"],
  ["a raw NUL", '"\0"', "ERR_JSON", "no raw control characters"],
  ["an unknown escape", '"\\x41"', "ERR_JSON", "JSON's escapes"],
  ["an octal escape", '"\\101"', "ERR_JSON", "JSON's escapes"],
  ["a short \\u escape", '"\\u12"', "ERR_JSON", "JSON's escapes"],
  ["a \\u escape of no digits", '"\\u00g0"', "ERR_JSON", "JSON's escapes"],
  ["a \\u escape in braces", '"\\u{41}"', "ERR_JSON", "JSON's escapes"],

  // depth
  ["33 arrays", `${"[".repeat(33)}${"]".repeat(33)}`, "ERR_JSON", "at byte 32: expected at most 32 levels of nesting"],
  ["a million open arrays", "[".repeat(1e6), "ERR_JSON", "at most 32 levels"],
  ["a million open objects", '{"a":'.repeat(1e6), "ERR_JSON", "at most 32 levels"],
  ["depth of both kinds", `${'[{"a":'.repeat(16)}[]${"}]".repeat(16)}`, "ERR_JSON", "at most 32 levels"],
];

describe("malformed JSON", () => {
  it("is in the table under names that are unique", () => {
    expect(new Set(CASES.map(([name]) => name)).size).toBe(CASES.length);
  });

  it.each(CASES)("is refused: %s", (_, source, code, message) => {
    const error = refusal(() => parseJson(source));
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
    expect(error.offset).toBeTypeOf("number");
  });

  it("tells path and byte offset inside the file", () => {
    const error = refusal(() => parseJson(utf8('{"é":[0,{"b c":x}]}'), { path: "header", base: 100 }));
    expect(error.message).toBe('header["é"][1]["b c"] at byte 116: expected a value; got "x}]}"');
    expect(error.path).toBe('header["é"][1]["b c"]');
    expect(error.offset).toBe(116);
    expect(refusal(() => parseJson(bytes('{"', 0xff), { path: "header", base: 100 }))).toMatchObject({
      message: "header at byte 102: expected UTF-8; got byte 0xff",
      path: "header",
      offset: 102,
    });
  });

  it("is found at the depth that the caller allows", () => {
    expect(parseJson("[[]]", { depth: 2 })).toEqual([[]]);
    expect(refusal(() => parseJson("[[[]]]", { depth: 2 })).message).toContain(
      "[0][0] at byte 2: expected at most 2 levels",
    );
    expect(refusal(() => parseJson("{}", { depth: 0 })).message).toContain("at most 0 levels");
  });

  it("is quoted in messages without what hides or reorders text, and short", () => {
    expect(show("a\u202eb\u2028\n\ud800")).toBe('"a\\u{202e}b\\u{2028}\\n\\ud800"');
    expect(show("日本語")).toBe('"日本語"');
    expect(show("x".repeat(1e6))).toHaveLength(63);
    expect(refusal(() => parseJson(`{${'"k'.padEnd(1e6, "k")}":x}`)).message.length).toBeLessThan(200);
  });
});

/** Objects as Maps, as the parser gives them. */
function mapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mapped);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, member]) => [key, mapped(member)]));
}

describe("parseJson", () => {
  it("equals JSON.parse on what JSON.stringify writes", () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5, stringUnit: "binary" }),
        fc.constantFrom(undefined, 1, "\t"),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          expect(parseJson(utf8(text))).toEqual(mapped(JSON.parse(text)));
          expect(parseJson(text)).toEqual(mapped(JSON.parse(text)));
        },
      ),
    );
  });

  it("accepts what JSON.parse accepts, but for a reason of its own, and nothing else", () => {
    const seed = '{"a":[1,-2.5e3,"x\\n\\u00e9é"],"b":{"c":null,"d":true},"e":[[],{},"\\ud83d\\ude00",1E+300,false]}';
    const insert = fc.oneof(fc.constantFrom(...'{}[]",:\\0e-.'), fc.string({ unit: "grapheme", maxLength: 2 }));
    const edits = fc.array(fc.tuple(fc.nat(seed.length), fc.nat(2), insert), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(edits, (list) => {
        const text = list.reduce((text, [at, drop, add]) => text.slice(0, at) + add + text.slice(at + drop), seed);
        let expected: unknown;
        let native = true;
        try {
          expected = mapped(JSON.parse(text));
        } catch {
          native = false;
        }
        let own: JsonValue;
        try {
          own = parseJson(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          if (native) expect((error as Error).message).toMatch(/every key once|surrogates in pairs|range of f64/);
          return;
        }
        expect(native).toBe(true);
        expect(own).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it("keeps keys that plain objects treat in a special way, in the order of the text", () => {
    const parsed = parseJson('{"__proto__":1,"constructor":2,"2":3,"1":4,"":5}') as Map<string, JsonValue>;
    expect([...parsed]).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
      ["2", 3],
      ["1", 4],
      ["", 5],
    ]);
  });

  it("reads escapes, pairs of surrogates and the limits of f64", () => {
    expect(parseJson(String.raw`["\"\\\/\b\f\n\r\t\u0041\uD83D\uDE00",1e308,-0,5e-324,1e-999]`)).toEqual([
      '"\\/\b\f\n\r\tA😀',
      1e308,
      -0,
      5e-324,
      0,
    ]);
  });
});

describe("UTF-8", () => {
  it("is decoded as TextDecoder does it, and refused where TextDecoder refuses it", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const edges = fc.constantFrom(
      0x00,
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
    );
    const wild = fc.array(fc.oneof(edges, fc.nat(255)), { maxLength: 6 }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(fc.oneof(wild, fc.string({ unit: "binary" }).map(utf8)), (source) => {
        let expected: string;
        try {
          expected = decoder.decode(source);
        } catch {
          expect(refusal(() => decodeUtf8(source)).code).toBe("ERR_UTF8");
          return;
        }
        expect(decodeUtf8(source)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it("is decoded across the boundaries of the decoder's blocks", () => {
    const text = `${"x".repeat(4095)}😀${"é".repeat(4096)}`;
    expect(decodeUtf8(utf8(text))).toBe(text);
  });

  it("is encoded as TextEncoder does it", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.nat(0xffff).map((c) => String.fromCharCode(c)) })),
        (text) => {
          expect(encodeUtf8(text)).toEqual(utf8(text));
        },
      ),
    );
  });
});

describe("Field", () => {
  const at = (text: string) => new Field(parseJson(text), "", "ERR_GRAPH");
  const attr = (value: string) =>
    at(`{"nodes":[{"attrs":{"x":${value}}}]}`).fields(["nodes"]).nodes.items()[0].fields(["attrs"]).attrs.fields(["x"])
      .x;

  const FIELD_CASES: [name: string, value: string, read: (field: Field) => unknown, message: string][] = [
    ["text for an integer", '"8"', (x) => x.integer(1), 'expected an integer ≥ 1; got "8"'],
    ["a fraction for an integer", "1.5", (x) => x.integer(0), "expected an integer ≥ 0; got 1.5"],
    ["an integer below the least", "0", (x) => x.integer(1), "expected an integer ≥ 1; got 0"],
    ["2⁵³ for an integer", "9007199254740992", (x) => x.integer(0), "got 9007199254740992"],
    ["2⁵³ + 1 for an integer", "9007199254740993", (x) => x.integer(0), "got 9007199254740992"],
    ["null for an integer", "null", (x) => x.integer(0), "got null"],
    ["an object for a string", "{}", (x) => x.string(), "expected a string; got an object"],
    ["text for a number", '"1"', (x) => x.number(), 'expected a number; got "1"'],
    ["a number for an array", "1", (x) => x.items(), "expected an array; got 1"],
    ["an array for an object", "[1,2]", (x) => x.entries(), "expected an object; got an array of 2"],
    ["an array for a record", "[]", (x) => x.fields([]), "expected an object; got an array of 0"],
    ["an unknown field", '{"a":1,"c":1}', (x) => x.fields(["a"], ["b"]), 'expected no fields but a, b; got "c"'],
    ["__proto__ as a field", '{"__proto__":1}', (x) => x.fields([]), 'got "__proto__"'],
    ["a missing field", '{"b":1}', (x) => x.fields(["a"], ["b"]), 'expected a field "a"; got none'],
    [
      "a missing field that every object inherits",
      "{}",
      (x) => x.fields(["toString"]),
      'expected a field "toString"; got none',
    ],
  ];

  it.each(FIELD_CASES)("refuses %s", (_, value, read, message) => {
    const error = refusal(() => read(attr(value)));
    expect(error.message).toMatch(/^nodes\[0\]\.attrs\.x: expected /);
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ code: "ERR_GRAPH", path: "nodes[0].attrs.x" });
  });

  it("gives values as the kind that is asked for", () => {
    expect(attr('"a"').string()).toBe("a");
    expect(attr("0.5").number()).toBe(0.5);
    expect(attr("-3").integer(-3)).toBe(-3);
    expect(attr("4.0").integer(0)).toBe(4);
    expect(attr("-0").integer(0)).toBe(0);
    expect(
      attr("[1,2]")
        .items()
        .map((item) => [item.path, item.value]),
    ).toEqual([
      ["nodes[0].attrs.x[0]", 1],
      ["nodes[0].attrs.x[1]", 2],
    ]);
    expect(
      attr('{"a b":1,"c":2}')
        .entries()
        .map(([key, field]) => [key, field.path]),
    ).toEqual([
      ["a b", 'nodes[0].attrs.x["a b"]'],
      ["c", "nodes[0].attrs.x.c"],
    ]);
    const { a, b } = attr('{"a":1}').fields(["a"], ["b"]);
    expect([a.value, b]).toEqual([1, undefined]);
  });

  it("has the code that a reader gives it", () => {
    expect(refusal(() => attr("1").as("ERR_SHAPE").items()).code).toBe("ERR_SHAPE");
    expect(refusal(() => at("1").items()).message).toBe("JSON: expected an array; got 1");
  });
});
