// The calls of the JSON API, over fetch. What api.js gives to the outside and <phone-verification> works with.

const SENTENCES = {
  unreachable: "The service can’t be reached. Check your connection and try again.",
  unreadable: "The service gave an answer that can’t be read. Try again in a moment.",
};

const settings = { baseURL: findOwnBase(), timeout: 20_000 };

/**
 * What every function here rejects with. `message` is one sentence for the person.
 *
 * `code` is stable and for programs: one of the API's codes, or `network_error` when no answer came or none that can be
 * read. `status` is the HTTP status, 0 when there was none. Where the answer says so: `retryAfter` (seconds),
 * `attemptsLeft`, `fields` (name → list of sentences), `verificationToken` (with `email_taken` and `phone_taken`);
 * otherwise they are undefined.
 */
export class ApiError extends Error {
  constructor(message, { code, status, retryAfter, attemptsLeft, fields, verificationToken }) {
    super(message);
    this.name = "ApiError";
    Object.assign(this, { code, status, retryAfter, attemptsLeft, fields, verificationToken });
  }
}

/**
 * Say where the API is, for all later calls. Needed only where this file was copied or bundled: loaded from SmartFin
 * itself, it calls the origin that it came from.
 *
 * `baseURL` is the API's address (`https://smartfin.example/api`); an origin alone gets `/api` added. `timeout` is in
 * milliseconds, 20,000 unless set.
 */
export function configure({ baseURL, timeout }) {
  if (baseURL !== undefined) {
    settings.baseURL = baseURL;
  }
  if (timeout !== undefined) {
    settings.timeout = timeout;
  }
}

/**
 * Send a code. Without a channel an e-mail address gets an e-mail and a number a text message.
 *
 * Resolves to `{status, to, channel, verification_id, expires_in, resend_in, attempts_left}`; times in seconds, `to`
 * masked. `options`: `purpose` ("verification", "registration" or "password_reset") binds the code to that use,
 * `locale` chooses the message's language, `language` that of errors, `baseURL` goes before the configured one.
 *
 * @throws {ApiError} `too_many_requests` with `retryAfter` when a code went there a moment ago: that one stays good
 */
export function sendOTP(to, channel = chooseChannel(to), { purpose, locale, language, baseURL } = {}) {
  return post("send-otp", { to, channel, purpose, locale }, { language, baseURL });
}

/**
 * Check a code. Resolves to `{valid: true, status: "approved", verification_token}` and never to `valid: false`.
 *
 * `to` is the destination, or `{verificationId}` from the answer of `sendOTP`. `options`: `language`, `baseURL`.
 *
 * @throws {ApiError} `incorrect_code` with `attemptsLeft`; `code_expired`; `too_many_attempts` with `retryAfter`
 */
export function verifyOTP(to, code, { language, baseURL } = {}) {
  const place = to?.verificationId ? { verification_id: to.verificationId } : { to };
  return post("verify-otp", { ...place, code: asText(code) }, { language, baseURL });
}

/**
 * Make an account. Resolves to `{user: {id, email, phone, phone_verified, two_factor_enabled}}`.
 *
 * `otpCode` is the code, or `{verificationToken}` of one that was checked already.
 *
 * @throws {ApiError} `weak_password` with `fields`, before the code is used up; `email_taken` or `phone_taken` with a
 *   `verificationToken` for another try without another message
 */
export function registerWithOTP(email, password, phone, otpCode) {
  return post("register-with-otp", { email, password, phone, ...asProof(otpCode) });
}

/**
 * Reset a password: with `email` and `phone` alone it asks for the code, with all four it sets the new password.
 *
 * Asking resolves to `{status: "pending", to, channel, expires_in, resend_in}`, the same for everybody: a code goes out
 * only where the two belong to one account. Setting resolves to `{status: "password_changed"}` and signs nobody in.
 * `otpCode` is the code, or `{verificationToken}`.
 *
 * @throws {ApiError} `weak_password` with `fields`; `incorrect_code` with `attemptsLeft`; `code_expired`
 */
export function forgotPasswordOTP(email, phone, otpCode, newPassword) {
  return post("forgot-password-otp", { email, phone, ...asProof(otpCode), new_password: newPassword });
}

function chooseChannel(to) {
  return String(to).includes("@") ? "email" : "sms";
}

function asText(code) {
  return typeof code === "number" ? String(code) : code;
}

function asProof(otpCode) {
  return otpCode?.verificationToken
    ? { verification_token: otpCode.verificationToken }
    : { otp_code: asText(otpCode) };
}

function findOwnBase() {
  try {
    return new URL("/api", import.meta.url).href;
  } catch {
    // A bundler took the address away; the page's own origin is what is left until configure() says more.
    return "/api";
  }
}

function completeBase(baseURL) {
  const trimmed = String(baseURL).replace(/\/+$/, "");
  return /^https?:\/\/[^/]+$/i.test(trimmed) ? `${trimmed}/api` : trimmed;
}

async function post(path, body, { language, baseURL } = {}) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (language) {
    headers["Accept-Language"] = language;
  }
  let response;
  let answer;
  try {
    response = await fetch(`${completeBase(baseURL || settings.baseURL)}/${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      // The public calls look at no cookie, so none travels.
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(settings.timeout),
    });
    answer = await response.json();
  } catch {
    throw describeFailure(response);
  }
  if (answer === null || typeof answer !== "object" || (!response.ok && typeof answer.error !== "string")) {
    throw describeFailure(response);
  }
  if (!response.ok) {
    throw new ApiError(answer.error, {
      code: answer.code,
      status: response.status,
      retryAfter: answer.retry_after ?? readRetryAfter(response),
      attemptsLeft: answer.attempts_left,
      fields: answer.fields,
      verificationToken: answer.verification_token,
    });
  }
  return answer;
}

function describeFailure(response) {
  return new ApiError(response ? SENTENCES.unreadable : SENTENCES.unreachable, {
    code: "network_error",
    status: response?.status ?? 0,
    retryAfter: response && readRetryAfter(response),
  });
}

function readRetryAfter(response) {
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return Number.isNaN(seconds) ? undefined : seconds;
}
