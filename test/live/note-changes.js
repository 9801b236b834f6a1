/*
 * Runs in the page, before its own scripts: notes when each total was in the document (epoch ms) and every state that the
 * connection's badge has shown.
 */
const notes = { totals: [], states: [] };
window.notes = notes;

function look() {
	const total = document.querySelector("[data-testid=total-scans]")?.getAttribute("data-value");
	const state = document.querySelector("[data-testid=connection-state]")?.getAttribute("data-state");
	if (total && Number(total) !== notes.totals.at(-1)?.[0]) {
		notes.totals.push([Number(total), performance.timeOrigin + performance.now()]);
	}
	if (state && state !== notes.states.at(-1)) notes.states.push(state);
}

new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
