// What the parts of the page know together.

export const cases = new Map(); // id → { view, row, why }
export const order = []; // open entries, most urgent first

export const shared = {
  chosen: "", // the id of the case on the page
  synced: false, // whether the server has told us every open case at least once
  feedState: "connecting",
  refusal: "",
  ready: null, // null: not known yet
};

export function chosenView() {
  return cases.get(shared.chosen)?.view ?? null;
}
