
(function () {
  "use strict";
  var form = document.getElementById("filter");
  if (!form) { return; }
  var text = document.getElementById("text");
  var service = document.getElementById("service");
  var state = document.getElementById("state");
  var count = document.getElementById("count");
  var names = Array.prototype.map.call(document.querySelectorAll(".matrix thead th.service"), function (head) {
    return { head: head, name: head.textContent.toLowerCase(), shown: true };
  });
  var rows = Array.prototype.map.call(document.querySelectorAll(".matrix tbody tr"), function (row) {
    return {
      row: row,
      cells: Array.prototype.slice.call(row.children, 1, 1 + names.length),
      key: row.firstElementChild.textContent.toLowerCase(),
      states: " " + row.getAttribute("data-states") + " ",
      folded: row.className === "folded"
    };
  });
  // Hides the columns of services that don't match. Rows are then filtered by their visible cells.
  function columns() {
    var wanted = service.value.trim().toLowerCase();
    names.forEach(function (one, index) {
      var shown = one.name.indexOf(wanted) >= 0;
      if (shown === one.shown) { return; }
      one.shown = shown;
      one.head.hidden = !shown;
      rows.forEach(function (row) { row.cells[index].hidden = !shown; });
    });
    filter();
  }
  function fitting(one, mark) {
    if (mark === "*") { return true; }
    if (names.every(function (name) { return name.shown; })) {
      return mark === "" ? !one.folded : one.states.indexOf(" " + mark + " ") >= 0;
    }
    var symbol = state.options[state.selectedIndex].textContent.split(" ")[0];
    return one.cells.some(function (cell, index) {
      if (!names[index].shown) { return false; }
      return mark === "" ? cell.className !== "good" : cell.textContent.split(" ")[0] === symbol;
    });
  }
  function filter() {
    var wanted = text.value.trim().toLowerCase();
    var mark = state.value;
    var shown = 0;
    rows.forEach(function (one) {
      var hidden = !fitting(one, mark) || one.key.indexOf(wanted) < 0;
      if (one.row.hidden !== hidden) { one.row.hidden = hidden; }
      if (!hidden) { shown += 1; }
    });
    var kept = names.filter(function (name) { return name.shown; }).length;
    count.textContent = shown + " of " + rows.length + " keys" +
      (kept === names.length ? "" : ", " + kept + " of " + names.length + " services");
  }
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  text.addEventListener("input", filter);
  service.addEventListener("input", columns);
  state.addEventListener("change", filter);
  if (!rows.some(function (one) { return !one.folded; })) { state.value = "*"; }
  form.hidden = false;
  columns();
}());
