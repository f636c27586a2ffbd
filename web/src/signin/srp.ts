// The Secure Remote Password protocol as Cognito speaks it (SRP-6a over the 3072-bit group of RFC 5054, appendix A, with
// the paddings of the Amazon Cognito developer guide): proves a password without sending it.
// The maintained libraries bring crypto-js or the AWS SDK, some hundred kilobytes; browsers have all that it needs.

const N = BigInt(
  "0x" +
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
);
const G = 2n;
const KEY_INFO = "Caldera Derived Key";

/** What Cognito sends with the challenge `PASSWORD_VERIFIER`. */
export interface Challenge {
  secretBlock: string;
  userId: string;
  /** Hexadecimal, as are all big numbers here. */
  salt: string;
  srpB: string;
}

export interface Proof {
  signature: string;
  timestamp: string;
}

export interface Srp {
  /** The public value that begins the exchange. */
  srpA: string;
  prove: (password: string, challenge: Challenge, now: Date) => Promise<Proof>;
}

/** Begins an exchange with a pool (`us-east-1_AbC`). `secret` is random, and given only by tests. */
export function srp(
  poolId: string,
  secret: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(128)),
): Srp {
  const a = number(secret);
  const publicA = power(G, a, N);
  const pool = poolId.split("_")[1] ?? "";
  return {
    srpA: publicA.toString(16),
    async prove(password, { secretBlock, userId, salt, srpB }, now) {
      const b = BigInt(`0x${srpB}`);
      // RFC 5054, 2.5.3: such a server could make any password look right.
      if (b % N === 0n) throw new Error("Cognito sent a value that the protocol forbids.");
      const u = number(await sha256(padded(publicA), padded(b)));
      const identity = await sha256(utf8(`${pool}${userId}:${password}`));
      const x = number(await sha256(padded(BigInt(`0x${salt}`)), identity));
      const k = number(await sha256(padded(N), bytes("02")));
      const shared = power(mod(b - k * power(G, x, N)), a + u * x, N);
      const extracted = await hmac(padded(u), padded(shared));
      const key = (await hmac(extracted, utf8(`${KEY_INFO}\u0001`))).slice(0, 16);
      const time = timestamp(now);
      const message = join(utf8(pool), utf8(userId), fromBase64(secretBlock), utf8(time));
      return { signature: toBase64(await hmac(key, message)), timestamp: time };
    },
  };
}

/** `Mon Feb 10 18:30:12 UTC 2025`; a day below ten has no zero before it. */
export function timestamp(now: Date): string {
  const [, day, date, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(now.toUTCString()) ?? [];
  return `${day} ${month} ${Number(date)} ${time} UTC ${year}`;
}

const mod = (value: bigint): bigint => ((value % N) + N) % N;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Whole bytes, with a zero byte before a first byte that would otherwise read as a negative number. */
function padded(value: bigint): Bytes {
  const hex = value.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  return bytes(/^[89a-f]/.test(even) ? `00${even}` : even);
}

function bytes(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function number(value: Bytes): bigint {
  return BigInt(`0x${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
}

function join(...parts: Bytes[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

async function sha256(...parts: Bytes[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

async function hmac(key: Bytes, message: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

const utf8 = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;
const fromBase64 = (text: string): Bytes => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const toBase64 = (value: Bytes): string => btoa(String.fromCharCode(...value));
