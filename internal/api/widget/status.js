// <sonde-status src="https://status.example.com" form="pill|list|banner" lang refresh quiet>
//
// It says what /api/v1/status of src says, and never more: a state that it does
// not know, an answer that is too old, or none at all, is never green.
const TEXTS = /*texts*/ {};
const STATES = ["operational", "at_risk", "degraded", "partial_outage", "major_outage", "maintenance", "unknown"];
const SIGNS = ["✓", "!", "!", "◐", "✕", "⚙", "?"];
const OLD = 300e3; // ms: older news says nothing about now
const TIMEOUT = 8e3;
const CSS = `
:host{display:inline-block;max-width:100%;color-scheme:light dark;font:var(--sonde-font,500 .9375rem/1.45 system-ui,sans-serif);
--ok:var(--sonde-ok,#1a7f37);--warn:var(--sonde-warn,#9a6700);--part:var(--sonde-partial,#bc4c00);--bad:var(--sonde-bad,#cf222e);--plan:var(--sonde-plan,#0969da);--none:var(--sonde-none,#57606a);
--bg:var(--sonde-bg,#fff);--ink:var(--sonde-ink,#1f2328);--line:var(--sonde-line,#d0d7de)}
:host([form=list]),:host([form=banner]){display:block}
:host([hidden]),[hidden]{display:none!important}
@media(prefers-color-scheme:dark){:host{
--ok:var(--sonde-ok,#3fb950);--warn:var(--sonde-warn,#d29922);--part:var(--sonde-partial,#db6d28);--bad:var(--sonde-bad,#f85149);--plan:var(--sonde-plan,#4493f8);--none:var(--sonde-none,#9198a1);
--bg:var(--sonde-bg,#0d1117);--ink:var(--sonde-ink,#e6edf3);--line:var(--sonde-line,#3d444d)}}
*{box-sizing:border-box}
.box{background:var(--bg);color:var(--ink);border:1px solid var(--line);border-radius:var(--sonde-radius,8px);padding:.4em .75em;overflow-wrap:anywhere;transition:border-color .3s}
.pill{display:inline-flex;min-block-size:24px;border-radius:var(--sonde-radius,2em)}
.head{display:flex;flex-wrap:wrap;gap:.1em 1em;align-items:baseline}
.head>:first-child{flex:1 1 auto}
.banner{border-inline-start:5px solid var(--c);padding:.75em 1em}
a{color:inherit;text-underline-offset:.2em}
a,.text{unicode-bidi:plaintext}
.pill a,.name{text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible{outline:2px solid var(--plan);outline-offset:2px}
.sign,.word{color:var(--c);font-weight:700}
.sign{margin-inline-end:.4em}
ul{list-style:none;margin:.4em 0 0;padding:0}
li{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1em;padding:.3em 0;border-block-start:1px solid var(--line)}
p{margin:.3em 0 0}
.more,time{font-size:.875em}
.say{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%)}
.s0{--c:var(--ok)}.s1,.s2{--c:var(--warn)}.s3{--c:var(--part)}.s4{--c:var(--bad)}.s5{--c:var(--plan)}.s6{--c:var(--none)}
@media(prefers-reduced-motion:reduce){.box{transition:none}}`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);

const el = (tag, part, ...children) => {
  const e = document.createElement(tag);
  if (part) e.className = part.toLowerCase(), e.setAttribute("part", part);
  e.append(...children);
  return e;
};
// rank of a state; whatever is not known to this version is unknown.
const rank = (s) => (STATES.includes(s) ? STATES.indexOf(s) : 6);
const list = (v) => (Array.isArray(v) ? v.filter((x) => x && typeof x == "object") : []);
const text = (v) => (typeof v == "string" ? v : "");

