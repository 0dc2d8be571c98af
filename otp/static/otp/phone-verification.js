// <phone-verification>: walks a person from a phone number to a proven code. Light DOM; the page links the style sheet.

import { sendOTP, verifyOTP } from "./client.js";
import { TEXTS } from "./texts.js";

const CHANNELS = ["sms", "whatsapp", "call"];
const MIN_DIGITS = 4;
const MAX_DIGITS = 10;
// Seconds before the end at which the time left is spoken. Every second would drown out everything else.
const SPOKEN_AT = [300, 120, 60, 30];
const PROPERTIES = {
  phone: "phone",
  channel: "channel",
  channels: "channels",
  purpose: "purpose",
  locale: "locale",
  codeLength: "code-length",
  baseURL: "base-url",
};

// insteadCall → text-instead-call
const TEXT_ATTRIBUTES = Object.fromEntries(
  Object.keys(TEXTS.en).map((name) => [name, `text-${name.replace(/[A-Z]/g, "-$&").toLowerCase()}`]),
);

let instances = 0;

/**
 * The element. Attributes: `phone` (to begin with), `channel` (`sms`), `channels` (`"sms whatsapp call"`: lets the
 * person choose), `purpose`, `locale`, `code-length`, `base-url` (the API, where it is not the module's own origin) and
 * `text-…` for each text; the language is that of the nearest `lang`. The same as properties (`codeLength`, `baseURL`), and `texts` for many at once.
 *
 * Fires, bubbling: `sent` `{phone, channel, to, verificationId, expiresIn, resendIn}`, `verified` `{phone,
 * verificationToken, verificationId}`, `failed` `{action, error}` with action "send" or "verify" and an `ApiError`.
 * `phone` is as the person typed it; `verificationId` is null when the person came with a code from before.
 */
