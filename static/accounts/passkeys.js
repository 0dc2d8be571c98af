// Passkeys on the pages of accounts: asks the server what to sign, the browser to sign it, and sends the form with that.
// What goes wrong is said beside the button, in the sentences that the page brings along.

for (const form of document.querySelectorAll("form[data-passkey]")) {
  let isBusy = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.name?.value.trim() === "") {
      return; // the server says so; a passkey that it refuses would stay on the device
    }
    event.preventDefault();
    if (isBusy) {
      return;
    }
    isBusy = true;
    say(form, form.querySelector("[data-said]").dataset.waiting, "status");
    try {
      form.elements.code.value = JSON.stringify(await getAnswer(form));
      form.submit();
    } catch (error) {
      say(form, explain(form, error), "alert");
      isBusy = false;
    }
  });
  // Back from the next page.
  window.addEventListener("pageshow", () => {
    isBusy = false;
    form.querySelector("[data-said]").hidden = true;
  });
}

/** What the server refuses, in its own words. */
class Refused extends Error {}

/** The site cannot be reached. */
class Unreachable extends Error {}

/** The page is open at an address that its passkeys do not belong to. */
class Elsewhere extends Error {}

/** This browser knows no passkeys. */
class Unsupported extends Error {}

async function getAnswer(form) {
  const options = await fetchOptions(form);
  const site = options.rpId ?? options.rp.id;
  if (window.location.hostname !== site && !window.location.hostname.endsWith(`.${site}`)) {
    throw new Elsewhere(site);
  }
  if (!window.PublicKeyCredential || !navigator.credentials) {
    throw new Unsupported();
  }
  options.challenge = decode(options.challenge);
  if (form.dataset.passkey === "create") {
    options.user.id = decode(options.user.id);
    options.excludeCredentials = options.excludeCredentials.map(decodeId);
    return write(await navigator.credentials.create({ publicKey: options }));
  }
  options.allowCredentials = options.allowCredentials.map(decodeId);
  return write(await navigator.credentials.get({ publicKey: options }));
}

async function fetchOptions(form) {
  let response;
  try {
    response = await fetch(form.dataset.options, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
      },
      body: JSON.stringify(form.dataset.step ? { step: form.dataset.step } : {}),
    });
  } catch {
    throw new Unreachable();
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Refused(answer.error);
  }
  return answer;
}

/** Write a credential as its own toJSON() would: that is missing in many browsers, and broken by some extensions. */
function write(credential) {
  const { response } = credential;
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const answer = {};
  for (const part of parts) {
    if (response[part]) {
      answer[part] = encode(response[part]);
    }
  }
  if (response.getTransports) {
    answer.transports = response.getTransports();
  }
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    response: answer,
    clientExtensionResults: {},
  };
}

function decodeId(descriptor) {
  return { ...descriptor, id: decode(descriptor.id) };
}

function decode(text) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
}

function encode(buffer) {
  const bytes = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte));
  return btoa(bytes.join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Find the sentence for what went wrong. Browsers tell little on purpose: no page shall learn what a device holds. */
function explain(form, error) {
  const said = form.querySelector("[data-said]").dataset;
  if (error instanceof Refused) {
    return error.message || said.failed;
  }
  if (error instanceof Elsewhere) {
    return said.elsewhere.replace("#", error.message);
  }
  if (error instanceof Unreachable) {
    return said.unreachable;
  }
  if (error instanceof Unsupported || error.name === "NotSupportedError") {
    return said.unsupported;
  }
  if (error.name === "InvalidStateError") {
    return said.there;
  }
  if (error.name === "NotAllowedError" || error.name === "AbortError") {
    return said.canceled;
  }
  return said.failed;
}

function say(form, sentence, role) {
  const place = form.querySelector("[data-said]");
  place.setAttribute("role", role);
  place.classList.toggle("error", role === "alert");
  place.textContent = sentence;
  place.hidden = false;
}
