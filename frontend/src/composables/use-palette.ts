/** The page's colours for what cannot read CSS, such as a canvas; they follow the change from light to dark. */
import { onScopeDispose, type ShallowRef, shallowRef } from "vue";

const NAMES = [
	"accent",
	"accent-bar",
	"text",
	"text-soft",
	"text-faint",
	"line",
	"line-strong",
	"surface",
	"sunken",
] as const;
export type Palette = Readonly<Record<(typeof NAMES)[number], string>>;

export function usePalette(): Readonly<ShallowRef<Palette>> {
	const palette = shallowRef(read());
	const dark = matchMedia("(prefers-color-scheme: dark)");
	const update = () => {
		palette.value = read();
	};
	dark.addEventListener("change", update);
	onScopeDispose(() => dark.removeEventListener("change", update));
	return palette;
}

function read(): Palette {
	const style = getComputedStyle(document.documentElement);
	return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Palette;
}
