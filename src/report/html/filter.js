
(function () {
  "use strict";
  var form = document.getElementById("filter");
  if (!form) { return; }
  var text = document.getElementById("text");
  var state = document.getElementById("state");
  var count = document.getElementById("count");
  var rows = Array.prototype.map.call(document.querySelectorAll(".matrix tbody tr"), function (row) {
    return {
      row: row,
      key: row.firstElementChild.textContent.toLowerCase(),
      states: " " + row.getAttribute("data-states") + " ",
      folded: row.className === "folded"
    };
  });
  function filter() {
    var wanted = text.value.trim().toLowerCase();
    var mark = state.value;
    var shown = 0;
    rows.forEach(function (one) {
      var fits = mark === "*" || (mark === "" ? !one.folded : one.states.indexOf(" " + mark + " ") >= 0);
      var hidden = !fits || one.key.indexOf(wanted) < 0;
      if (one.row.hidden !== hidden) { one.row.hidden = hidden; }
      if (!hidden) { shown += 1; }
    });
    count.textContent = shown + " of " + rows.length + " keys";
  }
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  text.addEventListener("input", filter);
  state.addEventListener("change", filter);
  if (!rows.some(function (one) { return !one.folded; })) { state.value = "*"; }
  form.hidden = false;
  filter();
}());