class SondeStatus extends HTMLElement {
  static observedAttributes = ["src", "lang", "refresh", "form", "quiet"];
  #root = this.attachShadow({ mode: "open" });
  #box = el("div");
  #say = el("span", "say");
  #timer = 0;
  #abort = null;
  #fails = 0;
  #data = null;
  #seen = 0; // when, by the monotonic clock, this news came first
  #verdict = -1;
  #live = () => (document.hidden ? this.#stop() : this.#poll());

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet];
    this.#say.setAttribute("role", "status");
    this.#root.append(this.#box, this.#say);
  }
  connectedCallback() {
    document.addEventListener("visibilitychange", this.#live);
    this.#draw("loading");
    this.#live();
  }
  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#live);
    this.#stop();
  }
  attributeChangedCallback(name, old, now) {
    if (!this.isConnected || old === now) return;
    if (name == "src") this.#data = null, this.#verdict = -1, this.#draw("loading");
    else this.#draw(this.dataset.state);
    if (name == "src" || name == "refresh") this.#live();
  }
  // refresh asks again at once.
  refresh() { return this.#poll(); }

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
  #stop() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
  }
  async #poll() {
    this.#stop();
    const abort = (this.#abort = new AbortController());
    const limit = setTimeout(() => abort.abort(), TIMEOUT);
    let state = "failed";
    try {
      const answer = await fetch(this.#base + "/api/v1/status", { signal: abort.signal, credentials: "omit", referrerPolicy: "no-referrer" });
      if (!answer.ok) throw 0;
      const data = await answer.json();
      if (this.#abort != abort) return;
      if (!data || !STATES.includes(data.status) && typeof data.status != "string") throw 0;
      if (data.generated != this.#data?.generated) this.#seen = performance.now();
      this.#data = data;
      this.#fails = 0;
      // A clock that is wrong cannot make old news new: what does not change grows old by itself.
      const age = Math.max(Date.now() - Date.parse(data.generated), performance.now() - this.#seen);
      state = data.stale || !(age < OLD) ? "stale" : "ready";
    } catch {
      if (this.#abort != abort) return; // stopped, or asked again
      this.#fails++;
    } finally {
      clearTimeout(limit);
    }
    this.#draw(state);
    this.#abort = null;
    const every = Math.max(+this.getAttribute("refresh") || 60, 15) * 1e3;
    const wait = Math.min(every * 2 ** this.#fails, Math.max(every, 900e3)) * (0.85 + 0.3 * Math.random());
    if (this.isConnected && !document.hidden) this.#timer = setTimeout(() => this.#poll(), wait);
  }
  #draw(state) {
    const lang = this.#lang, t = TEXTS[lang], d = this.#data, base = this.#base;
    const form = ["list", "banner"].includes(this.getAttribute("form")) ? this.getAttribute("form") : "pill";
    const at = state == "ready" ? rank(d.status) : 6;
    const open = state == "ready" ? list(d.incidents).filter((i) => i.state != "resolved") : [];
    const sentence = state == "ready" ? t.sentences[at] : t[state];
    const sign = el("span", "sign", SIGNS[at]);
    sign.setAttribute("aria-hidden", "true");
    const link = (label, path) => {
      const a = el("a", "link", label);
      if (base) a.href = base + path;
      a.target = "_top";
      return a;
    };
    const head = form == "pill" && state != "failed" ? link(el("span", "text", sentence), "/") : el("span", "text", sentence);
    head.prepend(sign);
    this.#box.className = "box " + form + " s" + at;
    this.#box.setAttribute("part", "box " + form);
    this.#box.lang = lang;
    this.#box.hidden = form == "banner" && this.hasAttribute("quiet") && at == 0;
    this.#box.setAttribute("aria-busy", state == "loading");
    const line = el("div", "head", head);
    if (form != "pill" || state == "failed") line.append(link(t.page, "/"));
    this.#box.replaceChildren(line);
    if (form == "banner") for (const i of open.slice(0, 3)) {
      const title = link(el("bdi", "title", text(i.title)), "/incidents/" + encodeURIComponent(text(i.id)));
      this.#box.append(el("p", "incident", title), el("p", "more", el("bdi", "", text(list(i.updates)[0]?.text).slice(0, 280))));
    }
    if (form == "banner" && open.length) this.#box.append(el("p", "more", link(t.affected, "/affected")));
    if (form == "list" && d && state != "failed") {
      const item = (s) => {
        const n = state == "ready" ? rank(s.status) : 6;
        const word = el("span", "word", t.words[n]);
        const li = el("li", "item", el("bdi", "name", text(s.name)), word);
        li.classList.add("s" + n);
        return li;
      };
      this.#box.append(el("ul", "list", ...list(d.services).map(item)));
    }
    if (state == "stale" && Date.parse(d?.generated)) {
      const time = el("time", "time", t.last + ": " + new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(d.generated)));
      this.#box.append(el("p", "more", time));
    }
    this.dataset.state = state;
    this.dataset.status = STATES[at];
    if (state == "loading") return;
    // Spoken only when the verdict changes, not at each look.
    const verdict = state == "failed" ? 7 : at;
    if (this.#verdict >= 0 && verdict != this.#verdict) {
      this.#say.textContent = sentence;
      this.dispatchEvent(new CustomEvent("sonde-change", { bubbles: true, composed: true, detail: { state, status: STATES[at] } }));
    }
    this.#verdict = verdict;
  }
}
customElements.get("sonde-status") || customElements.define("sonde-status", SondeStatus);
