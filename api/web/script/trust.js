// Whom somebody trusts: what they typed, keys one a line or a whole policy.

import { encoded } from "./bytes.js";
import { ofKeys, parseKey, parsePolicy } from "./tlog.js";

// A key by SM2, its type and identifier in base64.  Its line is checked on the command line alone.
const BY_SM2 = /^[^+]+\+[0-9a-f]{8}\+\/2Nhc2VsZWRnZXIvc20yLXNtMy92/;

// The policy; null where nothing was given.  Throws `Malformed` for what is neither.
export async function trusted(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line);
  if (!lines.length) return null;
  if (lines.some((line) => /^(log|witness|group|quorum)[ \t]/.test(line))) {
    return parsePolicy(encoded(text.endsWith("\n") ? text : `${text}\n`));
  }
  const own = lines.filter((line) => !BY_SM2.test(line));
  const keys = await Promise.all((own.length ? own : lines).map((line) => parseKey(line)));
  return { ...ofKeys(keys), sm2: own.length < lines.length };
}
