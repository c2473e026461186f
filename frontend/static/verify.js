/* Verifies a record of a Candor registry with nothing but its bytes, its proof and a pinned key.
 *
 * Self-contained: an ES module without dependencies, on WebCrypto. Formats: C2SP tlog-checkpoint and signed-note,
 * RFC 6962 (Merkle tree over SHA-256), Ed25519.
 *
 *     import { verify } from "./verify.js";
 *     const result = await verify({ document: bytes, proof: text, vkey: "name+hash+base64" });
 *     // { ok, pinned, origin, id, version, index, size, checks: [{ name, ok, text }] }
 *
 * `ok` is true when every check held and a key was given. A check's `ok` is null for what could not be checked.
 * Throws `Unsupported` where the browser has no Ed25519; bad input is never thrown, but fails its check.
 */

const ED25519 = 1;
const HASH_BYTES = 32;
const LONGEST_PROOF = 64;
const MOST_SIGNATURES = 64;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const HEX_HASH = /^[0-9a-f]{64}$/;
// As the server reads them: a name has no white space, no control character and no plus.
const NAME = /^[^\s+\u0000-\u0020]{1,255}$/u;
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;

/** The browser cannot check: it is too old, or the page did not come over a secure connection. */
export class Unsupported extends Error {}

/** What was handed over is not what it should be. */
export class VerifyError extends Error {}

const encode = (text) => new TextEncoder().encode(text);

function fail(text) {
  throw new VerifyError(text);
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function fromBase64(text) {
  if (typeof text !== "string" || !BASE64.test(text)) fail("Something that should be base64 is not.");
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  // Bits that stand for nothing have to be zero: one value is written in one way.
  if (btoa(String.fromCharCode(...bytes)) !== text) fail("Something that should be base64 is not.");
  return bytes;
}

function same(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** The hash of an entry's leaf (RFC 6962, 2.1). */
export function leafHash(entry) {
  return sha256(Uint8Array.of(0), entry);
}

/** The hash of a node over two others. */
export function nodeHash(left, right) {
  return sha256(Uint8Array.of(1), left, right);
}

/** The root that a leaf's hash and its path lead to, in a tree of `size` leaves (RFC 6962, 2.1.1). */
export async function rootByInclusion(leaf, index, size, path) {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
    fail(`A tree of ${size} leaves has no leaf ${index}.`);
  }
  const onTheLeft = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    let half = 1;
    while (half * 2 < end - start) half *= 2;
    onTheLeft.push(index >= start + half);
    if (index < start + half) end = start + half;
    else start += half;
  }
  if (path.length !== onTheLeft.length) {
    fail(`The path has ${path.length} hashes, and there should be ${onTheLeft.length}.`);
  }
  let root = leaf;
  for (const [place, hash] of path.entries()) {
    if (hash.length !== HASH_BYTES) fail("A hash of the path has not 32 bytes.");
    root = onTheLeft[path.length - 1 - place] ? await nodeHash(hash, root) : await nodeHash(root, hash);
  }
  return root;
}

/** A verifier key, `name+hash+base64`: { name, id, publicKey }. */
export async function readVerifier(vkey) {
  const [name, id, ...rest] = String(vkey).trim().split("+");
  const written = rest.join("+");
  if (!NAME.test(name) || !BASE64.test(written)) fail("A key is written name+hash+base64; this is not.");
  const key = fromBase64(written);
  if (key.length !== 1 + 32) fail("A key is written name+hash+base64; this is not.");
  if (key[0] !== ED25519) fail("The key is none of a log (Ed25519).");
  const hash = (await sha256(encode(`${name}\n`), key)).slice(0, 4);
  if (hex(hash) !== id) fail("The key was mistyped: its hash is not that of its key.");
  return { name, id: hash, publicKey: key.slice(1) };
}

/** A checkpoint as text, read and not verified: { origin, size, root, text, signatures }. */
export function readCheckpoint(note) {
  const gap = note.lastIndexOf("\n\n");
  if (gap < 0 || !note.endsWith("\n")) fail("A checkpoint ends with signatures, after an empty line.");
  const text = note.slice(0, gap + 1);
  const lines = note.slice(gap + 2, -1).split("\n");
  if (lines.length > MOST_SIGNATURES) fail("A checkpoint with so many signatures is not read.");
  const signatures = lines.map((line) => {
    const found = /^\u2014 (\S+) (\S+)$/u.exec(line);
    if (!found) fail("A signature is a line with a dash, a name and base64.");
    const bytes = fromBase64(found[2]);
    if (bytes.length < 5) fail("A signature is a line with a dash, a name and base64.");
    return { name: found[1], id: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  const told = text.split("\n");
  if (told.length !== 4 || told[3] !== "" || !NAME.test(told[0]) || !SIZE.test(told[1])) {
    fail("A checkpoint is three lines: the origin, the size and the root.");
  }
  const [origin, size, root] = [told[0], Number(told[1]), fromBase64(told[2])];
  if (!Number.isSafeInteger(size) || root.length !== HASH_BYTES) fail("The checkpoint's size or root is none.");
  return { origin, size, root, text, signatures };
}

/** Whether a checkpoint that was read bears a valid signature of this key (of `readVerifier`). */
export async function isSignedBy(checkpoint, verifier) {
  const own = checkpoint.signatures.filter(
    (each) => each.name === verifier.name && same(each.id, verifier.id),
  );
  const key = await crypto.subtle.importKey("raw", verifier.publicKey, { name: "Ed25519" }, false, ["verify"]);
  const valid = await Promise.all(
    own.map((each) => crypto.subtle.verify({ name: "Ed25519" }, key, each.signature, encode(checkpoint.text))),
  );
  return own.length > 0 && valid.every(Boolean);
}

/** Why this browser cannot verify; null where it can. */
export async function whyUnsupported() {
  if (!globalThis.crypto?.subtle) {
    return "This page did not come over a secure connection (https), so the browser lends it no cryptography.";
  }
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), { name: "Ed25519" }, false, ["verify"]);
    return null;
  } catch {
    return "This browser does not know Ed25519 signatures. A newer one does, and so does the command `candor verify`.";
  }
}

