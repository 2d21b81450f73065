// Live pages. The event stream comes in finite answers (src/web/pages/home.rs): the browser's coming back is normal and no error for htmx' SSE
// extension, but a connection that is really lost is shown. Must be loaded between htmx and the extension.
(function () {
  "use strict";
  var SILENCE_MS = 40000; // the server answers within 20 s even when nothing is new
  var failures = 0;
  var heard = Date.now();

  function show() {
    var lost = failures >= 3 || Date.now() - heard > SILENCE_MS;
    document.documentElement.classList.toggle("lost", lost);
    document.documentElement.classList.toggle("live", !lost);
  }

  class Stream extends EventSource {
    constructor(url) {
      super(url, { withCredentials: true });
      this.addEventListener("open", function () { failures = 0; heard = Date.now(); show(); });
      this.addEventListener("error", function () { failures += 1; show(); });
    }
    get onerror() { return null; }
    set onerror(handler) {
      this.addEventListener("error", function (event) {
        if (this.readyState === EventSource.CLOSED) { handler.call(this, event); }
      });
    }
  }

  htmx.createEventSource = function (url) { return new Stream(url); };
  setInterval(show, 5000);
})();
