// Light or dark, before the first paint: the choice that was made here, else
// what the system has. A plain script, because modules run too late for that.
(function () {
  const key = "hayrake.theme";
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem(key);
  } catch {
    // Without storage the choice holds for this page.
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  window.hayrakeTheme = {
    now: () => root.dataset.theme || "system",
    next() {
      const order = ["system", "light", "dark"];
      const next = order[(order.indexOf(this.now()) + 1) % order.length];
      if (next === "system") delete root.dataset.theme;
      else root.dataset.theme = next;
      try {
        if (next === "system") localStorage.removeItem(key);
        else localStorage.setItem(key, next);
      } catch {
        // See above.
      }
      return next;
    },
  };
})();
