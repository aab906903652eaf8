// What the page does besides what it does without a script: results while one types, and keys. The server makes all HTML; the script only asks
// for the same page as a fragment and puts it in place, so nothing here ever builds markup out of a document's words.
"use strict";

(() => {
  const form = document.getElementById("search");
  const results = document.getElementById("results");
  const PAUSE = 140; // milliseconds after the last key: a fast typist is between two words then

  if (form && results) {
    const box = form.elements.q;
    let timer = 0;
    let under = null;
    let shown = location.search;

    const address = () => {
      const fields = new URLSearchParams();
      for (const [name, value] of new FormData(form)) {
        if (value.trim() !== "" && !(name === "mode" && value === "hybrid")) fields.append(name, value);
      }
      const text = fields.toString();
      return text === "" ? "/" : "/?" + text;
    };

    const load = async (url, how) => {
      clearTimeout(timer);
      under?.abort();
      const mine = (under = new AbortController());
      document.body.classList.add("busy");
      try {
        const asked = new URL(url, location.href);
        asked.searchParams.set("fragment", "1");
        const answer = await fetch(asked, { signal: mine.signal, credentials: "same-origin" });
        if (answer.status === 401) return location.assign(url);
        if (answer.status === 429) return void (timer = setTimeout(load, 600, url, how));
        const html = await answer.text();
        if (mine.signal.aborted) return;
        if (!answer.headers.get("content-type")?.startsWith("text/html")) throw new Error("no page");
        results.innerHTML = html;
        const empty = new URL(url, location.href).search === "";
        document.body.classList.toggle("home", empty);
        document.title = box.value.trim() === "" ? "neodex" : box.value.trim() + " · neodex";
        if (how === "push") history.pushState(null, "", url);
        if (how === "replace") history.replaceState(null, "", url);
        shown = new URL(url, location.href).search;
        if (how === "push") scrollTo(0, 0);
      } catch (error) {
        if (error.name === "AbortError") return;
        const told = document.createElement("p");
        told.className = "trouble";
        told.textContent = "The server does not answer.";
        results.replaceChildren(told);
      } finally {
        if (under === mine) document.body.classList.remove("busy");
      }
    };

    // The address holds everything; the form follows it when one goes back.
    const follow = () => {
      const fields = new URLSearchParams(location.search);
      box.value = fields.get("q") ?? "";
      if (form.elements.filter) form.elements.filter.value = fields.get("filter") ?? "";
      if (form.elements.mode) form.elements.mode.value = fields.get("mode") ?? "hybrid";
      const chosen = form.querySelector(".chosen");
      chosen.replaceChildren();
      for (const [name, value] of fields) {
        if (!name.startsWith("f.")) continue;
        const field = document.createElement("input");
        Object.assign(field, { type: "hidden", name, value });
        chosen.append(field);
      }
    };

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      load(address(), address() === location.pathname + location.search ? "stay" : "push");
    });
    form.addEventListener("input", (event) => {
      // A filter that is half typed is a mistake; it waits for Enter.
      if (event.target === box) {
        clearTimeout(timer);
        timer = setTimeout(() => load(address(), "replace"), PAUSE);
      }
    });
    form.addEventListener("change", (event) => {
      if (event.target !== box) load(address(), "push");
    });
    results.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      const url = new URL(link.href);
      if (url.origin !== location.origin || url.pathname !== "/") return;
      event.preventDefault();
      load(url.pathname + url.search, "push").then(follow);
    });
    addEventListener("popstate", () => {
      // A jump inside the page changes nothing that was searched.
      if (location.search === shown) return;
      follow();
      load(location.pathname + location.search, "stay");
    });
    if (box.value !== "") box.setSelectionRange(box.value.length, box.value.length);
  }

  const hits = () => [...document.querySelectorAll(".hit h2 a")];
  const move = (step) => {
    const links = hits();
    if (links.length === 0) return;
    const at = links.findIndex((link) => link.closest(".hit").contains(document.activeElement));
    const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
    next.focus({ preventScroll: true });
    next.closest(".hit").scrollIntoView({ block: "nearest" });
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches?.("input, select, textarea");
    const box = document.getElementById("q");
    if (typing) {
      if (event.target !== box) return;
      if (event.key === "ArrowDown") (event.preventDefault(), move(1));
      if (event.key === "Escape" && box.value !== "") {
        event.preventDefault();
        box.value = "";
        box.dispatchEvent(new Event("input", { bubbles: true }));
      } else if (event.key === "Escape") box.blur();
      return;
    }
    const hit = document.activeElement?.closest?.(".hit");
    switch (event.key) {
      case "/":
        if (box) (event.preventDefault(), box.focus(), box.select());
        break;
      case "j": case "ArrowDown":
        if (hits().length) (event.preventDefault(), move(1));
        break;
      case "k": case "ArrowUp":
        if (hit && hits()[0].closest(".hit") === hit && box) (event.preventDefault(), box.focus());
        else if (hits().length) (event.preventDefault(), move(-1));
        break;
      case "e": {
        const why = hit?.querySelector(".why");
        if (why) why.open = !why.open;
        break;
      }
      case "Escape":
        if (document.getElementById("back")) document.getElementById("back").click();
        else box?.focus();
        break;
    }
  });
})();
