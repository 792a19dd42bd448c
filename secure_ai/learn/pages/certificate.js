
(async () => {
  const verdict = document.getElementById("verdict");
  const raw = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const inWords = "A changed page can also be made to say so: whoever needs to be sure uses the command, with the issuer's key.";
  try {
    const signed = document.getElementById("signed-data").textContent;
    const signature = JSON.parse(document.getElementById("signature").textContent).signature;
    const data = JSON.parse(signed);
    const key = await crypto.subtle.importKey("raw", raw(data.key.split(":")[1]), "Ed25519", false, ["verify"]);
    const encoder = new TextEncoder();
    const message = encoder.encode("@PREFIX@\n" + signed);
    const text = document.getElementById("certificate").textContent.replace(/[ \t\n\r\u00a0]+/g, "");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
    const seen = Array.from(digest, (one) => one.toString(16).padStart(2, "0")).join("");
    const intact = seen === data.text && await crypto.subtle.verify("Ed25519", key, raw(signature), message);
    document.documentElement.dataset.intact = intact;
    verdict.textContent = intact
      ? "This page has checked itself: its text is as it was signed with the key that it names. " + inWords
      : "Do not accept this page: its text is not as it was signed.";
  } catch (error) {
    document.documentElement.dataset.intact = "unknown";
    verdict.textContent = "This browser cannot check the page: use the command above.";
  }
})();
