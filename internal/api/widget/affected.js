// <sonde-affected src="https://status.example.com" service="app" lang brief>
//
// The visitor's browser tries the service's own addresses and says in plain
// words whether their network reaches it, or still has an old DNS answer. With
// brief it leaves out how to flush caches, for pages that say so themselves.
//
// A probe is a fetch in no-cors mode: the page learns whether anything answered,
// and nothing of what. So "answered" may be an error page; what the texts say is
// no more than that.
const TEXTS = /*texts*/ {};
const TIMEOUT = 8e3;
const SIGNS = { fine: "✓", dns: "!", name: "!", blocked: "!", down: "✕", offline: "?", unclear: "?", untested: "?", testing: "…" };
const FLUSH = [
  ["Windows", "ipconfig /flushdns"],
  ["macOS", "sudo dscacheutil -flushcache; sudo killall -HUP mDNSResponder"],
  ["Linux", "sudo resolvectl flush-caches"],
];
const CSS = `
:host{display:block;color-scheme:light dark;font:var(--sonde-font,1rem/1.55 system-ui,sans-serif);
--ok:var(--sonde-ok,#1a7f37);--warn:var(--sonde-warn,#9a6700);--bad:var(--sonde-bad,#cf222e);--none:var(--sonde-none,#57606a);
--bg:var(--sonde-bg,#fff);--ink:var(--sonde-ink,#1f2328);--line:var(--sonde-line,#d0d7de)}
:host([hidden]){display:none}
@media(prefers-color-scheme:dark){:host{
--ok:var(--sonde-ok,#3fb950);--warn:var(--sonde-warn,#d29922);--bad:var(--sonde-bad,#f85149);--none:var(--sonde-none,#9198a1);
--bg:var(--sonde-bg,#0d1117);--ink:var(--sonde-ink,#e6edf3);--line:var(--sonde-line,#3d444d)}}
*{box-sizing:border-box}
.all{background:var(--bg);color:var(--ink);overflow-wrap:anywhere}
.card{border:1px solid var(--line);border-inline-start:5px solid var(--c);border-radius:var(--sonde-radius,8px);padding:.75em 1em;margin:0 0 1em}
.fine{--c:var(--ok)}.dns,.name,.blocked{--c:var(--warn)}.down{--c:var(--bad)}.offline,.unclear,.untested,.testing{--c:var(--none)}
.title{font-weight:600}
p{margin:.35em 0}
.verdict{color:var(--c);font-weight:700}
ul{margin:.35em 0;padding-inline-start:1.25em}
summary{cursor:pointer;min-block-size:24px}
code{font:.9em ui-monospace,monospace}
dt{font-weight:600;margin-block-start:.5em}
dd{margin:0}
button{font:inherit;color:inherit;background:none;border:1px solid var(--line);border-radius:6px;padding:.4em 1em;cursor:pointer}
button:focus-visible,summary:focus-visible{outline:2px solid #0969da;outline-offset:2px}
button[disabled]{cursor:wait}`;
const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);

const el = (tag, name, ...children) => {
  const e = document.createElement(tag);
  if (name) e.className = name, e.setAttribute("part", name.split(" ")[0]);
  e.append(...children);
  return e;
};
const list = (v) => (Array.isArray(v) ? v : []);
const https = (v) => list(v).filter((u) => typeof u == "string" && u.startsWith("https://"));
const fill = (text, ...with_) => text.replace(/\{(\d)\}/g, (_, n) => with_[n]);

// verdict judges what the probes found. Each is true, false, or null where there
// was nothing to try: usual the address that everybody uses, fresh names that
// lead straight to the new address, old those that lead to the old one, and
// control the status page itself.
export function verdict({ usual, fresh, old, control, status, forbidden }) {
  if (usual) return "fine";
  if (forbidden) return "untested";
  if (fresh) return old ? "name" : "dns";
  if (!control) return "offline";
  if (["operational", "at_risk", "degraded"].includes(status)) return "blocked";
  return ["partial_outage", "major_outage", "maintenance"].includes(status) ? "down" : "unclear";
}

