// Before the page: the service worker (sw.js) keeps the site's files for use without a network, and gives them the headers that
// isolate the page from others, which browsers ask for before WASM may use threads. Any static server will do then.
"use strict";

if ("serviceWorker" in navigator && isSecureContext) {
  const again = "srgan-isolated";
  navigator.serviceWorker.register("sw.js").then(async () => {
    await navigator.serviceWorker.ready;
    if (crossOriginIsolated || sessionStorage.getItem(again)) return;
    sessionStorage.setItem(again, "yes"); // once: a browser that is not isolated then never is
    if (!navigator.serviceWorker.controller) await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    location.reload();
  }, () => {}); // as in private windows: it works without, on one thread
}
