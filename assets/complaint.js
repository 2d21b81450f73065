// The form of a complaint: nothing that was typed is lost. htmx saves it as a draft a moment after each key (the line with class "draft"); until the server has
// said so, the tab keeps it as well (sessionStorage), so that a reload in between, or a server that is away, loses nothing either.
(function () {
  "use strict";
  var AGAIN_MS = 3000;
  var PREFIX = "huifang-draft ";
  var NOT_TYPED = ["csrf", "revision", "form", "act"];

  function formOf(element) { return element && element.closest ? element.closest("form[data-draft]") : null; }
  function key(form) { return PREFIX + form.dataset.draft; }
  function line(form) { return form.querySelector(".draft"); }
  function typed(form) {
    var fields = {};
    new FormData(form).forEach(function (value, name) { if (NOT_TYPED.indexOf(name) < 0) { fields[name] = value; } });
    return JSON.stringify(fields);
  }
  function say(form, what) {
    var at = line(form);
    if (at) { at.textContent = at.dataset[what] || ""; at.classList.toggle("bad", what === "lost"); }
  }
  function keep(form) {
    try { sessionStorage.setItem(key(form), typed(form)); } catch (full) { /* the server's draft remains */ }
  }

  function restore(form) {
    if (form.dataset.seen) { return; }
    form.dataset.seen = "yes";
    var kept = sessionStorage.getItem(key(form));
    if (!kept || kept === typed(form)) { return; }
    var fields = JSON.parse(kept);
    Object.keys(fields).forEach(function (name) {
      var field = form.elements.namedItem(name);
      if (field && "value" in field && field.value !== fields[name]) {
        field.value = fields[name];
        var around = field.closest("details");
        if (around) { around.open = true; }
      }
    });
    say(form, "restored");
    htmx.trigger(line(form), "again");
  }

  document.addEventListener("input", function (event) {
    var form = formOf(event.target);
    if (form) { keep(form); say(form, "saving"); }
  });
  document.addEventListener("htmx:beforeRequest", function (event) {
    var element = event.detail.requestConfig.elt, form = formOf(element);
    if (form && element.classList.contains("draft")) { form.dataset.sending = typed(form); }
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    // a form that was sent has been replaced by the answer: the event comes from what is around it
    var element = event.detail.requestConfig.elt, form = formOf(element);
    if (!form) { return; }
    if (!element.classList.contains("draft")) {
      if (event.detail.successful) { sessionStorage.removeItem(key(form)); }
      return;
    }
    if (event.detail.successful) {
      line(form).classList.remove("bad");
      if (form.dataset.sending === typed(form)) { sessionStorage.removeItem(key(form)); }
    } else {
      say(form, "lost");
      setTimeout(function () { if (form.isConnected) { htmx.trigger(line(form), "again"); } }, AGAIN_MS);
    }
  });
  htmx.onLoad(function (element) {
    element.querySelectorAll("form[data-draft]").forEach(restore);
  });
})();
