/* The state of the page, kept in the address after `#?` so that a link shows the same view. */
(function () {
  "use strict";
  const board = (window.slimbench = window.slimbench || {});
  const listeners = [];

  function parse() {
    const hash = location.hash.startsWith("#?") ? location.hash.slice(2) : "";
    return Object.fromEntries(new URLSearchParams(hash));
  }

  board.state = parse();
  board.whenChanged = (listener) => listeners.push(listener);

  /** Change some keys (empty or null removes one), write the address, tell everybody. */
  board.set = function (changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === "") delete board.state[key];
      else board.state[key] = String(value);
    }
    const text = new URLSearchParams(board.state).toString();
    history.replaceState(null, "", text ? "#?" + text : location.pathname);
    tell(Object.keys(changes));
  };

  function tell(keys) {
    for (const listener of listeners) listener(keys);
  }

  window.addEventListener("hashchange", () => {
    if (location.hash && !location.hash.startsWith("#?")) return;
    board.state = parse();
    tell(null);
  });
})();