// On a server that renders pages there is no HTMLElement, and importing this must not fail there.
export class PhoneVerification extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ["lang", "phone", "channel", "channels", ...Object.values(TEXT_ATTRIBUTES)];

  #parts = null;
  #texts = {};
  #step = "number";
  #isBusy = false;
  #run = 0;
  #phone = "";
  #sent = null;
  #resendAt = 0;
  #expiresAt = 0;
  #spoken = [];
  #timer = null;
  #messages = null;

  connectedCallback() {
    for (const name of [...Object.keys(PROPERTIES), "texts"]) {
      this.#upgrade(name);
    }
    if (!this.#parts) {
      this.#build();
    }
    if (this.#step === "code") {
      this.#startClock();
      this.#listenForMessage();
    }
  }

  disconnectedCallback() {
    this.#stopClock();
    this.#stopListening();
  }

  attributeChangedCallback(name, before, now) {
    if (!this.#parts || before === now) {
      return;
    }
    if (name === "phone" && this.#step === "number") {
      this.#parts.phone.value = now ?? "";
    }
    if (name === "channel" || name === "channels") {
      this.#fillChannels();
    }
    this.#fillTexts();
  }

  /** Texts by name, for a translation; see TEXTS. Attributes go before these. */
  get texts() {
    return this.#texts;
  }

  set texts(texts) {
    this.#texts = { ...texts };
    if (this.#parts) {
      this.#fillTexts();
    }
  }

  /** Go back to the start, as if nothing had been sent. */
  reset() {
    this.#run += 1;
    this.#isBusy = false;
    this.#sent = null;
    this.#phone = "";
    if (this.#parts) {
      this.#parts.phone.value = this.getAttribute("phone") ?? "";
      this.#showNumberStep();
    }
  }

  // Building

  #build() {
    instances += 1;
    const id = (name) => `phone-verification-${instances}-${name}`;
    const parts = {
      phoneLabel: make("label", { htmlFor: id("phone") }),
      phoneHint: make("p", { id: id("phone-hint"), className: "pv-hint" }),
      phone: make("input", {
        id: id("phone"), name: "phone", type: "tel", autocomplete: "tel", required: true,
        value: this.getAttribute("phone") ?? "",
      }),
      phoneError: make("p", { id: id("phone-error"), className: "pv-error", role: "alert" }),
      channelLegend: make("legend"),
      channels: make("fieldset", { className: "pv-channels" }),
      send: make("button", { type: "submit" }),
      haveCode: make("button", { type: "button", className: "pv-quiet", hidden: true }),
      intro: make("p", { className: "pv-intro" }),
      codeLabel: make("label", { htmlFor: id("code") }),
      code: make("input", {
        id: id("code"), name: "code", type: "text", inputMode: "numeric", autocomplete: "one-time-code", required: true,
        autocapitalize: "off", spellcheck: false,
      }),
      codeError: make("p", { id: id("code-error"), className: "pv-error", role: "alert" }),
      timeLeft: make("p", { className: "pv-time", role: "timer" }),
      verify: make("button", { type: "submit" }),
      resend: make("button", { type: "button", className: "pv-quiet" }),
      instead: make("span", { className: "pv-instead" }),
      changeNumber: make("button", { type: "button", className: "pv-quiet" }),
      done: make("p", { className: "pv-done", tabIndex: -1 }),
      status: make("p", { className: "pv-status", role: "status" }),
    };
    parts.phone.setAttribute("aria-describedby", `${parts.phoneHint.id} ${parts.phoneError.id}`);
    parts.code.setAttribute("aria-describedby", parts.codeError.id);
    // SECURITY: post: were a listener ever missing, the browser would still write no number into an address.
    const form = { className: "pv-form", method: "post", noValidate: true };
    parts.numberForm = make("form", form, [
      parts.phoneLabel, parts.phoneHint, parts.phone, parts.phoneError, parts.channels,
      make("div", { className: "pv-actions" }, [parts.send, parts.haveCode]),
    ]);
    parts.codeForm = make("form", form, [
      parts.intro, parts.codeLabel, parts.code, parts.codeError, parts.timeLeft,
      make("div", { className: "pv-actions" }, [parts.verify]),
      make("div", { className: "pv-actions" }, [parts.resend, parts.instead, parts.changeNumber]),
    ]);
    this.#parts = parts;
    this.#listen();
    this.#fillChannels();
    this.#fillTexts();
    this.replaceChildren(parts.numberForm, parts.status);
  }

  #listen() {
    const { numberForm, codeForm, haveCode, resend, changeNumber } = this.#parts;
    numberForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#sendFirst();
    });
    codeForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#verify();
    });
    haveCode.addEventListener("click", () => this.#useEarlierCode());
    resend.addEventListener("click", () => this.#sendAgain(this.#sent?.channel ?? this.#chosenChannel));
    changeNumber.addEventListener("click", () => {
      this.#showNumberStep();
      this.#parts.phone.focus();
    });
  }

  #upgrade(name) {
    // A property that was set before the element was defined hides the accessor of the class.
    if (Object.hasOwn(this, name)) {
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
  }

  #fillChannels() {
    const { channels, channelLegend } = this.#parts;
    const offered = this.#offeredChannels;
    const radios = offered.map((channel) => {
      const input = make("input", { type: "radio", name: "channel", value: channel, checked: channel === offered[0] });
      return make("label", {}, [input, make("span", { className: `pv-channel-${channel}` })]);
    });
    channels.replaceChildren(channelLegend, ...radios);
    channels.hidden = offered.length < 2;
    this.#fillInstead();
  }

  #fillInstead() {
    const current = this.#sent?.channel ?? this.#chosenChannel;
    const buttons = this.#offeredChannels
      .filter((channel) => channel !== current)
      .map((channel) => {
        const button = make("button", { type: "button", className: "pv-quiet", disabled: this.#isWaiting });
        button.textContent = this.#text(`instead${capitalize(channel)}`);
        button.addEventListener("click", () => this.#sendAgain(channel));
        return button;
      });
    this.#parts.instead.replaceChildren(...buttons);
  }

  #fillTexts() {
    const parts = this.#parts;
    for (const name of ["phoneLabel", "phoneHint", "channelLegend", "haveCode", "codeLabel", "changeNumber", "done"]) {
      parts[name].textContent = this.#text(name);
    }
    for (const span of parts.channels.querySelectorAll("span")) {
      const channel = span.className.replace("pv-channel-", "");
      span.textContent = this.#text(`channel${capitalize(channel)}`);
    }
    this.#fillInstead();
    this.#fillBusyTexts();
    this.#fillTimes();
  }

  #fillBusyTexts() {
    const { send, verify } = this.#parts;
    send.textContent = this.#text(this.#isBusy && this.#step === "number" ? "sending" : "send");
    verify.textContent = this.#text(this.#isBusy && this.#step === "code" ? "verifying" : "verify");
  }

  #text(name, values = {}) {
    const text = this.getAttribute(TEXT_ATTRIBUTES[name]) ?? this.#texts[name] ?? TEXTS[this.#language][name];
    return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
  }

  #count(name, count) {
    return this.#text(count === 1 ? `${name}One` : name, { count });
  }

  #duration(seconds) {
    return seconds < 120 ? this.#count("seconds", seconds) : this.#count("minutes", Math.ceil(seconds / 60));
  }

  get #offeredChannels() {
    const listed = (this.getAttribute("channels") ?? "").split(/[\s,]+/).filter((name) => CHANNELS.includes(name));
    const first = this.getAttribute("channel") ?? listed[0] ?? "sms";
    return [...new Set([first, ...listed])];
  }

  get #chosenChannel() {
    return this.#parts.channels.querySelector("input:checked")?.value ?? this.#offeredChannels[0];
  }

  get #options() {
    const read = (name) => this.getAttribute(name) || undefined;
    const page = this.#pageLanguage;
    const spoken = page in TEXTS ? page : undefined;
    return { purpose: read("purpose"), locale: read("locale") ?? spoken, baseURL: read("base-url"), language: page };
  }

  /** What the page says around it decides, as for everything else in it. */
  get #pageLanguage() {
    return this.closest("[lang]")?.lang.toLowerCase().split("-")[0] || undefined;
  }

  get #language() {
    return this.#pageLanguage in TEXTS ? this.#pageLanguage : "en";
  }

  get #isWaiting() {
    return this.#isBusy || this.#resendAt > Date.now();
  }

  // Steps

  #sendFirst() {
    const phone = this.#parts.phone.value.trim();
    if (!phone) {
      this.#showError(this.#text("phoneMissing"));
      return;
    }
    this.#phone = phone;
    this.#send(this.#chosenChannel);
  }

  #sendAgain(channel) {
    if (!this.#isWaiting) {
      this.#send(channel);
    }
  }

  async #send(channel) {
    if (this.#isBusy) {
      return;
    }
    this.#parts.code.value = "";
    this.#listenForMessage(channel);
    const answer = await this.#call("send", () => sendOTP(this.#phone, channel, this.#options));
    if (!answer) {
      return;
    }
    this.#sent = { channel: answer.channel, id: answer.verification_id };
    this.#resendAt = Date.now() + answer.resend_in * 1000;
    this.#expiresAt = Date.now() + answer.expires_in * 1000;
    this.#spoken = SPOKEN_AT.filter((seconds) => seconds < answer.expires_in);
    const values = { to: answer.to.replaceAll(" ", "\u00a0"), time: this.#duration(answer.expires_in) };
    this.#showCodeStep(this.#text(`sent${capitalize(answer.channel)}`, values));
    this.#fire("sent", {
      phone: this.#phone, channel: answer.channel, to: answer.to, verificationId: answer.verification_id,
      expiresIn: answer.expires_in, resendIn: answer.resend_in,
    });
    if (this.#parts.code.value) {
      this.#verify();
    }
  }

  #useEarlierCode() {
    this.#sent = null;
    this.#expiresAt = 0;
    this.#parts.code.value = "";
    this.#showCodeStep(this.#text("enterCode", { to: this.#phone }));
  }

  async #verify() {
    const { code: input, done } = this.#parts;
    const code = input.value.normalize("NFKC").replace(/[\s\p{Pd}\p{Cf}.·]+/gu, "");
    if (this.#isBusy) {
      return;
    }
    const fault = this.#findFault(code);
    if (fault) {
      this.#showError(fault);
      return;
    }
    const place = this.#sent ? { verificationId: this.#sent.id } : this.#phone;
    const answer = await this.#call("verify", () => verifyOTP(place, code, this.#options));
    if (!answer) {
      return;
    }
    this.#step = "done";
    this.#stopClock();
    this.#stopListening();
    input.value = "";
    this.#showOnly(done);
    done.focus();
    this.#fire("verified", {
      phone: this.#phone, verificationToken: answer.verification_token, verificationId: this.#sent?.id ?? null,
    });
  }

  #findFault(code) {
    const exact = Number.parseInt(this.getAttribute("code-length") ?? "", 10);
    if (!code) {
      return this.#text("codeMissing");
    }
    if (!/^[0-9]+$/.test(code)) {
      return this.#text("codeNotDigits");
    }
    if (code.length < (exact || MIN_DIGITS)) {
      return this.#text("codeTooShort");
    }
    return code.length > (exact || MAX_DIGITS) ? this.#text("codeTooLong") : "";
  }

  /** Make one call; resolves to its answer, or to null when it failed or nobody waits for it any more. */
  async #call(action, work) {
    this.#run += 1;
    const run = this.#run;
    this.#clearErrors();
    this.#setBusy(true);
    let answer = null;
    let failure = null;
    try {
      answer = await work();
    } catch (error) {
      failure = error;
    }
    if (run !== this.#run) {
      return null;
    }
    this.#setBusy(false);
    if (failure) {
      this.#explain(action, failure);
    }
    return answer;
  }

  #explain(action, error) {
    const isTooMany = error.code === "too_many_attempts";
    if (error.retryAfter && (isTooMany || (action === "send" && error.code === "too_many_requests"))) {
      this.#resendAt = Date.now() + error.retryAfter * 1000;
    }
    if (isTooMany || (action === "verify" && error.code === "code_expired")) {
      this.#expiresAt = 0;
    }
    if (this.#step === "code") {
      this.#startClock();
    } else {
      this.#stopListening();
      // A code may be out already, sent before this page was loaded anew.
      this.#parts.haveCode.hidden = error.code !== "too_many_requests";
    }
    this.#showError(this.#describe(error), action === "verify" || this.#step === "number");
    this.#fire("failed", { action, error });
  }

  #describe(error) {
    const sentences = error.fields ? Object.values(error.fields).flat() : [this.#nameFailure(error)];
    if (error.attemptsLeft !== undefined) {
      sentences.push(this.#count("attemptsLeft", error.attemptsLeft));
    }
    if (error.retryAfter) {
      sentences.push(this.#text("tryAgainIn", { time: this.#duration(error.retryAfter) }));
    }
    return sentences.join(" ");
  }

  /** The server's sentences are in the page's language; what happens without its help has to be said here. */
  #nameFailure(error) {
    if (error.code !== "network_error") {
      return error.message;
    }
    return this.#text(error.status ? "unreadable" : "unreachable");
  }

  // Showing

  #showNumberStep() {
    this.#step = "number";
    this.#stopClock();
    this.#stopListening();
    this.#clearErrors();
    this.#parts.code.value = "";
    this.#parts.haveCode.hidden = true;
    this.#parts.status.textContent = "";
    this.#resendAt = this.#expiresAt = 0;
    this.#setBusy(false);
    this.#showOnly(this.#parts.numberForm);
  }

  #showCodeStep(sentence) {
    this.#step = "code";
    this.#clearErrors();
    this.#parts.intro.textContent = sentence;
    this.#showOnly(this.#parts.codeForm);
    this.#fillInstead();
    this.#startClock();
    this.#parts.code.focus();
    this.#say(sentence);
  }

  #showOnly(part) {
    // The status stays where it is: screen readers only hear regions that were there before.
    this.firstElementChild.replaceWith(part);
  }

  #showError(sentence, isAboutField = true) {
    const { phone, phoneError, code, codeError } = this.#parts;
    const [input, error] = this.#step === "code" ? [code, codeError] : [phone, phoneError];
    error.textContent = sentence;
    if (isAboutField) {
      input.setAttribute("aria-invalid", "true");
    }
    input.focus();
  }

  #clearErrors() {
    const { phone, phoneError, code, codeError } = this.#parts;
    phoneError.textContent = codeError.textContent = "";
    phone.removeAttribute("aria-invalid");
    code.removeAttribute("aria-invalid");
  }

  #setBusy(isBusy) {
    this.#isBusy = isBusy;
    for (const form of [this.#parts.numberForm, this.#parts.codeForm]) {
      for (const button of form.querySelectorAll("button")) {
        button.disabled = isBusy;
      }
    }
    const submit = this.#step === "code" ? this.#parts.verify : this.#parts.send;
    for (const button of [this.#parts.send, this.#parts.verify]) {
      button.setAttribute("aria-busy", String(isBusy && button === submit));
    }
    this.#fillBusyTexts();
    this.#fillTimes();
  }

  #say(sentence) {
    this.#parts.status.textContent = sentence;
  }

  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
  }

  // Time

  #startClock() {
    this.#stopClock();
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#fillTimes();
  }

  #stopClock() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick() {
    const now = Date.now();
    if (this.#resendAt && this.#resendAt <= now) {
      this.#resendAt = 0;
      this.#say(this.#text("resendNow"));
    }
    if (this.#expiresAt) {
      this.#speakTimeLeft(secondsUntil(this.#expiresAt));
    }
    this.#fillTimes();
    if (!this.#resendAt && !this.#expiresAt) {
      this.#stopClock();
    }
  }

  #speakTimeLeft(seconds) {
    if (seconds === 0) {
      this.#expiresAt = 0;
      this.#say(this.#text("expired"));
      this.#parts.intro.textContent = this.#text("expired");
      return;
    }
    const due = this.#spoken.filter((mark) => mark >= seconds);
    if (due.length) {
      this.#spoken = this.#spoken.filter((mark) => mark < seconds);
      this.#say(this.#text("timeLeft", { time: this.#duration(seconds) }));
    }
  }

  #fillTimes() {
    const { resend, instead, timeLeft } = this.#parts;
    const wait = secondsUntil(this.#resendAt);
    resend.textContent = wait ? this.#text("resendIn", { time: asClock(wait) }) : this.#text("resend");
    for (const button of [resend, ...instead.children]) {
      button.disabled = this.#isWaiting;
    }
    const left = secondsUntil(this.#expiresAt);
    timeLeft.textContent = left ? this.#text("timeLeft", { time: asClock(left) }) : "";
  }

  // Codes that the phone itself reads out of the message (WebOTP)

  #listenForMessage(channel = this.#sent?.channel) {
    this.#stopListening();
    if (channel !== "sms" || !("OTPCredential" in globalThis)) {
      return;
    }
    this.#messages = new AbortController();
    const { signal } = this.#messages;
    navigator.credentials.get({ otp: { transport: ["sms"] }, signal }).then(
      (credential) => {
        if (!credential?.code || signal.aborted || this.#step === "done") {
          return;
        }
        this.#parts.code.value = credential.code;
        if (this.#step === "code") {
          this.#verify();
        }
      },
      () => {}, // declined, aborted or unsupported: the person types the code
    );
  }

  #stopListening() {
    this.#messages?.abort();
    this.#messages = null;
  }
}

for (const [name, attribute] of Object.entries(PROPERTIES)) {
  Object.defineProperty(PhoneVerification.prototype, name, {
    configurable: true,
    enumerable: true,
    get() {
      return this.getAttribute(attribute);
    },
    set(value) {
      if (value === null || value === undefined) {
        this.removeAttribute(attribute);
      } else {
        this.setAttribute(attribute, Array.isArray(value) ? value.join(" ") : value);
      }
    },
  });
}

function make(tag, properties = {}, children = []) {
  const { role, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (role) {
    element.setAttribute("role", role);
  }
  element.append(...children);
  return element;
}

function capitalize(word) {
  return word[0].toUpperCase() + word.slice(1);
}

function secondsUntil(time) {
  return Math.max(0, Math.ceil((time - Date.now()) / 1000));
}

function asClock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// Two copies of this file on one page: the first one stays.
if (globalThis.customElements && !customElements.get("phone-verification")) {
  customElements.define("phone-verification", PhoneVerification);
}
