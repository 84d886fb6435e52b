/**
 * One door for every file that holds aliases: which service, which text, and out come definitions and problems. The form
 * (JSON, CSV, TXT records) is told from the text. Nothing is kept or sent: `diff.ts` shows what would change.
 */
import type { RecordOptions } from "../records/read.ts";
import { fromCloudflare } from "./cloudflare.ts";
import { fromForwardEmailCsv, fromForwardEmailJson, fromRecordText } from "./forward-email.ts";
import type { Gathered } from "./gather.ts";
import { aliasesFromCsv, aliasesFromJson } from "./own.ts";
import { nowhere } from "./problem.ts";
import {
  fromAddyCsv,
  fromAddyJson,
  fromImprovMxCsv,
  fromImprovMxJson,
  fromSimpleLogin,
  type ServiceOptions,
} from "./services.ts";

export type ImportOptions = RecordOptions & ServiceOptions;
type Form = "json" | "csv" | "txt";
type Reader = (text: string, options: ImportOptions) => Gathered;
type Source = { title: string; unit: Record<Form, string>; read: Partial<Record<Form, Reader>> };

/** What a problem's `at` counts. */
const unit = { json: "entry", csv: "line", txt: "record" } as const;

/** For a choice in the dashboard, in this order. */
export const sources = {
  postern: { title: "Postern", unit, read: { json: aliasesFromJson, csv: aliasesFromCsv, txt: fromRecordText } },
  "forward-email": {
    title: "Forward Email",
    unit,
    read: { json: fromForwardEmailJson, csv: fromForwardEmailCsv, txt: fromRecordText },
  },
  simplelogin: { title: "SimpleLogin", unit, read: { csv: fromSimpleLogin } },
  addy: { title: "addy.io", unit, read: { json: fromAddyJson, csv: fromAddyCsv } },
  improvmx: { title: "ImprovMX", unit, read: { json: fromImprovMxJson, csv: fromImprovMxCsv } },
  cloudflare: { title: "Cloudflare Email Routing", unit, read: { json: fromCloudflare } },
} as const satisfies Record<string, Source>;
export type ImportSource = keyof typeof sources;
export const importSources = Object.keys(sources) as ImportSource[];

/** `unit` says what `at` of a problem counts: an entry, a line or a record. */
export type Imported = Gathered & { unit: string };

export function importAliases(source: ImportSource, text: string, options: ImportOptions): Imported {
  const form = formOf(text);
  const from: Source = sources[source];
  const read = from.read[form];
  if (read !== undefined) return { ...read(text, options), unit: unit[form] };
  const forms = Object.keys(from.read).join(" or ").toUpperCase();
  const problem = {
    level: "error",
    code: "bad-file",
    ...nowhere,
    text: `${from.title} exports ${forms}; this is neither.`,
  } as const;
  return { aliases: [], problems: [problem], unit: unit[form] };
}

function formOf(text: string): Form {
  if (/^\ufeff?\s*[[{]/.test(text)) return "json";
  return /^[^,;\t]{0,500}?(?:postern|forward-email)(?:-port|-site-verification)?=/m.test(text.slice(0, 100_000))
    ? "txt"
    : "csv";
}