class SondeAffected extends HTMLElement {
  static observedAttributes = ["src", "service", "lang"];
  #root = this.attachShadow({ mode: "open" });
  #all = el("div", "all");
  #run = 0;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.append(this.#all);
  }
  connectedCallback() { this.test(); }
  disconnectedCallback() { this.#run++; }
  attributeChangedCallback(name, old, now) { if (this.isConnected && old !== now) this.test(); }

  get #base() {
    try {
      const u = new URL(this.getAttribute("src") || new URL(".", import.meta.url), document.baseURI);
      return /^https?:$/.test(u.protocol) ? u.origin + u.pathname.replace(/\/+$/, "") : "";
    } catch { return ""; }
  }
  get #lang() {
    for (const l of [this.lang, this.closest("[lang]")?.lang, navigator.language]) {
      const known = (l || "").toLowerCase().split("-")[0];
      if (TEXTS[known]) return known;
    }
    return "en";
  }
  // test asks what there is to try, tries it, and shows what was found.
  async test() {
    const run = ++this.#run, t = TEXTS[this.#lang];
    this.dataset.state = "testing";
    this.#all.lang = this.#lang;
    this.#all.setAttribute("aria-busy", "true");
    const results = el("div", "results");
    results.setAttribute("role", "status");
    results.append(el("p", "", t.testing + "…"));
    this.#all.replaceChildren(results);
    let data = null;
    try {
      const answer = await fetch(this.#base + "/affected.json?lang=" + this.#lang, { signal: AbortSignal.timeout(TIMEOUT), credentials: "omit", referrerPolicy: "no-referrer" });
      if (answer.ok) data = await answer.json();
    } catch {}
    if (run != this.#run) return;
    const only = this.getAttribute("service");
    const services = list(data?.services).filter((s) => s && https([s.url]).length && (!only || s.id == only));
    let found = [];
    if (services.length) found = await Promise.all(services.map((s) => this.#examine(s)));
    if (run != this.#run) return;
    const cards = found.map((f) => this.#card(f, t, data.stale));
    if (!cards.length) cards.push(el("p", "", data ? t.none : t.failed));
    results.replaceChildren(...cards);
    const again = el("button", "again", t.start);
    again.addEventListener("click", () => this.test());
    this.#all.append(again);
    if (found.some((f) => ["dns", "name"].includes(f.verdict)) && !this.hasAttribute("brief")) this.#all.append(this.#advice(t));
    this.#all.append(el("details", "honest", el("summary", "", t.honest), el("p", "", t.honestText)));
    this.#all.setAttribute("aria-busy", "false");
    this.dataset.state = "done";
    this.dataset.verdicts = found.map((f) => f.id + ":" + f.verdict).join(" ");
  }
  async #examine(s) {
    const tries = [["usual", s.url], ...https(s.new).map((u) => ["new", u]), ...https(s.old).map((u) => ["old", u])];
    let forbidden = false;
    const watch = (e) => { if (tries.some(([, u]) => e.blockedURI && u.startsWith(e.blockedURI))) forbidden = true; };
    document.addEventListener("securitypolicyviolation", watch);
    const [control, ...got] = await Promise.all([reach(this.#base + "/healthz"), ...tries.map(([, u]) => reach(u))]);
    await new Promise((then) => setTimeout(then, 50)); // the event comes behind the failure
    document.removeEventListener("securitypolicyviolation", watch);
    const any = (kind) => { const of = got.filter((_, i) => tries[i][0] == kind); return of.length ? of.some(Boolean) : null; };
    const probes = tries.map(([kind, url], i) => ({ kind, url, ok: got[i] }));
    return { ...s, probes, verdict: verdict({ usual: got[0], fresh: any("new"), old: any("old"), control, status: s.status, forbidden }) };
  }
  #card(f, t, stale) {
    const card = el("section", "card " + f.verdict);
    const sign = el("span", "sign", SIGNS[f.verdict] + " ");
    sign.setAttribute("aria-hidden", "true");
    card.append(el("p", "title", el("bdi", "", String(f.name || f.id))), el("p", "verdict", sign, t[f.verdict]));
    if (t[f.verdict + "Why"]) card.append(el("p", "why", t[f.verdict + "Why"]));
    const until = Date.parse(f.until);
    if (f.verdict == "dns" && until > Date.now())
      card.append(el("p", "until", fill(t.until, new Intl.DateTimeFormat(this.#lang, { dateStyle: "medium", timeStyle: "short" }).format(until))));
    card.append(el("p", "says", stale ? t.stale : fill(t.says, f.word || f.status)));
    const rows = f.probes.map((p) => el("li", "", t[p.kind] + ": ", el("code", "", new URL(p.url).host), " — " + (p.ok ? t.reached : t.unreached)));
    card.append(el("details", "", el("summary", "", t.details), el("ul", "", ...rows)));
    return card;
  }
  #advice(t) {
    const rows = FLUSH.flatMap(([system, command]) => [el("dt", "", system), el("dd", "", t.terminal + " ", el("code", "", command))]);
    const chrome = fill(t.chrome, "chrome://net-internals/#dns", "about:networking#dns");
    rows.push(el("dt", "", t.browsers), el("dd", "", chrome));
    return el("details", "how", el("summary", "", t.how), el("dl", "", ...rows), el("p", "", t.router));
  }
}
// reach tries a URL twice: one lost packet is no verdict.
async function reach(url) {
  for (let i = 0; i < 2; i++) {
    try {
      await fetch(url, { mode: "no-cors", cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(TIMEOUT) });
      return true;
    } catch {}
  }
  return false;
}
customElements.get("sonde-affected") || customElements.define("sonde-affected", SondeAffected);
