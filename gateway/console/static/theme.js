// Runs before anything is drawn, so that no page flashes in the other colours.
"use strict";
globalThis.driftgateTheme = (() => {
  const KEY = "driftgate-theme";
  const ORDER = ["auto", "light", "dark"];

  function stored() {
    try {
      const found = localStorage.getItem(KEY);
      return ORDER.includes(found) ? found : "auto";
    } catch {
      return "auto"; // storage may be forbidden; the system's choice then holds
    }
  }

  function set(theme) {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // it holds until the page is left
    }
    document.dispatchEvent(new Event("theme"));
  }

  document.documentElement.dataset.theme = stored();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("theme")),
  );
  return {
    now: () => document.documentElement.dataset.theme,
    next: () => set(ORDER[(ORDER.indexOf(document.documentElement.dataset.theme) + 1) % ORDER.length]),
  };
})();