/** JSON in its canonical form (RFC 8785), of what JSON.parse made. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

function readLeaf(text) {
  let leaf;
  try {
    leaf = JSON.parse(text);
  } catch {
    fail("The leaf is no JSON.");
  }
  if (leaf === null || typeof leaf !== "object" || canonical(leaf) !== text) {
    fail("The leaf is not in canonical form (RFC 8785).");
  }
  if (leaf.v !== 1 || leaf.type !== "record" || !HEX_HASH.test(leaf.commit ?? "")) {
    fail("The leaf is none of a record.");
  }
  return leaf;
}

/** A proof as the API answers it: { origin, index, leaf, path, checkpoint, salt }. */
function readProof(proof) {
  let read = proof;
  try {
    if (typeof proof === "string") read = JSON.parse(proof);
    else if (proof instanceof Uint8Array || proof instanceof ArrayBuffer) {
      read = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(proof));
    }
  } catch {
    fail("The proof is no JSON.");
  }
  const texts = ["origin", "leaf", "checkpoint", "salt"].every((name) => typeof read?.[name] === "string");
  if (!texts || !HEX_HASH.test(read.salt) || !Array.isArray(read.path) || read.path.length > LONGEST_PROOF) {
    fail("The proof lacks a field, or one cannot be read.");
  }
  return { ...read, salt: fromHex(read.salt), path: read.path.map(fromBase64) };
}

/**
 * Verifies one version of a record.
 *
 * `document`: its bytes, exactly as they were served (Uint8Array, ArrayBuffer or text). `proof`: what
 * `/versions/{n}/proof` answers. `vkey`: the log's key, or several in a list, got from elsewhere than the record.
 * `id`, `version`: what was asked for, where that is known.
 */
export async function verify({ document, proof, vkey = [], id = null, version = null }) {
  const why = await whyUnsupported();
  if (why) throw new Unsupported(why);
  const keys = (Array.isArray(vkey) ? vkey : [vkey]).filter(Boolean);
  const result = { ok: false, pinned: keys.length > 0, checks: [] };
  const bytes = typeof document === "string" ? encode(document) : new Uint8Array(document);
  let [read, leaf] = [null, null];

  async function check(name, work) {
    try {
      result.checks.push({ name, ok: true, text: await work() });
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error;
      result.checks.push({ name, ok: false, text: error.message });
    }
  }

  await check("proof", async () => {
    read = readProof(proof);
    return "The proof can be read.";
  });
  if (read === null) return result;
  await check("leaf", async () => {
    leaf = readLeaf(read.leaf);
    let said;
    try {
      said = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch {
      fail("The document is no JSON.");
    }
    const fits =
      leaf.origin === read.origin &&
      said?.origin === leaf.origin &&
      said.id === leaf.id &&
      said.version === leaf.ver &&
      (id === null || id === leaf.id) &&
      (version === null || Number(version) === leaf.ver);
    if (!fits) fail("The leaf is of another record, or of another version, than was asked for.");
    Object.assign(result, { origin: leaf.origin, id: leaf.id, version: leaf.ver });
    return `The leaf names version ${leaf.ver} of ${leaf.id}, of ${leaf.origin}.`;
  });
  await check("commitment", async () => {
    if (leaf === null) fail("There is no leaf that commits to anything.");
    const commit = hex(await sha256(read.salt, bytes));
    if (commit !== leaf.commit) fail("The document is not the one that the leaf commits to.");
    return `The document of ${bytes.length} bytes is the one that the leaf commits to.`;
  });
  await check("inclusion", async () => {
    const { size, root } = readCheckpoint(read.checkpoint);
    const led = await rootByInclusion(await leafHash(encode(read.leaf)), read.index, size, read.path);
    if (!same(led, root)) fail("The path does not lead from the leaf to the root of the checkpoint.");
    Object.assign(result, { index: read.index, size });
    return `The leaf stands at index ${read.index} of ${size} in the log.`;
  });
  if (keys.length === 0) {
    result.checks.push({ name: "signature", ok: null, text: "No key was given: no signature was checked." });
    return result;
  }
  await check("signature", async () => {
    const checkpoint = readCheckpoint(read.checkpoint);
    if (checkpoint.origin !== read.origin) fail("The checkpoint is of another log.");
    for (const key of keys) {
      const verifier = await readVerifier(key);
      if (verifier.name === checkpoint.origin && (await isSignedBy(checkpoint, verifier))) {
        return `The checkpoint bears the signature of ${verifier.name}+${hex(verifier.id)}.`;
      }
    }
    return fail("The checkpoint bears no valid signature of the key.");
  });
  result.ok = result.checks.every((each) => each.ok === true);
  return result;
}

/** Fetches a document and its proof, and verifies them. Throws `VerifyError` where they are not to be had. */
export async function verifyAt({ documentUrl, proofUrl, ...rest }) {
  const [document, proof] = await Promise.all(
    [documentUrl, proofUrl].map(async (url) => {
      const answer = await fetch(url, { credentials: "omit", redirect: "error" });
      if (answer.status === 503) fail("The version is under no signed checkpoint yet. Try again in a moment.");
      if (!answer.ok) fail(`${url} answered ${answer.status}.`);
      return new Uint8Array(await answer.arrayBuffer());
    }),
  );
  return verify({ document, proof, ...rest });
}
